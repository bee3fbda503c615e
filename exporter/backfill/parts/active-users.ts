import { activeUsers, generatingUsers } from '../../../catalogue/users.ts'
import { rollingWindowHours } from '../../../catalogue/windows.ts'
import { changesOfSpans, hourOf, type Past } from '../../figures/past.ts'
import { liveTiers, liveUsers } from '../../figures/past-spans.ts'

const windows = Object.entries(rollingWindowHours)
  .map(([name, hours]) => `('${name}', interval '${hours} hours')`)
  .join(', ')

/**
 * `active(user_id, window, since, until)`: what each row adds to the time in which its user is active: from its hour on, until
 * the next row takes over or the window has passed.
 */
function activeSpans(view: string, at: string): string {
  return `beat AS MATERIALIZED (
  SELECT user_id, hour, lead(hour, 1, 'infinity') OVER (PARTITION BY user_id ORDER BY hour) AS next
  FROM (
    SELECT DISTINCT user_id, ${hourOf(at)} AS hour FROM ${view}
    WHERE ${at} > :from - interval '720 hours' AND ${at} <= :to
  ) AS seen
),
active AS MATERIALIZED (
  SELECT user_id, w."window", hour AS since, least(hour + w.length, next) AS until
  FROM beat CROSS JOIN (VALUES ${windows}) AS w("window", length)
  WHERE hour + w.length > :from
)`
}

export const active: readonly Past[] = [
  {
    metric: activeUsers,
    changes: `WITH ${liveUsers},
${liveTiers},
${activeSpans('sessions', 'started_at')}
${changesOfSpans(
  `SELECT a."window", t.tier, t.country, greatest(a.since, t.since) AS since, least(a.until, t.until) AS until
  FROM active a JOIN live_tier t USING (user_id)`,
  ['window', 'tier', 'country'],
)}`,
  },
  {
    metric: generatingUsers,
    changes: `WITH ${liveUsers},
${activeSpans('generations', 'created_at')}
${changesOfSpans(
  `SELECT a."window", greatest(a.since, l.since) AS since, least(a.until, l.until) AS until
  FROM active a JOIN live l USING (user_id)`,
  ['window'],
)}`,
  },
]
