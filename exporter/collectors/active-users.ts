import { activeUsers as metric } from '../../catalogue/users.ts'
import type { Collector } from '../collector.ts'
import { fold, inWindow, liveUser, tierOf, windows } from './fragments.ts'

export const activeUsers: Collector = {
  name: 'active-users',
  views: metric.sources,
  oracle: [
    {
      metric,
      sql: `
WITH ${tierOf}
SELECT
  w."window",
  coalesce(t.tier, 'free') AS tier,
  ${fold('u.country', 'country')} AS country,
  count(DISTINCT x.user_id) AS value
FROM sessions x
JOIN users u USING (user_id)
LEFT JOIN tier_of t USING (user_id)
CROSS JOIN ${windows('1d', '7d', '30d')}
WHERE ${liveUser} AND ${inWindow('x.started_at')}
GROUP BY 1, 2, 3`,
    },
  ],
}
