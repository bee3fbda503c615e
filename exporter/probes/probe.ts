import type { LabelsOf, Metric } from '../../catalogue/define.ts'
import type { DependencyName } from '../../catalogue/dependencies.ts'
import type { Sample } from '../store/figure.ts'

/** One series that a probe read. */
export interface Reading {
  metric: Metric
  sample: Sample
}

export interface Target {
  /** A queue is no dependency of its own: Redis is. Its probe gives figures, not up and down. */
  dependency: DependencyName | 'queue'
  /** The configured name, else host:port; never a URL, which may hold a password. */
  target: string
}

/** Something that is asked at every tick or every few, by itself, with a time-out. */
export interface Probe {
  of: Target
  /** 1 is at every tick; more spares a rate limit. */
  everyTicks: number
  /**
   * One probe: returns what it read, or throws where the dependency is down or its answer is not good. It must end soon
   * after the signal; while it does not, it is not started again.
   */
  run(signal: AbortSignal): Promise<readonly Reading[]>
  /** What there is to show while it fails; nothing unless given. */
  readingsWhenDown?(): readonly Reading[]
  stop?(): Promise<void>
}

export function reading<const Of extends Metric>(metric: Of, labels: LabelsOf<Of>, value: number): Reading {
  return { metric, sample: { labels: labels as Readonly<Record<string, string>>, value } }
}

/** Why a probe failed, in words of our own: what the other side sent is never part of it. */
export class ProbeError extends Error {
  override readonly name = 'ProbeError'
}

/**
 * Ends `work` with the signal, for what would wait on: `release` lets go of what it held. Not to be used where the work
 * would go on behind.
 */
export async function orAborted<Result>(
  signal: AbortSignal,
  release: () => void,
  work: () => Promise<Result>,
): Promise<Result> {
  const cut = Promise.withResolvers<never>()
  const abort = () => {
    release()
    cut.reject(new ProbeError('no answer in time'))
  }
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([work(), cut.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
