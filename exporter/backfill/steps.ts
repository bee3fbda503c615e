import type { Metric } from '../../catalogue/define.ts'
import { hourOf } from '../figures/past.ts'
import { type Figure, type Past, presentOnly } from '../store/figure.ts'
import { type Hours, hourMs } from './hours.ts'

export type FigureWithPast = Figure & { past: Past }

/** The figures of which the views know the past. */
export const withPast = (figures: readonly Figure[]): FigureWithPast[] =>
  figures.filter((figure): figure is FigureWithPast => figure.past !== presentOnly)

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
export function stepsOf({ metric, past }: FigureWithPast, hours: Hours): string {
  const { open, enumerated } = labelsOf(metric)
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
