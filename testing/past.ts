import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pino } from 'pino'
import { type Recording, recordedFigures } from '../catalogue/recordings.ts'
import type { RunningPrometheus } from '../demo/stack/prometheus.ts'
import { familiesOf } from '../exporter/serve/families.ts'
import { createExporterServer } from '../exporter/serve/server.ts'
import type { Family } from '../exporter/store/figure.ts'
import { type Snapshot, secondsOf } from '../exporter/store/snapshot.ts'
import { testDirectory } from './directory.ts'
import { run } from './programs.ts'
import { startPrometheusOver } from './prometheus.ts'

/** What the exporter shows at one instant: that of the snapshot. */
export interface Shown {
  snapshot: Snapshot
  probes?: readonly Family[]
}

/** Values of one expression at one instant, by their labels. */
export type Vector = readonly { metric: Readonly<Record<string, string>>; value: number }[]

/** A Prometheus that scraped the exporter at instants that are past. */
export interface Past extends RunningPrometheus {
  /** The instant of the last scrape. */
  now: Date
  query(expression: string, at?: Date): Promise<Vector>
  /** What a drop-down offers on a board of that range. */
  labelValues(selector: string, label: string, rangeSeconds: number): Promise<string[]>
  /** The same Prometheus for whoever asks what is now: now is the last scrape. */
  frozenUrl: string
}

/** Two, which show the same: whatever adds them up instead of taking either is twice as much. */
const replicas = ['exporter-0:9464', 'exporter-1:9464']
const job = 'barometer-exporter'

/** Starts a Prometheus that has the pages of the exporter as of the given instants, the oldest first, and nothing else. */
export async function startPast(shown: readonly Shown[]): Promise<Past> {
  const directory = testDirectory('past')
  const families = new Map<string, { header: string; samples: string }>()
  for (const one of shown) for (const page of await pagesOf(one)) addPage(families, page, millisecondsOf(one.snapshot))
  const history = [...families.values()].map(({ header, samples }) => header + samples).join('')
  writeFileSync(join(directory, 'past.txt'), `${history}# EOF\n`)
  const data = join(directory, 'data')
  mkdirSync(data)
  // One block for all: promtool reads its whole input once for each.
  const flags = ['--quiet', '--max-block-duration=100000h']
  await run('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', ...flags, join(directory, 'past.txt'), data])
  const prometheus = await startPrometheusOver(directory, ['--storage.tsdb.retention.time=100y'])
  const now = new Date(Math.max(...shown.map(({ snapshot }) => millisecondsOf(snapshot))))
  const ask = async <Data>(path: string, parameters: Record<string, string>): Promise<Data> => {
    const response = await fetch(`${prometheus.url}/api/v1/${path}?${new URLSearchParams(parameters)}`)
    const body = (await response.json()) as { status: string; error?: string; data: Data }
    if (body.status !== 'success') throw new Error(`${JSON.stringify(parameters)}: ${body.error}`)
    return body.data
  }
  const clock = await startFrozen(prometheus.url, now)
  return {
    ...prometheus,
    now,
    frozenUrl: clock.url,
    stop: async () => {
      clock.server.close()
      await prometheus.stop()
    },
    query: async (expression, at = now) => {
      interface Answer {
        result: { metric: Record<string, string>; value: [number, string] }[]
      }
      const { result } = await ask<Answer>('query', { query: expression, time: at.toISOString() })
      return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }))
    },
    labelValues: (selector, label, rangeSeconds) => {
      const start = new Date(now.getTime() - rangeSeconds * 1_000).toISOString()
      return ask(`label/${label}/values`, { 'match[]': selector, start, end: now.toISOString() })
    },
  }
}

/** Passes questions on, those of no time of their own with the given one. */
async function startFrozen(prometheusUrl: string, at: Date): Promise<{ url: string; server: Server }> {
  const server = createServer(async (request, response) => {
    const body = new URLSearchParams(await text(request))
    if (!body.has('time')) body.set('time', at.toISOString())
    const answer = await fetch(prometheusUrl + request.url, { method: 'POST', body })
    response.setHeader('content-type', 'application/json').end(await answer.text())
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server }
}

/** Prometheus keeps whole milliseconds. */
const millisecondsOf = ({ asOf }: Snapshot): number => Math.floor(secondsOf(asOf) * 1_000)

async function pagesOf({ snapshot, probes = [] }: Shown): Promise<string[]> {
  const nowMs = millisecondsOf(snapshot)
  const figures = familiesOf(snapshot, { nowMs, staleAfterMs: 60_000, cutOff: false })
  const server = createExporterServer({
    serving: { listen: { host: '127.0.0.1', port: 0 } },
    log: pino({ level: 'silent' }),
    version: '0',
    refresher: {
      snapshot: () => snapshot,
      leads: () => true,
      cutOff: () => undefined,
      onChange: () => {},
      onRefresh: () => {},
      stop: async () => {},
    },
    probes: { families: () => [...probes] },
    figures: () => figures,
    now: () => nowMs,
  })
  const pages = []
  for (const url of ['/metrics', '/metrics/probes']) {
    const answer = await server.inject({ url, headers: { accept: 'application/openmetrics-text' } })
    if (answer.statusCode !== 200) throw new Error(`${url} answers ${answer.statusCode}: ${answer.body}`)
    pages.push(answer.body)
  }
  await server.close()
  return pages
}

/** Adds the samples of a page to those of the same families, labelled as a scrape labels them and with its time. */
function addPage(families: Map<string, { header: string; samples: string }>, page: string, atMs: number): void {
  for (const block of page.split(/^(?=# HELP )/m)) {
    const name = /^# HELP (\S+)/.exec(block)?.[1]
    if (name === undefined) continue
    const lines = block.trimEnd().split('\n')
    const header = `${lines.filter((line) => line.startsWith('#') && line !== '# EOF').join('\n')}\n`
    const samples = lines.filter((line) => !line.startsWith('#'))
    const family = families.get(name) ?? { header, samples: '' }
    for (const replica of replicas) family.samples += labelled(samples, [`job="${job}"`, `instance="${replica}"`], atMs)
    families.set(name, family)
    const recording = recordedFigures.find((figure) => figure.name === `job:${name}:max`)
    if (recording !== undefined) addRecorded(families, recording, samples, atMs)
  }
}

/** What the rules would have recorded of it: of both replicas once, and only what they record. */
function addRecorded(
  families: Map<string, { header: string; samples: string }>,
  figure: Recording,
  samples: readonly string[],
  atMs: number,
): void {
  const kept = Object.entries(figure.recorded?.labels ?? {}).map(([label, value]) => `${label}="${value}"`)
  const lines = samples.filter((line) => kept.every((pair) => line.includes(pair)))
  const family = families.get(figure.name) ?? { header: `# TYPE ${figure.name} gauge\n`, samples: '' }
  family.samples += labelled(lines, [`job="${job}"`], atMs, figure.name)
  families.set(figure.name, family)
}

/** Samples as they stand in a page, with more labels, their time and, if given, another name. */
function labelled(samples: readonly string[], more: readonly string[], atMs: number, name?: string): string {
  return samples
    .map((line) => {
      const [, own = '', labels, value = ''] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
      const all = [...more, ...(labels === undefined ? [] : [labels])]
      return `${name ?? own}{${all.join(',')}} ${value} ${atMs / 1_000}\n`
    })
    .join('')
}
