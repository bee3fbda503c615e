import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { gpuWorkerStates, gpuWorkers } from '../../catalogue/infrastructure.ts'
import { hostAndPort } from '../../lib/variables.ts'
import { below, get, readJson } from './http.ts'
import { type Probe, ProbeError, reading } from './probe.ts'

const answerBytesMax = 5_000_000
const podsMax = 10_000

const Status = Type.String({ maxLength: 40 })
/** Of a pod only its status is taken: the list carries the environment variables too. */
const Pods = Type.Array(Type.Object({ desiredStatus: Type.Optional(Status), status: Type.Optional(Status) }), {
  maxItems: podsMax,
})
/** Version 1 of the REST API answers with the list and `desiredStatus`, version 2 with `pods` and `status`. */
const Answer = Compile(Type.Union([Pods, Type.Object({ pods: Pods })]))

const states = gpuWorkerStates.runpod_pods

/** `GET /pods` of RunPod's REST API: how many pods there are in each state. */
export function runpodPodsProbe(options: { baseUrl: string; apiKey: string }): Probe {
  const address = below(options.baseUrl, 'pods')
  return {
    of: { dependency: 'runpod', target: hostAndPort(options.baseUrl) },
    // Every 10 s, to spare the rate limit.
    everyTicks: 2,
    run: async (signal) => {
      const response = await get(address, { signal, headers: { authorization: `Bearer ${options.apiKey}` } })
      const answer = await readJson(response, 'RunPod', Answer, answerBytesMax)
      const counts = new Map<(typeof states)[number], number>(states.map((state) => [state, 0]))
      for (const pod of Array.isArray(answer) ? answer : answer.pods) {
        const state = stateOf(pod.desiredStatus ?? pod.status)
        counts.set(state, (counts.get(state) ?? 0) + 1)
      }
      return [...counts].map(([state, count]) =>
        reading(gpuWorkers, { provider: 'runpod_pods', endpoint: 'pods', state }, count),
      )
    },
  }
}

function stateOf(status: string | undefined): (typeof states)[number] {
  if (status === undefined) throw new ProbeError('RunPod answered with a pod that has no status')
  return states.find((state) => state === status.toLowerCase()) ?? 'other'
}
