import type { DependencyName } from '../../catalogue/dependencies.ts'
import { queuesMax, targetsMax } from '../../catalogue/infrastructure.ts'
import type { Logger } from '../../lib/log.ts'
import type { Settings } from '../../lib/settings.ts'
import { UserError } from '../../lib/user-error.ts'
import type { Family } from '../store/figure.ts'
import { apiProbe } from './api.ts'
import { comfyuiProbe, workerNames } from './comfyui.ts'
import { postgresProbe } from './postgres.ts'
import type { Probe } from './probe.ts'
import { queueProbes } from './queues.ts'
import { createExplain } from './reason.ts'
import { redisProbe } from './redis.ts'
import { Runner, runOnce } from './runner.ts'
import { runpodProbe } from './runpod.ts'
import { runpodPodsProbe } from './runpod-pods.ts'
import { s3Probe } from './s3.ts'

/** 5 s: with the time-out and a rule group every 5 s, a page leaves within a minute. */
const tickMsDefault = 5_000
/** 3 s: below the tick, so that a slow probe is seen, not lost. */
const timeoutMsDefault = 3_000

export interface ProbeOptions {
  settings: Settings
  /** Milliseconds since 1970. */
  clock: () => number
  log: Logger
  /** Stands in the key of the S3 canary, so that replicas do not read each other's. */
  replicaId: string
  tickMs?: number
  timeoutMs?: number
}

export interface RunningProbes {
  /** What the last tick found; empty before the first one is over, which takes 3 s at most. */
  families(): readonly Family[]
  /** One tick now, for tests. */
  tick(): Promise<void>
  stop(): Promise<void>
}

/**
 * Starts probing all that is configured, the first tick at once.
 * @throws {UserError} where more is configured than the bounds of the labels allow.
 */
export function startProbes(options: ProbeOptions): RunningProbes {
  const { settings, clock, log } = options
  const runner = new Runner({
    probes: probesOf(settings, { replicaId: options.replicaId }),
    clock,
    log,
    explain: createExplain(settings),
    timeoutMs: options.timeoutMs ?? timeoutMsDefault,
  })
  const tick = () => runner.tick()
  const timer = setInterval(() => void tick(), options.tickMs ?? tickMsDefault)
  void tick()
  return {
    families: () => runner.families(),
    tick,
    stop: async () => {
      clearInterval(timer)
      await runner.stop()
    },
  }
}

export interface DependencyCheck {
  /** As in `platform_dependency_up`, or `queue`. */
  dependency: string
  target: string
  up: boolean
  latencyMs: number
  /** Why it is not up; undefined where it is. */
  reason: string | undefined
}

/** Probes everything that is configured once, side by side. */
export async function checkDependencies(
  settings: Settings,
  options: { replicaId: string; timeoutMs?: number },
): Promise<DependencyCheck[]> {
  const explain = createExplain(settings)
  const probes = probesOf(settings, { replicaId: options.replicaId, queuesMustExist: true })
  const timeoutMs = options.timeoutMs ?? timeoutMsDefault
  const checks = await Promise.all(
    probes.map(async (probe): Promise<DependencyCheck> => {
      const { up, seconds, reason } = await runOnce(probe, { timeoutMs, explain }).outcome
      return { ...probe.of, up, latencyMs: Math.round(seconds * 1_000), reason }
    }),
  )
  await Promise.allSettled(probes.map((probe) => probe.stop?.()))
  return checks
}

type ProbesOf = (settings: Settings, options: { replicaId: string }) => Probe[]

/** The probes of each dependency: none where it is not configured. `check` lists them in this order. */
const probesByDependency: Readonly<Record<DependencyName, ProbesOf>> = {
  postgres: ({ DATABASE_URL: url }) => (url === undefined ? [] : [postgresProbe(url)]),
  redis: ({ REDIS_URL: url }) => (url === undefined ? [] : [redisProbe(url)]),
  s3: (settings, { replicaId }) =>
    settings.S3_BUCKET === undefined ? [] : [s3Probe(settings, settings.S3_BUCKET, replicaId)],
  api: ({ API_PROBE_URLS: urls = [] }) => urls.map(apiProbe),
  runpod: ({ RUNPOD_API_KEY: apiKey, RUNPOD_ENDPOINT_IDS: endpoints = [], ...settings }) =>
    apiKey === undefined
      ? []
      : [
          runpodPodsProbe({ baseUrl: settings.RUNPOD_API_URL, apiKey }),
          ...endpoints.map((endpoint) => runpodProbe({ endpoint, baseUrl: settings.RUNPOD_SERVERLESS_URL, apiKey })),
        ],
  comfyui: ({ COMFYUI_URLS: pods = [] }) => {
    const workers = workerNames(pods)
    return pods.map((pod, index) => comfyuiProbe(pod, workers[index] ?? pod.name))
  },
}

/** Everything that is configured; what is not is off. */
function probesOf(settings: Settings, options: { replicaId: string; queuesMustExist?: boolean }): Probe[] {
  const { REDIS_URL, QUEUES } = settings
  const dependencies = Object.values(probesByDependency).flatMap((probesFor) => probesFor(settings, options))
  if (dependencies.length > targetsMax) {
    throw new UserError(`${dependencies.length} targets are configured to be probed; expected at most ${targetsMax}`)
  }
  if (REDIS_URL === undefined || QUEUES === undefined) return dependencies
  if (QUEUES.length > queuesMax) {
    throw new UserError(`QUEUES has ${QUEUES.length} queues; expected at most ${queuesMax}`)
  }
  const mustExist = options.queuesMustExist ?? false
  return [...dependencies, ...queueProbes({ redisUrl: REDIS_URL, queues: QUEUES, mustExist })]
}
