import type { Metric } from '../../catalogue/define.ts'
import type { Hours } from '../backfill/hours.ts'
import { hourMs } from '../backfill/hours.ts'

/**
 * The past of one metric, as one statement over the views. Every figure is a sum of contributions that begin and end, so
 * its whole past is the running sum of what changes: the statement gives the changes, and the outer statement of
 * `stepsOf` adds them up by hours.
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
  metric: Metric
  changes: string
  /** Where more than one number makes a sample: a histogram's. */
  columns?: readonly string[]
  /** What the sum is divided by: money is added in minor units. May name labels. */
  divisor?: string
  /** As in the plain SQL: what is not found does not exist, rather than being 0. */
  sparse?: true
}

/**
 * The hour at which an instant is first seen: itself where it is one. What is before `:epoch` counts from there, what is
 * after `:to` is seen at `:end`, which is not written.
 */
export function hourOf(instant: string): string {
  return `date_bin('1 hour', least(greatest(${instant}, :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch)`
}

/** The changes that spans [since, until) make: they come at one and go at the other. */
export function changesOfSpans(spans: string, labels: readonly string[], value = '1'): string {
  const names = labels.map((label) => `span."${label}", `).join('')
  return `SELECT ${names}edge.at, edge.sign * (${value}) AS value, edge.sign AS n
FROM (${spans} OFFSET 0) AS span
CROSS JOIN LATERAL (VALUES (span.since, 1), (span.until, -1)) AS edge(at, sign)
WHERE span.since < span.until`
}

/** Labels of our own enumerations come last, so that what shares the others is read together. */
export function labelsOf(metric: Metric): { open: string[]; enumerated: string[] } {
  const names = Object.keys(metric.labels)
  return {
    open: names.filter((name) => metric.labels[name]?.values === undefined),
    enumerated: names.filter((name) => metric.labels[name]?.values !== undefined),
  }
}

/**
 * The statement that gives, by series and in the order of time, each hour at which something changes: the labels (open
 * ones first), the hour's place, what the figure is from then on, and of how many rows.
 */
export function stepsOf(past: Past, hours: Hours): string {
  const { open, enumerated } = labelsOf(past.metric)
  const labels = [...open, ...enumerated].map((name) => `"${name}"`)
  const columns = past.columns ?? ['value']
  const listed = labels.map((label) => `${label}, `).join('')
  const sums = columns.map((column) => `sum(sum(${column})) OVER series${past.divisor ? ` / ${past.divisor}` : ''}`)
  const sql = `
SELECT ${labels.map((label) => `${label}::text, `).join('')}
  (extract(epoch FROM hour - :from) / 3600)::int AS place, ${sums.join(', ')}, sum(sum(n)) OVER series AS n
FROM (
  SELECT ${listed}greatest(${hourOf('at')}, :from) AS hour, ${columns.join(', ')}, n
  FROM (${past.changes}) AS change
  OFFSET 0
) AS seen
WHERE hour <= :to
GROUP BY ${listed}hour
HAVING sum(n) <> 0 OR ${columns.map((column) => `sum(${column}) <> 0`).join(' OR ')}
WINDOW series AS (${labels.length > 0 ? `PARTITION BY ${labels.join(', ')} ` : ''}ORDER BY hour)
ORDER BY ${listed}place`
  return within(sql, hours)
}

function within(sql: string, { firstMs, count }: Hours): string {
  const instants: Record<string, number> = {
    from: firstMs,
    to: firstMs + (count - 1) * hourMs,
    end: firstMs + count * hourMs,
    epoch: firstMs - 1_000 * hourMs,
  }
  const names = new RegExp(`(?<![:\\w]):(${Object.keys(instants).join('|')})\\b`, 'g')
  return sql.replace(names, (_, name: string) => `timestamptz '${new Date(instants[name] ?? 0).toISOString()}'`)
}
