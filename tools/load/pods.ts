import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:net'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import getPort from 'get-port'
import { pino } from 'pino'
import { dependencyLatencySeconds, dependencyUp, targetsMax } from '../../catalogue/infrastructure.ts'
import { answers, type Program, startProgram } from '../../demo/stack/process.ts'
import { comfyuiProbe } from '../../exporter/probes/comfyui.ts'
import { createExplain } from '../../exporter/probes/reason.ts'
import { Runner } from '../../exporter/probes/runner.ts'
import { readSettings } from '../../lib/settings.ts'
import { atMost, exactly, type Seen } from './bound.ts'

const timeoutMs = 3_000

/** Ticks of the probes over so many ComfyUI pods, of which some take a connection and never answer. */
export async function manyPods(options: {
  directory: string
  pods: number
  hung: number
  ticks: number
}): Promise<Seen[]> {
  const { pods, hung, ticks } = options
  const fake = await startFake(options.directory)
  const hanging = await startHanging()
  const urls = Array.from({ length: pods }, (_, index) => (index < hung ? hanging.url : fake.url))
  const runner = new Runner({
    probes: urls.map((value, index) => comfyuiProbe({ name: `pod-${index}`, value }, `pod-${index}`)),
    clock: Date.now,
    log: pino({ level: 'silent' }),
    explain: createExplain(readSettings({})),
    timeoutMs,
  })
  try {
    let slowestTickMs = 0
    for (let tick = 0; tick < ticks; tick += 1) {
      const begun = performance.now()
      await runner.tick()
      slowestTickMs = Math.max(slowestTickMs, performance.now() - begun)
    }
    const families = runner.families()
    const up = families.find(({ metric }) => metric === dependencyUp)?.samples ?? []
    const isUp = up.filter((sample) => 'value' in sample && sample.value === 1).length
    const latencies = families.find(({ metric }) => metric === dependencyLatencySeconds)?.samples ?? []
    const seconds = latencies.flatMap((one) =>
      'sum' in one && Number(one.labels.target?.slice(4)) >= hung ? [one.sum / one.count] : [],
    )
    return [
      exactly(`pods seen as up, of ${pods} of which ${hung} hang`, isUp, 'pods', pods - hung),
      atMost('the slowest tick', slowestTickMs, 'ms', timeoutMs + 1_500),
      atMost('the slowest answering pod, on average', Math.max(...seconds) * 1_000, 'ms', 2_000),
      // Two requests a pod, and those of the tick before, which undici closes when it has made new ones.
      atMost('connections to pods that hang', hanging.most(), 'connections', 4 * hung),
      atMost('connections to pods that hang, a second later', await hanging.later(), 'connections', 4 * hung),
    ]
  } finally {
    await runner.stop()
    await fake.stop()
    hanging.close()
  }
}

/** One exporter takes as many targets as its series have room for; more are several exporters'. */
export const podsOfOneExporter = targetsMax

async function startFake(directory: string): Promise<Program & { url: string }> {
  const port = await getPort({ host: '127.0.0.1' })
  const url = `http://127.0.0.1:${port}`
  const program = await startProgram({
    ...{ name: 'fake ComfyUI', command: process.execPath, logFile: `${directory}/comfyui.log` },
    arguments: [resolve(import.meta.dirname, '..', '..', 'demo', 'fakes', 'comfyui.ts'), '--port', String(port)],
    ready: () => answers(`${url}/queue`),
  })
  return { ...program, url }
}

async function startHanging(): Promise<{
  url: string
  most: () => number
  later: () => Promise<number>
  close: () => void
}> {
  let [open, most] = [0, 0]
  const sockets = new Set<{ destroy(): void }>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    open += 1
    most = Math.max(most, open)
    socket
      .on('error', () => {})
      .on('close', () => {
        open -= 1
        sockets.delete(socket)
      })
    socket.resume()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    most: () => most,
    later: async () => {
      await sleep(1_000)
      return open
    },
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
