import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { gpuJobs, gpuMemoryFreeBytes, gpuMemoryTotalBytes, gpuWorkers } from '../../catalogue/infrastructure.ts'
import { hostAndPort, type Named } from '../../lib/variables.ts'
import { below, bounded, expectOk, get, readJson, validated } from './http.ts'
import { JsonArrayCounter } from './json-array-counter.ts'
import { type Probe, reading } from './probe.ts'

const statsBytesMax = 1_000_000
/** A queue of hundreds of large workflows; it is counted as it comes in and never held. */
const queueBytesMax = 100_000_000
const devicesMax = 64

const Bytes = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
/** Of the answer only memory is taken: it also carries the command line, in which secrets may stand. */
const SystemStats = Compile(
  Type.Object({
    devices: Type.Array(Type.Object({ vram_total: Bytes, vram_free: Bytes }), { maxItems: devicesMax }),
  }),
)
const Count = Type.Integer({ minimum: 0 })
const Queue = Compile(Type.Object({ queue_running: Count, queue_pending: Count }))

/** `/system_stats` and `/queue` of one ComfyUI pod. */
export function comfyuiProbe({ name: target, value: baseUrl }: Named, worker: string): Probe {
  const labels = { provider: 'comfyui', endpoint: target } as const
  const workers = (running: number) => [
    reading(gpuWorkers, { ...labels, state: 'running' }, running),
    reading(gpuWorkers, { ...labels, state: 'unreachable' }, 1 - running),
  ]
  return {
    of: { dependency: 'comfyui', target },
    everyTicks: 1,
    run: async (signal) => {
      // The first of the two that fails ends the other.
      const other = new AbortController()
      const both = { signal: AbortSignal.any([signal, other.signal]) }
      const reads = [readMemory(baseUrl, both), readQueue(baseUrl, both)] as const
      try {
        const [memory, queue] = await Promise.all(reads)
        return [
          ...workers(1),
          reading(gpuMemoryFreeBytes, { worker }, memory.free),
          reading(gpuMemoryTotalBytes, { worker }, memory.total),
          reading(gpuJobs, { ...labels, state: 'in_queue' }, queue.queue_pending),
          reading(gpuJobs, { ...labels, state: 'in_progress' }, queue.queue_running),
        ]
      } finally {
        other.abort()
        await Promise.allSettled(reads)
      }
    },
    readingsWhenDown: () => workers(0),
  }
}

/**
 * The label `worker` of each: the pod's id where the address is RunPod's proxy (`<id>-8188.proxy.runpod.net`), else
 * host:port; where two share that, behind one proxy, their names.
 */
export function workerNames(pods: readonly Named[]): string[] {
  const plain = pods.map(({ value }) => podId(value) ?? hostAndPort(value))
  return plain.map((name, index) => (plain.indexOf(name) === plain.lastIndexOf(name) ? name : nameOf(pods, index)))
}

const nameOf = (pods: readonly Named[], index: number): string => pods[index]?.name ?? ''

function podId(address: string): string | undefined {
  return /^([a-z0-9]+)-\d+\.proxy\.runpod\.net$/.exec(new URL(address).hostname)?.[1]
}

async function readMemory(baseUrl: string, options: { signal: AbortSignal }): Promise<{ free: number; total: number }> {
  const what = 'ComfyUI /system_stats'
  const response = await get(below(baseUrl, 'system_stats'), options)
  const { devices } = await readJson(response, what, SystemStats, statsBytesMax)
  return {
    free: devices.reduce((sum, device) => sum + device.vram_free, 0),
    total: devices.reduce((sum, device) => sum + device.vram_total, 0),
  }
}

/** How many prompts run and wait. The prompts themselves pass by and are dropped. */
async function readQueue(baseUrl: string, options: { signal: AbortSignal }) {
  const what = 'ComfyUI /queue'
  const response = await get(below(baseUrl, 'queue'), options)
  await expectOk(response, what)
  const counter = new JsonArrayCounter(['queue_running', 'queue_pending'])
  for await (const chunk of bounded(response, what, queueBytesMax)) counter.add(chunk)
  return validated(Object.fromEntries(counter.finish()), what, Queue)
}
