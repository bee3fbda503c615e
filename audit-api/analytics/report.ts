import type { TSchema } from 'typebox'
import type { Parameters, Read } from './query.ts'
import type { Prometheus } from './sources/prometheus.ts'
import type { AnalyticsStore, Bucket, Period, Range, StoreReading } from './sources/store.ts'

/** Where answers come from. */
export interface Sources {
  store: AnalyticsStore
  prometheus: Prometheus
  /** Periods of a range without the store, up to now. */
  calendar: (asked: Read['asked']) => Promise<Bucket[]>
}

export type Row = Readonly<Record<string, string | number | boolean | null>>

export interface Answer {
  as_of: string | null
  timezone?: string
  items: readonly Row[]
  [more: string]: unknown
}

/** One route under `/v1/analytics/`. */
export interface Report {
  path: string
  /** The board that shows the like, for what is counted of exports. */
  dashboard: string
  summary: string
  description?: string
  parameters: Parameters
  /** The columns of a row, flat. */
  item: Readonly<Record<string, TSchema>>
  /** What the answer has beside its rows. */
  more?: Readonly<Record<string, TSchema>>
  load(read: Read, sources: Sources): Promise<Answer>
}

/** The periods of a range, and the range that they make up. */
export async function periodsOf(
  reading: StoreReading,
  asked: Read['asked'],
): Promise<{ buckets: Bucket[]; range: Range }> {
  const buckets = await reading.buckets(asked)
  const [first, last] = [buckets[0], buckets.at(-1)]
  // A range ahead of the figures has no periods; nothing is in it.
  const instant = asked.from ?? reading.asOf
  return { buckets, range: { from: first?.from ?? instant, to: last?.to ?? instant } }
}

/** `null` where there is nothing to divide by. */
export const ratio = (upper: number, lower: number): number | null => (lower === 0 ? null : upper / lower)

/** Sums by period and by whatever else they are told apart by. */
export class Sums {
  readonly #cells = new Map<string, number>()

  add(keys: readonly (string | null)[], amount: string | number | null): void {
    const key = JSON.stringify(keys)
    this.#cells.set(key, (this.#cells.get(key) ?? 0) + Number(amount ?? 0))
  }

  get(...keys: readonly (string | null)[]): number {
    return this.#cells.get(JSON.stringify(keys)) ?? 0
  }
}

export const distinct = (values: Iterable<string>): string[] => [...new Set(values)].sort()

export type { Period, Read }
