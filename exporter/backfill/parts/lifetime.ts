import { userLifetimeSurvivors, userLifetimeUsers } from '../../../catalogue/users.ts'
import { hourOf, type Past } from '../../figures/past.ts'
import { notInternal } from '../../figures/rules.ts'

const reached = `
SELECT week, u.created_at + week * interval '168 hours' AS at, 1 AS n
FROM users u
CROSS JOIN generate_series(0, 26) AS week
WHERE ${notInternal} AND u.created_at <= :to`

const weekOf = (instant: string): string => `floor(extract(epoch FROM ${instant} - u.created_at) / ${168 * 3_600})::int`

/** The first session in or after each week: all weeks that began after the session before it, and by this one. */
const survived = `
SELECT week, x.at
FROM (
  SELECT user_id, started_at AS at, lag(started_at) OVER (PARTITION BY user_id ORDER BY started_at) AS before
  FROM sessions
) AS x
JOIN users u USING (user_id)
CROSS JOIN LATERAL generate_series(
  greatest(coalesce(${weekOf('x.before')} + 1, 0), 0), least(${weekOf('x.at')}, 26)
) AS week
WHERE ${notInternal} AND x.at >= u.created_at AND x.at <= :to`

export const lifetime: readonly Past[] = [
  { metric: userLifetimeUsers, sparse: true, changes: `SELECT week, at, n AS value, n FROM (${reached}) AS reached` },
  {
    metric: userLifetimeSurvivors,
    sparse: true,
    changes: `SELECT week, at, 0 AS value, n FROM (${reached}) AS reached
UNION ALL SELECT week, ${hourOf('at')}, 1, 0 FROM (${survived}) AS survived`,
  },
]
