import type { View } from '../../catalogue/views.ts'
import { type CalendarWindow, sqlInterval, unitOfWindow, type Window } from '../../catalogue/windows.ts'
import { type Cells, cellsOf } from './domain.ts'
import { type Accounts, asFacts } from './feeds.ts'
import { grainNumber, startOfSlot } from './sums.ts'

const isCalendar = (window: Window): window is CalendarWindow => window in unitOfWindow

/** The rows from which the cells are made, between two instants, both exclusive: a relation like the one that was added. */
export type Edge = (after: string, before: string) => string

/** The rows of a view that has users, as facts. Needs an index on the instant. */
export function rowEdge(accounts: Accounts, view: View, instant: string): Edge {
  return (after, before) =>
    asFacts(accounts, view, `(SELECT * FROM "${view}" WHERE ${instant} > ${after} AND ${instant} < ${before})`)
}

/**
 * A relation of `window`, the cells' keys, `n` and their amounts, to be added up by whoever reads it. Days, hours and slots
 * that lie in a window as a whole are read from the cells; of a rolling window the slot, or the hour where there are no
 * slots, in which it begins is read row by row.
 * Cells hold nothing that lies after as_of, so that there is no other end to look at.
 */
export function sumsIn(cells: Cells, windows: readonly Window[], edge?: Edge): string {
  const keys = Object.keys(cells.keys).map((key) => `"${key}"`)
  const columns = [...keys, 'n', ...Object.keys(cells.amounts ?? {})]
  const stored = (window: Window, where: string) =>
    `SELECT ${[`'${window}' AS "window"`, ...columns].join(', ')} FROM ${cellsOf(cells)} WHERE ${where}`
  const branches = windows.flatMap((window) => {
    if (window === 'ever') return [stored(window, `grain = ${grainNumber.ever}`)]
    if (isCalendar(window)) {
      const since = `date_trunc('${unitOfWindow[window]}', :as_of AT TIME ZONE :timezone)::date`
      return [stored(window, `grain = ${grainNumber.day} AND day >= ${since}`)]
    }
    const after = `(:as_of - ${sqlInterval(window)})`
    const wholeHour = `(date_trunc('hour', ${after}, 'UTC') + interval '1 hour')`
    const dayOf = (instant: string) => `(${instant} AT TIME ZONE :timezone)::date`
    const wholeDay = dayOf(wholeHour)
    const minutes = cells.at?.slotMinutes
    const wholeSlot =
      minutes === undefined ? wholeHour : `(${startOfSlot(after, minutes)} + interval '${minutes} minutes')`
    // Both go forward only, so that this is one stretch of the index, also where an hour of UTC lies in two local days.
    const slots = `(day, hour) >= (${dayOf(wholeSlot)}, ${wholeSlot}) AND (day, hour) < (${wholeDay}, ${wholeHour})`
    const isWeekly = cells.at?.grains.includes('week') === true
    const nextWeek = `date_trunc('week', ${wholeDay}::timestamp)::date + 7`
    const untilWeek = isWeekly ? `AND day < ${nextWeek}` : ''
    return [
      ...(isWeekly ? [stored(window, `grain = ${grainNumber.week} AND day >= ${nextWeek}`)] : []),
      stored(window, `grain = ${grainNumber.day} AND day > ${wholeDay} ${untilWeek}`),
      stored(window, `grain = ${grainNumber.hour} AND day = ${wholeDay} AND hour >= ${wholeHour}`),
      ...(minutes === undefined ? [] : [stored(window, `grain = ${grainNumber.slot} AND ${slots}`)]),
      ...(edge === undefined ? [] : [rows(cells, window, edge(after, wholeSlot))]),
    ]
  })
  return `(${branches.join('\n  UNION ALL ')}) AS r`
}

function rows(cells: Cells, window: string, relation: string): string {
  const amounts = Object.entries(cells.amounts ?? {}).map(([name, from]) => `coalesce(${from}, 0) AS ${name}`)
  const keys = Object.entries(cells.keys).map(([name, { from }]) => `${from} AS "${name}"`)
  return `SELECT ${[`'${window}' AS "window"`, ...keys, '1 AS n', ...amounts].join(', ')}
    FROM (${relation}) AS s ${cells.join ?? ''} ${cells.where === undefined ? '' : `WHERE ${cells.where}`}`
}
