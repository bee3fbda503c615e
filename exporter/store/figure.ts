import type { KeptSet, Metric, View } from '../../catalogue/define.ts'
import type { ActivityThresholds } from '../../lib/variables.ts'

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
 * One plain SQL statement over the views (the search path is the source schema), which is the definition of one metric.
 * Columns: the metric's labels by name, and `value`; for a histogram `buckets` (cumulative counts by upper bound, without
 * +Inf), `sum` and `count` instead. A row for each label combination that exists; missing combinations of our own
 * enumerations are filled with 0 afterwards.
 */
export interface Figure {
  metric: Metric
  sql: string
  /** The same figure, read from the store: the same columns, and the same parameters. */
  emit: string
  /** Where nothing is found the figure does not exist, rather than being 0. */
  sparse?: true
}

/** A collector: the metrics of one file, the views it cannot do without, and their definition in SQL. */
export interface Collector {
  /** The file's name. */
  name: string
  views: readonly View[]
  /** The parts of the store that its figures are read from. */
  parts: readonly string[]
  oracle: readonly Figure[]
}

/** One series' worth of data. `labels` holds every label of the metric. */
export type Sample =
  | { labels: Readonly<Record<string, string>>; value: number }
  | { labels: Readonly<Record<string, string>>; buckets: readonly number[]; sum: number; count: number }

/** A metric with its samples at one instant, as it stands in a snapshot and in an exposition. */
export interface Family {
  metric: Metric
  samples: readonly Sample[]
}
