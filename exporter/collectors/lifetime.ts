import { userLifetimeSurvivors, userLifetimeUsers } from '../../catalogue/users.ts'
import type { Collector } from '../collector.ts'
import { notInternal } from './fragments.ts'

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
  oracle: [
    {
      metric: userLifetimeUsers,
      sparse: true,
      sql: `${weeks}
SELECT week, count(*) AS value
FROM reached
GROUP BY 1`,
    },
    {
      metric: userLifetimeSurvivors,
      sparse: true,
      sql: `${weeks}
SELECT week, count(*) FILTER (WHERE l.at >= reached.begins_at) AS value
FROM reached
LEFT JOIN last_session l USING (user_id)
GROUP BY 1`,
    },
  ],
}
