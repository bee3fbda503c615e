import { rollingWindows, sqlInterval } from '../../../catalogue/windows.ts'
import { liveUser } from '../rules.ts'

/**
 * How recently a user did something: of the rolling windows, those that hold the newest row. The level is how many do: 3 for
 * 1d, 2 for 7d, 1 for 30d, 0 for none, so that one number a user gives all windows.
 */

/** The windows with their levels, the shortest first. */
const levels = rollingWindows.map((window, place) => ({ window, level: rollingWindows.length - place }))

/** The rows of a relation `(window, level)`: a user is in a window from its level on. */
export const windowLevels = levels.map(({ window, level }) => `('${window}', ${level})`).join(', ')

/** The newest of a user's rows up to as_of: the first entry of the index on (user_id, time) read backwards. */
export const newest = (view: string, instant: string): string => `CROSS JOIN LATERAL (
  SELECT max(${instant}) AS at FROM ${view} WHERE user_id = d.id AND ${instant} <= :as_of
) AS newest`

const levelAt = (newestAt: string): string =>
  `CASE ${levels.map(({ window, level }) => `WHEN ${newestAt} > :as_of - ${sqlInterval(window)} THEN ${level}`).join('\n  ')} ELSE 0 END::smallint`

/** The level of a live user whose newest row is `newest.at`. */
export const level = `CASE WHEN ${liveUser} THEN ${levelAt('newest.at')} ELSE 0 END::smallint AS level`

/** When the newest row leaves the shortest window that holds it. */
export const leavesWindow = (newestAt: string): string => `CASE
  ${levels.map(({ window }) => `WHEN ${newestAt} > :as_of - ${sqlInterval(window)} THEN ${newestAt} + ${sqlInterval(window)}`).join('\n  ')} END`

/**
 * Most who are due only leave a window, which follows from their newest row: two or three of four of all that is computed.
 * The rest may change for another reason from `changes_at` on.
 */
export const staysLive = `s.changes_at IS NULL OR s.changes_at > :as_of`
export const levelLater = `CASE WHEN s.level = 0 THEN 0 ELSE ${levelAt('s.newest_at')} END::smallint`
export const leavesLater = `least(s.changes_at, ${leavesWindow('s.newest_at')})`
