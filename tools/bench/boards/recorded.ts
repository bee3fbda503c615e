import { recordedFiguresGroup, recordedRateGroups } from '../../../alerts/recordings.ts'
import type { Recording } from '../../../catalogue/recordings.ts'
import type { Span } from './movement.ts'
import { rangeQuery } from './prometheus.ts'

/** A series that a rule records. */
export interface RecordedSeries {
  labels: Readonly<Record<string, string>>
  /** In whole milliseconds since 1970. */
  times: Float64Array
  values: Float64Array
}

/** Two days: answers of some 10 MB, of less points than the 11,000 that Prometheus gives. */
const atOnceSeconds = 172_800

/** Prometheus spreads the evaluations of groups over their interval. */
const offsetSeconds = 13
const intervalSeconds: Readonly<Record<string, number>> = { '30s': 30, '1m': 60, '5m': 300 }

/**
 * What the recording rules find in a span, asked of a Prometheus that has what was scraped. The rules of figures give nothing
 * at other instants than those of the last minute of an hour or a quarter, which are not asked for.
 */
export async function recordedIn(url: string, span: Span): Promise<RecordedSeries[]> {
  const found: RecordedSeries[] = []
  for (const { interval, recordings = [] } of [recordedFiguresGroup, ...recordedRateGroups]) {
    const every = intervalSeconds[interval]
    if (every === undefined) throw new Error(`rules are evaluated every ${interval}; expected 30s, 1m or 5m`)
    for (const recording of recordings) {
      const step = (recording.recorded?.minutes ?? 0) * 60
      const steps =
        step === 0
          ? [{ at: offsetSeconds, step: every }]
          : [step - 60, step - 30].map((at) => ({ at: at + offsetSeconds, step }))
      found.push(...(await evaluate(url, recording, { ...span, steps, every })))
    }
  }
  return found
}

interface Evaluations extends Span {
  /** When: from so many seconds after a multiple of the step. */
  steps: readonly { at: number; step: number }[]
  /** Seconds between two evaluations. */
  every: number
}

interface Samples {
  labels: Record<string, string>
  values: Map<number, number>
}

async function evaluate(
  url: string,
  { name, recordedBy }: Recording,
  { begins, ends, steps, every }: Evaluations,
): Promise<RecordedSeries[]> {
  const all = new Map<string, Samples>()
  for (const { at, step } of steps) {
    const firstAfter = (time: number): number => Math.ceil((time - at) / step) * step + at
    for (let from = begins; from < ends; from += atOnceSeconds) {
      const range = { start: firstAfter(from), end: Math.min(ends, from + atOnceSeconds) - 1, step }
      if (range.start > range.end) continue
      for (const { metric, values } of await rangeQuery(url, recordedBy, range)) {
        const key = JSON.stringify(metric)
        const one = all.get(key) ?? { labels: { ...metric, __name__: name }, values: new Map() }
        all.set(key, one)
        for (const [seconds, text] of values) one.values.set(seconds * 1_000, Number(text))
      }
    }
  }
  return [...all.values()].map(({ labels, values }) => ({
    labels,
    ...withEnds(values, { everyMs: every * 1_000, endsMs: ends * 1_000 }),
  }))
}

/** The bits of the number by which Prometheus marks that a series has ended. */
const ended = { high: 0x7ff00000, low: 2 }

/** The samples in the order of time, and after each without a next one that the series ended. */
function withEnds(
  samples: ReadonlyMap<number, number>,
  { everyMs, endsMs }: { everyMs: number; endsMs: number },
): Pick<RecordedSeries, 'times' | 'values'> {
  const after = [...samples.keys()].map((time) => time + everyMs).filter((time) => !samples.has(time) && time < endsMs)
  const times = Float64Array.from([...samples.keys(), ...after]).sort()
  const values = times.map((time) => samples.get(time) ?? 0)
  const halves = new Uint32Array(values.buffer)
  for (const [index, time] of times.entries()) {
    if (samples.has(time)) continue
    halves[2 * index] = ended.low
    halves[2 * index + 1] = ended.high
  }
  return { times, values }
}
