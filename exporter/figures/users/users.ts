import { users as metric } from '../../../catalogue/users.ts'
import type { Collector } from '../../store/figure.ts'
import { activityOf, charactersBucket, fold, liveUser, tierOf } from '../rules.ts'
import { population } from './account.ts'

export const users: Collector = {
  name: 'users',
  views: metric.sources,
  parts: [population.name],
  oracle: [
    {
      metric,
      emit: `
SELECT ${fold('tier', 'tier')} AS tier, ${fold('country', 'country')} AS country, characters, activity, sum(n) AS value
FROM rollup_users
WHERE n > 0
GROUP BY 1, 2, 3, 4`,
      sql: `
WITH ${tierOf},
characters_of AS (
  SELECT user_id, count(*) AS n
  FROM characters
  WHERE created_at <= :as_of AND (deleted_at IS NULL OR deleted_at > :as_of)
  GROUP BY user_id
),
generations_of AS (
  SELECT user_id, count(*) AS n
  FROM generations
  WHERE created_at > :as_of - interval '720 hours' AND created_at <= :as_of
  GROUP BY user_id
)
SELECT
  coalesce(t.tier, 'free') AS tier,
  ${fold('u.country', 'country')} AS country,
  ${charactersBucket('c.n')} AS characters,
  ${activityOf('g.n')} AS activity,
  count(*) AS value
FROM users u
LEFT JOIN tier_of t USING (user_id)
LEFT JOIN characters_of c USING (user_id)
LEFT JOIN generations_of g USING (user_id)
WHERE ${liveUser}
GROUP BY 1, 2, 3, 4`,
    },
  ],
}
