import { activeUsers as metric } from '../../../catalogue/users.ts'
import type { Collector } from '../../store/figure.ts'
import { fold, inWindow, liveUser, tierOf, windows } from '../rules.ts'
import { active } from './account.ts'

export const activeUsers: Collector = {
  name: 'active-users',
  views: metric.sources,
  parts: [active.name],
  oracle: [
    {
      metric,
      emit: `
SELECT w."window", ${fold('tier', 'tier')} AS tier, ${fold('country', 'country')} AS country, sum(n) AS value
FROM rollup_active_users
JOIN (VALUES ('1d', 3), ('7d', 2), ('30d', 1)) AS w("window", level) ON rollup_active_users.level >= w.level
WHERE n > 0
GROUP BY 1, 2, 3`,
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
