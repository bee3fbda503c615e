import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Writable } from 'node:stream'
import { type Logger, pino } from 'pino'
import type { LabelsOf, Metric } from '../catalogue/define.ts'
import { type RunningProbes, startProbes } from '../exporter/probes/index.ts'
import type { Family, Sample } from '../exporter/store/figure.ts'
import { readSettings, type Settings } from '../lib/settings.ts'

/** A logger whose lines a test can read. */
export function recordingLog(): { log: Logger; lines: string[] } {
  const lines: string[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  return { log: pino({ level: 'trace' }, stream), lines }
}

export interface TestProbes extends RunningProbes {
  lines: string[]
  /** The sample of exactly these labels. */
  sample<const Of extends Metric>(metric: Of, labels: LabelsOf<Of>): Sample | undefined
  value<const Of extends Metric>(metric: Of, labels: LabelsOf<Of>): number | undefined
  /** All that would be served, as one text. */
  everything(): string
}

/** Probes that tick only when a test says so. */
export function testProbes(environment: Record<string, string>, options: { timeoutMs?: number } = {}): TestProbes {
  const { log, lines } = recordingLog()
  const settings: Settings = readSettings(environment)
  const hourMs = 3_600_000
  const probes = startProbes({ settings, clock: Date.now, log, replicaId: 'replica-1', tickMs: hourMs, ...options })
  const sample = (metric: Metric, labels: object) => sampleOf(probes.families(), metric, labels)
  return {
    ...probes,
    lines,
    sample,
    value: (metric, labels) => {
      const found = sample(metric, labels)
      return found !== undefined && 'value' in found ? found.value : undefined
    },
    everything: () => JSON.stringify(probes.families()) + lines.join(''),
  }
}

function sampleOf(families: readonly Family[], metric: Metric, labels: object): Sample | undefined {
  const text = (of: object) => JSON.stringify(Object.entries(of).sort())
  const wanted = text(labels)
  return families.find((family) => family.metric === metric)?.samples.find((one) => text(one.labels) === wanted)
}

export interface TestServer {
  url: string
  port: number
  requests: IncomingMessage[]
  /** What it answers from now on. */
  answer(handler: (request: IncomingMessage, response: ServerResponse) => void): void
  close(): Promise<void>
}

/** A real HTTP server whose answers a test chooses. */
export async function startServer(): Promise<TestServer> {
  let handle = (_request: IncomingMessage, response: ServerResponse): void => void response.end('ok')
  const requests: IncomingMessage[] = []
  const server: Server = createServer((request, response) => {
    requests.push(request)
    response.on('error', () => {})
    handle(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    answer: (handler) => {
      handle = handler
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export const json =
  (content: unknown, status = 200) =>
  (_request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(typeof content === 'string' ? content : JSON.stringify(content))
  }
