import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { gpuJobs, gpuWorkerStates, gpuWorkers } from '../../catalogue/infrastructure.ts'
import type { Named } from '../../lib/variables.ts'
import { below, get, readJson } from './http.ts'
import { type Probe, type Reading, reading } from './probe.ts'

const answerBytesMax = 1_000_000

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const Health = Compile(
  Type.Object({
    jobs: Type.Object({ inQueue: Count, inProgress: Count, completed: Count, failed: Count, retried: Count }),
    workers: Type.Object({
      idle: Count,
      running: Count,
      // Added over the years; an endpoint that does not tell them has no series of them.
      initializing: Type.Optional(Count),
      ready: Type.Optional(Count),
      throttled: Type.Optional(Count),
      unhealthy: Type.Optional(Count),
    }),
  }),
)

/** `GET /v2/{endpoint}/health` of one RunPod serverless endpoint. */
export function runpodProbe(options: { endpoint: Named; baseUrl: string; apiKey: string }): Probe {
  const { endpoint, baseUrl, apiKey } = options
  const address = below(baseUrl, `${endpoint.value}/health`)
  const labels = { provider: 'runpod_serverless', endpoint: endpoint.name } as const
  return {
    of: { dependency: 'runpod', target: endpoint.name },
    // Every 10 s, to spare the rate limit.
    everyTicks: 2,
    run: async (signal) => {
      const response = await get(address, { signal, headers: { authorization: `Bearer ${apiKey}` } })
      const { jobs, workers } = await readJson(response, 'RunPod', Health, answerBytesMax)
      const readings: Reading[] = [
        reading(gpuJobs, { ...labels, state: 'in_queue' }, jobs.inQueue),
        reading(gpuJobs, { ...labels, state: 'in_progress' }, jobs.inProgress),
        reading(gpuJobs, { ...labels, state: 'completed' }, jobs.completed),
        reading(gpuJobs, { ...labels, state: 'failed' }, jobs.failed),
        reading(gpuJobs, { ...labels, state: 'retried' }, jobs.retried),
      ]
      for (const state of gpuWorkerStates.runpod_serverless) {
        const count = workers[state]
        if (count !== undefined) readings.push(reading(gpuWorkers, { ...labels, state }, count))
      }
      return readings
    },
  }
}
