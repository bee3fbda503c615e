import { appendedBy, contract, type View } from '../../catalogue/views.ts'
import { type Cells, cellsOf, fineDaysKept, type Grain } from './domain.ts'

/**
 * The statements of a refresh. Each part is one statement, so that all its look-ups see the state as it was before, and its
 * sums move with its state. Parameters are those of a figure (`:as_of`, `:timezone`, …).
 */

/** The first column of each view is its id. */
export const idOf = (view: View): string => Object.keys(contract[view])[0] as string

/** The column by which changes of a view are found, and where it is the time of what happened, not beyond as_of. */
export const hotBy = (view: View): string => appendedBy[view] ?? 'updated_at'

export const instant = (text: string): string => `'${text}'::timestamptz`

/** The grains, coarsest first, as they are stored. */
export const grainNumber: Readonly<Record<Grain, number>> = { ever: 0, week: 1, day: 2, hour: 3, slot: 4 }

/**
 * The sums of the rows of `relation`, which have `sign` 1 or -1, as the cells have them: grain, day and hour where there
 * are any, the keys, n and the amounts. Rows are added up by the finest grain first and put into the others after that, so
 * that each is looked at once.
 * @param since a day, where only sums of what begins on it or later are asked for; `ever` is none of them
 */
export function sumsAdded(cells: Cells, relation: string, since?: string): string {
  const keys = Object.keys(cells.keys).map((name) => `"${name}"`)
  const sums = Object.values(cells.amounts ?? {}).map((from) => `coalesce(sum(s.sign * (${from})), 0)`)
  const time = cells.at === undefined ? [] : timeOf(cells.at)
  const grouped = [...time, ...Object.values(cells.keys).map(({ from }) => `(${from})`)]
  const young = since === undefined ? [] : [`${dayOf(cells.at?.instant ?? '')} >= ${since}`]
  const where = [...(cells.where === undefined ? [] : [cells.where]), ...young]
  const added = `SELECT ${[...grouped, 'sum(s.sign)', ...sums].join(', ')}
    FROM ${relation} AS s ${cells.join ?? ''} ${where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`}
    ${grouped.length === 0 ? '' : `GROUP BY ${grouped.map((_, index) => index + 1).join(', ')}`}
    HAVING ${['sum(s.sign)', ...sums].map((sum) => `${sum} <> 0`).join(' OR ')}`
  return cells.at === undefined
    ? added
    : intoGrains(cells, cells.at, { keys, amounts: Object.keys(cells.amounts ?? {}), added, since })
}

/** Adds the rows of `relation` to the sums. */
export function addTo(cells: Cells, relation: string): string {
  const keys = Object.keys(cells.keys).map((name) => `"${name}"`)
  const names = ['n', ...Object.keys(cells.amounts ?? {})]
  const unique = cells.at === undefined ? keys : ['grain', 'day', 'hour', ...keys]
  return `INSERT INTO ${cellsOf(cells)} AS c (${[...unique, ...names].join(', ')}) ${sumsAdded(cells, relation)}
    ON CONFLICT (${unique.length === 0 ? 'only_row' : unique.join(', ')}) DO UPDATE SET ${names
      .map((name) => `${name} = c.${name} + excluded.${name}`)
      .join(', ')}`
}

/**
 * A local day is a date, so that it is one day whatever its length; an hour is one of UTC within a local day, which holds
 * in every zone, those of half an hour and those that change by half an hour included.
 */
function timeOf({ instant: at, grains, slotMinutes }: NonNullable<Cells['at']>): string[] {
  const day = dayOf(at)
  if (slotMinutes !== undefined) return [day, startOfSlot(at, slotMinutes)]
  return grains.includes('hour') ? [day, `date_trunc('hour', ${at}, 'UTC')`] : [day, `'-infinity'::timestamptz`]
}

const dayOf = (at: string): string => `(${at} AT TIME ZONE :timezone)::date`

/** Slots begin with the hour of UTC, however many minutes they have. */
export const startOfSlot = (at: string, minutes: number): string =>
  `date_bin('${minutes} minutes', ${at}, '2000-01-01 00:00:00Z'::timestamptz)`

/** The first day of which hours and slots are kept. */
export const fineSince = `(:as_of AT TIME ZONE :timezone)::date - ${fineDaysKept}`

/** Which of the sums are kept: `alias` has their grain and day. */
export const keptSums = ({ at }: Cells, alias: string): string =>
  at?.grains.includes('hour') === true
    ? `(${alias}.grain < ${grainNumber.hour} OR ${alias}.day >= ${fineSince})`
    : 'true'

/** Lets go of the hours and slots that no window reaches any more. */
export const forgetFine = (cells: Cells): string =>
  `DELETE FROM ${cellsOf(cells)} WHERE grain >= ${grainNumber.hour} AND day < ${fineSince}`

interface Added {
  keys: readonly string[]
  amounts: readonly string[]
  added: string
  since: string | undefined
}

function intoGrains(
  cells: Cells,
  { grains, slotMinutes }: NonNullable<Cells['at']>,
  { keys, amounts, added, since }: Added,
): string {
  const rows = grains.map((grain) => {
    const ofWeek = `date_trunc('week', a.day::timestamp)::date`
    const day = grain === 'ever' ? `'-infinity'::date` : grain === 'week' ? ofWeek : 'a.day'
    const ofHour = slotMinutes === undefined ? 'a.hour' : `date_trunc('hour', a.hour, 'UTC')`
    const hour = grain === 'slot' ? 'a.hour' : grain === 'hour' ? ofHour : `'-infinity'::timestamptz`
    return `(${grainNumber[grain]}::smallint, ${day}, ${hour})`
  })
  const columns = ['day', 'hour', ...keys, 'n', ...amounts]
  const group = [1, 2, 3, ...keys.map((_, index) => index + 4)]
  return `SELECT ${['g.grain', 'g.day', 'g.hour', ...keys, 'sum(n)', ...amounts.map((name) => `sum(${name})`)].join(', ')}
    FROM (${added}) AS a(${columns.join(', ')})
    CROSS JOIN LATERAL (VALUES ${rows.join(', ')}) AS g(grain, day, hour)
    WHERE ${keptSums(cells, 'g')} ${since === undefined ? '' : `AND g.day >= ${since}`}
    GROUP BY ${group.join(', ')}`
}

export const cellsAdded = (cells: readonly Cells[], relation: string): string[] =>
  cells.map((one) => `added_${one.name} AS (${addTo(one, relation)})`)

export const columnsOf = (view: View, alias: string): string =>
  Object.keys(contract[view])
    .map((column) => `${alias}."${column}"`)
    .join(', ')
