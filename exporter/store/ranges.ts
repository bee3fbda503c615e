import type { View } from '../../catalogue/views.ts'
import { type Cells, cellsOf } from './domain.ts'
import { type Accounts, asFacts } from './feeds.ts'
import { grainNumber } from './sums.ts'

/**
 * Sums over any range `:since` (inclusive) to `:until` (exclusive, never beyond as_of), by bucket of `:period` (day, week,
 * month, or all for one sum). Local days that lie in the range as a whole are read from the cells, the day at either end row
 * by row from the views: exact over any range, and never more than two days of rows.
 */

/** The local day of an instant, as a date: one day whatever its length. */
export const dayOf = (instant: string): string => `(${instant} AT TIME ZONE :timezone)::date`

/** The bucket of a local day: its first day; NULL where everything is one sum. */
export const bucketOf = (day: string): string =>
  `CASE WHEN :period <> 'all' THEN date_trunc(:period, (${day})::timestamp)::date END`

/**
 * The first instant of a local day. Where clocks go back over midnight it comes twice: an hour after 23:00 of the day
 * before is the first.
 */
export const startOf = (day: string): string => `least((${day})::timestamp AT TIME ZONE :timezone,
    ((${day})::timestamp - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour')`

export const inRange = (instant: string): string => `${instant} >= :since AND ${instant} < :until`

const justBefore = (instant: string): string => `(${instant} - interval '1 microsecond')`
// Local dates go forward only, in every zone in use: a day is in the range as a whole when the instant before the range
// is of an earlier day, and the one at its end of a later one. Nothing in the store lies after as_of.
const firstWhole = `CASE WHEN ${dayOf(justBefore(':since'))} < ${dayOf(':since')} THEN ${dayOf(':since')}
    ELSE ${dayOf(':since')} + 1 END`
const lastWhole = `CASE WHEN :until > :as_of THEN ${dayOf(':as_of')}
    WHEN ${dayOf(':until')} > ${dayOf(justBefore(':until'))} THEN ${dayOf(justBefore(':until'))}
    ELSE ${dayOf(justBefore(':until'))} - 1 END`
/** 50 hours: no local day is longer, those that islands have had twice included. */
const longestDay = `interval '50 hours'`

/** Rows of which the cells are made, from one instant to another, the latter exclusive. */
export type RangeEdge = (from: string, before: string) => string

/** The rows of a view that has users, as facts. Needs an index on the instant. */
export const viewEdge =
  (accounts: Accounts, view: View, instant: string): RangeEdge =>
  (from, before) =>
    asFacts(accounts, view, `(SELECT * FROM "${view}" WHERE ${instant} >= ${from} AND ${instant} < ${before})`)

/** A relation `r` of `bucket`, the cells' keys, `n` and their amounts, to be added up by whoever reads it. */
export function sumsOver(cells: Cells, edge: RangeEdge): string {
  const instant = cells.at?.instant
  if (instant === undefined) throw new Error(`the cells ${cells.name} have no time`)
  const keys = Object.keys(cells.keys).map((key) => `"${key}"`)
  const columns = [...keys, 'n', ...Object.keys(cells.amounts ?? {})]
  const computed = [
    ...Object.entries(cells.keys).map(([name, { from }]) => `${from} AS "${name}"`),
    '1 AS n',
    ...Object.entries(cells.amounts ?? {}).map(([name, from]) => `coalesce(${from}, 0) AS ${name}`),
  ]
  const where = cells.where === undefined ? '' : `(${cells.where}) AND`
  const rows = (relation: string, days: string) => `SELECT ${[`${dayOf(instant)} AS day`, ...computed].join(', ')}
    FROM (${relation}) AS s ${cells.join ?? ''} WHERE ${where} ${days}`
  const day = dayOf(instant)
  return `(SELECT ${[`${bucketOf('day')} AS bucket`, ...columns].join(', ')} FROM (
    SELECT ${['day', ...columns].join(', ')} FROM ${cellsOf(cells)}
    WHERE grain = ${grainNumber.day} AND day BETWEEN ${firstWhole} AND ${lastWhole}
    UNION ALL ${rows(edge(':since', `least(:until, :since + ${longestDay})`), `${day} < ${firstWhole}`)}
    UNION ALL ${rows(
      edge(`greatest(:since, :until - ${longestDay})`, ':until'),
      `${day} >= ${firstWhole} AND ${day} > ${lastWhole}`,
    )}
  ) AS d) AS r`
}

/** Whether a value is among those that the filter asks for; there is no filter where none is named. */
export const passes = (filter: string, value: string): string =>
  `(NOT :filters ? '${filter}' OR :filters -> '${filter}' ? (${value}))`

/** What rows are told apart by, beside the bucket: the value of `by`, one of these names, else `all`. */
export function part(dimensions: Readonly<Record<string, string>>): string {
  const cases = Object.entries(dimensions).map(([name, value]) => `WHEN '${name}' THEN ${value}`)
  return `CASE :filters ->> 'by' ${cases.join(' ')} ELSE 'all' END`
}
