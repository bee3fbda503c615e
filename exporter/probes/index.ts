import { targetsMax } from '../../catalogue/infrastructure.ts'
import type { Logger } from '../../lib/log.ts'
import type { Settings } from '../../lib/settings.ts'
import { UserError } from '../../lib/user-error.ts'
import type { Family } from '../collector.ts'
import { apiProbe } from './api.ts'
import { postgresProbe } from './postgres.ts'
import type { Probe } from './probe.ts'
import { createExplain } from './reason.ts'
import { redisProbe } from './redis.ts'
import { Runner, runOnce } from './runner.ts'

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
    probes: probesOf(settings, options.replicaId),
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
  const probes = probesOf(settings, options.replicaId)
  const timeoutMs = options.timeoutMs ?? timeoutMsDefault
  const checks = await Promise.all(
    probes.flatMap(async (probe): Promise<DependencyCheck[]> => {
      const { up, seconds, reason } = await runOnce(probe, { timeoutMs, explain }).outcome
      return probe.of === undefined ? [] : [{ ...probe.of, up, latencyMs: Math.round(seconds * 1_000), reason }]
    }),
  )
  await Promise.allSettled(probes.map((probe) => probe.stop?.()))
  return checks.flat()
}

/** Everything that is configured; what is not is off. */
function probesOf(settings: Settings, _replicaId: string): Probe[] {
  const probes: Probe[] = [
    ...(settings.DATABASE_URL === undefined ? [] : [postgresProbe(settings.DATABASE_URL)]),
    ...(settings.REDIS_URL === undefined ? [] : [redisProbe(settings.REDIS_URL)]),
    ...(settings.API_PROBE_URLS ?? []).map(apiProbe),
  ]
  if (probes.length > targetsMax) {
    throw new UserError(`${probes.length} targets are configured to be probed; expected at most ${targetsMax}`)
  }
  return probes
}
