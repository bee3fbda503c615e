import { userLifetimeSurvivors, userLifetimeUsers } from '../../../catalogue/users.ts'
import type { Collector } from '../../store/figure.ts'
import { notInternal } from '../rules.ts'
import { lifetime as rollup } from './account.ts'

const weeks = `
WITH reached AS (
  SELECT week, u.user_id, u.created_at + week * interval '168 hours' AS begins_at
  FROM users u
  CROSS JOIN generate_series(0, 26) AS week
  WHERE ${notInternal} AND u.created_at + week * interval '168 hours' <= :as_of
),
last_session AS (
  SELECT user_id, max(started_at) AS at
  FROM sessions
  WHERE started_at <= :as_of
  GROUP BY user_id
)`

export const lifetime: Collector = {
  name: 'lifetime',
  views: userLifetimeUsers.sources,
  parts: [rollup.name],
  oracle: [
    {
      metric: userLifetimeUsers,
      sparse: true,
      emit: `
SELECT reached.week, sum(n) AS value
FROM generate_series(0, 26) AS reached(week)
JOIN rollup_lifetime_begun AS begun ON begun.week >= reached.week
GROUP BY 1
HAVING sum(n) > 0`,
      sql: `${weeks}
SELECT week, count(*) AS value
FROM reached
GROUP BY 1`,
    },
    {
      metric: userLifetimeSurvivors,
      sparse: true,
      emit: `
SELECT reached.week, (
  SELECT coalesce(sum(n), 0) FROM rollup_lifetime_survived AS survived WHERE survived.week >= reached.week
) AS value
FROM generate_series(0, 26) AS reached(week)
WHERE EXISTS (SELECT FROM rollup_lifetime_begun AS begun WHERE begun.week >= reached.week AND n > 0)`,
      sql: `${weeks}
SELECT week, count(*) FILTER (WHERE l.at >= reached.begins_at) AS value
FROM reached
LEFT JOIN last_session l USING (user_id)
GROUP BY 1`,
    },
  ],
}
