import { rollingWindows, sqlInterval } from '../../catalogue/windows.ts'
import { hourOf } from './past.ts'
import { dearestFirst, fold, givesTier } from './rules.ts'

/**
 * Common table expressions that several parts share. A span is [since, until) in hours, as `hourOf` gives them: what is
 * true at an hour is true in the span that holds it. Nothing is ever known of a span outside [:epoch, :end).
 */

/** `live(user_id, country, since, until)`: who is registered, not deleted, not internal. */
export const liveUsers = `live AS MATERIALIZED (
  SELECT * FROM (
    SELECT u.user_id, ${fold('u.country', 'country')} AS country,
      ${hourOf('u.created_at')} AS since, ${hourOf(`coalesce(u.deleted_at, 'infinity')`)} AS until
    FROM users u
    WHERE NOT u.is_internal
  ) AS seen
  WHERE since < until
)`

interface Ranked {
  name: string
  /** Which subscriptions take part. */
  where: string
  /** What to know of each span beside the tier, by name: whether the expression is true of any that runs. */
  whether?: Readonly<Record<string, string>>
}

/**
 * `<name>(user_id, tier, since, until, …)`: of users with any such subscription, in [:epoch, :end) without a gap, the tier of
 * the dearest that runs; NULL while none does.
 */
export function tierSpans({ name, where, whether = {} }: Ranked): string {
  const columns = Object.entries(whether)
  return `${name}_subscription AS MATERIALIZED (
  SELECT * FROM (
    SELECT s.user_id, ${fold('s.tier', 'tier')} AS tier, ${columns.map(([column, sql]) => `${sql} AS ${column}, `).join('')}
      row_number() OVER (PARTITION BY s.user_id ORDER BY ${dearestFirst}) AS place,
      ${hourOf('s.started_at')} AS since, ${hourOf(`coalesce(s.ended_at, 'infinity')`)} AS until
    FROM subscriptions s
    WHERE ${where}
  ) AS seen
  WHERE since < until
),
${name}_cut AS MATERIALIZED (
  SELECT user_id, at AS since, lead(at, 1, :end) OVER (PARTITION BY user_id ORDER BY at) AS until
  FROM (
    SELECT user_id, since AS at FROM ${name}_subscription
    UNION SELECT user_id, until FROM ${name}_subscription
    UNION SELECT user_id, :epoch FROM ${name}_subscription
  ) AS edge
),
${name} AS MATERIALIZED (
  SELECT c.user_id, (array_agg(s.tier ORDER BY s.place))[1] AS tier, c.since, c.until
    ${columns.map(([column]) => `, coalesce(bool_or(s.${column}), false) AS ${column}`).join('')}
  FROM ${name}_cut c
  LEFT JOIN ${name}_subscription s ON s.user_id = c.user_id AND s.since <= c.since AND s.until > c.since
  WHERE c.since < c.until
  GROUP BY c.user_id, c.since, c.until
)`
}

/** `live_tier(user_id, country, tier, since, until)`: live users in the tier of the time; needs `liveUsers`. */
export const liveTiers = `${tierSpans({ name: 'tier_span', where: givesTier })},
live_tier AS MATERIALIZED (
  SELECT l.user_id, l.country, coalesce(t.tier, 'free') AS tier,
    greatest(l.since, coalesce(t.since, l.since)) AS since, least(l.until, coalesce(t.until, l.until)) AS until
  FROM live l
  LEFT JOIN tier_span t ON t.user_id = l.user_id AND t.since < l.until AND t.until > l.since
)`

const windowLengths = rollingWindows.map((name) => `('${name}', ${sqlInterval(name)})`).join(', ')

/**
 * `active(user_id, window, since, until)`: what each row adds to the time in which its user is active: from its hour on, until
 * the next row takes over or the window has passed.
 */
export function activeSpans(view: string, at: string): string {
  return `beat AS MATERIALIZED (
  SELECT user_id, hour, lead(hour, 1, 'infinity') OVER (PARTITION BY user_id ORDER BY hour) AS next
  FROM (
    SELECT DISTINCT user_id, ${hourOf(at)} AS hour FROM ${view}
    WHERE ${at} > :from - ${sqlInterval('30d')} AND ${at} <= :to
  ) AS seen
),
active AS MATERIALIZED (
  SELECT user_id, w."window", hour AS since, least(hour + w.length, next) AS until
  FROM beat CROSS JOIN (VALUES ${windowLengths}) AS w("window", length)
  WHERE hour + w.length > :from
)`
}
