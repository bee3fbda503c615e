import { retainedUsers, retentionUsers } from '../../../catalogue/users.ts'
import { changesOfSpans, type Past } from '../../figures/past.ts'
import { notInternal } from '../../figures/rules.ts'

/**
 * A cohort is over with the local day, so the figures of a day hold in all its hours. `shown(horizon, days, day, since, until)`:
 * the day of the cohort that is shown in these hours.
 */
const shown = `signup AS MATERIALIZED (
  SELECT u.user_id, u.created_at, (u.created_at AT TIME ZONE :timezone)::date AS day
  FROM users u
  WHERE ${notInternal} AND u.created_at <= :to
),
local_day AS MATERIALIZED (
  SELECT day, min(at) AS since, lead(min(at), 1, :end) OVER (ORDER BY day) AS until
  FROM (
    SELECT at, (at AT TIME ZONE :timezone)::date AS day FROM generate_series(:from, :to, interval '1 hour') AS hour(at)
  ) AS hours
  GROUP BY day
),
cohort AS MATERIALIZED (SELECT day, count(*) AS users FROM signup GROUP BY day),
shown AS MATERIALIZED (
  SELECT h.horizon, h.days, newest.day, newest.users, d.since, d.until
  FROM local_day d
  CROSS JOIN (VALUES ('d1', 1), ('d7', 7), ('d30', 30)) AS h(horizon, days)
  CROSS JOIN LATERAL (
    SELECT c.day, c.users FROM cohort c WHERE c.day + h.days < d.day ORDER BY c.day DESC LIMIT 1
  ) AS newest
)`

export const retention: readonly Past[] = [
  {
    metric: retentionUsers,
    sparse: true,
    changes: `WITH ${shown}
${changesOfSpans('SELECT horizon, users, since, until FROM shown', ['horizon'], 'span.users')}`,
  },
  {
    metric: retainedUsers,
    sparse: true,
    // 33 days: the longest that day 30 can be away, in whatever zone.
    changes: `WITH ${shown},
came AS MATERIALIZED (
  SELECT s.day, (x.started_at AT TIME ZONE :timezone)::date - s.day AS days, count(DISTINCT s.user_id) AS users
  FROM signup s
  JOIN sessions x ON x.user_id = s.user_id AND x.started_at BETWEEN s.created_at - interval '2 days' AND s.created_at + interval '33 days'
  WHERE x.started_at <= :to
  GROUP BY 1, 2
)
${changesOfSpans(
  `SELECT shown.horizon, coalesce(came.users, 0) AS users, shown.since, shown.until
  FROM shown LEFT JOIN came ON came.day = shown.day AND came.days = shown.days`,
  ['horizon'],
  'span.users',
)}`,
  },
]
