import type { Metric } from '../../catalogue/define.ts'
import { calendarWindows, rollingWindows, sqlInterval } from '../../catalogue/windows.ts'
import { hourOf } from './past.ts'
import { windows } from './rules.ts'

interface Facts {
  metric: Metric
  /** A relation with the labels but `window`, `at` (when it happened) and `value`. */
  rows: string
}

/** What happened, counted in windows: it comes when it happens and goes when the window's beginning has passed it. */
export function changesOfFacts({ metric, rows }: Facts): string {
  const labels = Object.keys(metric.labels).filter((label) => label !== 'window')
  const listed = labels.map((label) => `cell."${label}", `).join('')
  const wanted = metric.labels.window?.values ?? []
  const calendar = calendarWindows.filter((name) => wanted.includes(name))
  const parts = [
    ...(wanted.includes('ever') ? [ever(listed)] : []),
    ...rolling(listed, wanted),
    ...(calendar.length > 0 ? [calendarPart(listed)] : []),
  ]
  return `WITH cell AS MATERIALIZED (${cells(labels, rows)})${calendar.length > 0 ? units(calendar) : ''}
${parts.join('\nUNION ALL\n')}`
}

/** What happened ever, where the metric has no window. */
export function changesEver(labels: readonly string[], rows: string): string {
  const listed = labels.map((label) => `"${label}", `).join('')
  return `SELECT ${listed}at, value, 1 AS n FROM (${rows}) AS fact`
}

/**
 * Quarters of hours, since there are zones whose days begin at one and none whose days begin in one; and the hour at which
 * the fact is seen first, which for what happened on the hour itself is not the one after its quarter.
 */
function cells(labels: readonly string[], rows: string): string {
  const listed = labels.map((label) => `"${label}", `).join('')
  return `
  SELECT ${listed}date_bin('15 minutes', greatest(at, :epoch), :epoch) AS quarter, ${hourOf('at')} AS hour,
    sum(value) AS value, count(*) AS n
  FROM (${rows}) AS fact
  WHERE at <= :to
  GROUP BY ${listed}quarter, hour`
}

const ever = (listed: string): string => `SELECT ${listed}'ever' AS "window", cell.hour AS at, value, n FROM cell`

function rolling(listed: string, wanted: readonly string[]): string[] {
  const edges = rollingWindows
    .filter((name) => wanted.includes(name))
    .map((name) => `('${name}', interval '0', 1), ('${name}', ${sqlInterval(name)}, -1)`)
  if (edges.length === 0) return []
  return [
    `SELECT ${listed}edge."window", cell.hour + edge.shift, edge.sign * value, edge.sign * n
FROM cell CROSS JOIN (VALUES ${edges.join(', ')}) AS edge("window", shift, sign)`,
  ]
}

/** Calendar windows by the plain SQL's own words, of another instant. */
const windowsAt = (instant: string, names: readonly (typeof calendarWindows)[number][]): string =>
  windows(names).replaceAll(':as_of', instant)

/**
 * Days, weeks and months of which an hour is written, and the first hour that is not of them any more; and which of them
 * each quarter of an hour is in.
 */
function units(names: readonly (typeof calendarWindows)[number][]): string {
  return `,
unit AS MATERIALIZED (
  SELECT w."window", w.since, lead(min(hour.at)) OVER (PARTITION BY w."window" ORDER BY w.since) AS until
  FROM generate_series(:from, :to, interval '1 hour') AS hour(at)
  CROSS JOIN LATERAL ${windowsAt('hour.at', names)}
  GROUP BY w."window", w.since
),
quarter_in AS MATERIALIZED (
  SELECT q.quarter, unit."window", unit.until
  FROM (SELECT DISTINCT quarter FROM cell) AS q
  CROSS JOIN LATERAL ${windowsAt('q.quarter', names)}
  JOIN unit ON unit."window" = w."window" AND unit.since = w.since
)`
}

const calendarPart = (listed: string): string => `SELECT ${listed}q."window", edge.at, edge.sign * value, edge.sign * n
FROM cell
JOIN quarter_in q USING (quarter)
CROSS JOIN LATERAL (VALUES (cell.hour, 1), (q.until, -1)) AS edge(at, sign)
WHERE edge.at IS NOT NULL`
