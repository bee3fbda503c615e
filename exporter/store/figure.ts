import type { KeptSet, Metric } from '../../catalogue/define.ts'
import type { View } from '../../catalogue/views.ts'
import type { ActivityThresholds } from '../../lib/variables.ts'
import type { Cells, State } from './domain.ts'

/** One popular item that has a series of its own today. */
export interface PopularItem {
  category: string
  window: string
  item: string
}

/**
 * What a figure depends on beside the rows of the views. A statement names these as `:as_of`, `:timezone`, `:casual`,
 * `:regular`, `:power`, `:kept_<set>` (text[]), `:popular_items` (jsonb array of {category, window, item}),
 * `:currency_decimals` (jsonb object of ISO code to decimals).
 */
export interface Inputs {
  /** The instant of the refresh as a timestamptz text with microseconds: a Date would lose them. */
  asOf: string
  /** IANA name. */
  timezone: string
  thresholds: ActivityThresholds
  kept: Readonly<Record<KeptSet, readonly string[]>>
  popularItems: readonly PopularItem[]
}

/**
 * The past of one metric, as one statement over the views. Every figure is a sum of contributions that begin and end, so
 * its whole past is the running sum of what changes: the statement gives the changes, and the backfill adds them up by
 * hours.
 *
 * Columns: the metric's labels by name; `at`, the instant from which the change counts, that instant included; `value` (or
 * those of `columns`), by how much the figure changes; `n`, by how much the number of rows changes that the plain SQL would
 * group there, since a series is there while there are any.
 *
 * Beside the names that plain SQL may use (but `:as_of`) there are `:from` (the first hour), `:to` (the last), `:end` (an
 * hour after it) and `:epoch` (1,000 hours before the first, more than any window: nothing before it needs to be told apart).
 *
 * Common table expressions are MATERIALIZED, and sub-selects end in OFFSET 0, so that folded labels and hours are worked out
 * once: pulled up, they were worked out anew for each row of each join above (users by activity: 13 s in place of 3.5 s).
 */
export interface Past {
  changes: string
  /** Where more than one number makes a sample: a histogram's. */
  columns?: readonly string[]
  /** What the sum is divided by: money is added in minor units. May name labels. */
  divisor?: string
}

/** The views keep only the present of such a figure, so its past is not known. */
export const presentOnly = 'only the present is kept'

/** One metric: what it is, how it is read from the store, and its past. */
export interface Figure {
  metric: Metric
  /**
   * One plain SQL statement over the views (the search path is the source schema), which is the definition of the metric.
   * Columns: the metric's labels by name, and `value`; for a histogram `buckets` (cumulative counts by upper bound, without
   * +Inf), `sum` and `count` instead. A row for each label combination that exists; missing combinations of our own
   * enumerations are filled with 0 afterwards.
   */
  sql: string
  /** The same figure, read from the store: the same columns, and the same parameters. */
  emit: string
  /** Where nothing is found the figure does not exist, rather than being 0. */
  sparse?: true
  past: Past | typeof presentOnly
}

/** What a figure is read from: sums of a state, or of the rows of a view that only grows. */
export interface Reading {
  of: State | View
  sums?: readonly Cells[]
}

/**
 * A function of the store's schema by which the audit API reads a figure over a range, or by bucket of it. All take
 * `(period text, since timestamptz, until timestamptz, filters jsonb)`; `bucket` is the first local day of the day, week or
 * month, NULL where the period is `all`. `filters` has lists of label values by name, as the metrics show them.
 */
export interface RangeFunction {
  /** The function is `analytics_<name>`. */
  name: string
  /** Names and types of what it gives. */
  returns: Readonly<Record<string, string>>
  /** What must be up to date: states, and views that are read row by row. */
  needs: readonly (State | View)[]
  /** One statement; `:as_of`, `:period`, `:since`, `:until`, `:filters` and a figure's other names stand for values. */
  sql: string
}

/** The figures of one file: they succeed or fail together, and are one value of the label `collector`. */
export interface Collector {
  /** The file's name. */
  name: string
  reads: readonly Reading[]
  figures: readonly Figure[]
  ranges?: readonly RangeFunction[]
}

/** The views that a collector cannot do without. */
export const sourcesOf = ({ figures }: Collector): readonly View[] => [
  ...new Set(figures.flatMap(({ metric }) => metric.sources)),
]

/** One series' worth of data. `labels` holds every label of the metric. */
export type Sample =
  | { labels: Readonly<Record<string, string>>; value: number }
  | { labels: Readonly<Record<string, string>>; buckets: readonly number[]; sum: number; count: number }

/** A metric with its samples at one instant, as it stands in a snapshot and in an exposition. */
export interface Family {
  metric: Metric
  samples: readonly Sample[]
}
