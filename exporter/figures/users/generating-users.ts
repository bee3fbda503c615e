import { generatingUsers as metric } from '../../../catalogue/users.ts'
import type { Collector } from '../../store/figure.ts'
import { inWindow, liveUser, windows } from '../rules.ts'
import { generating } from './account.ts'

export const generatingUsers: Collector = {
  name: 'generating-users',
  views: metric.sources,
  parts: [generating.name],
  oracle: [
    {
      metric,
      emit: `
SELECT w."window", sum(n) AS value
FROM rollup_generating_users
JOIN (VALUES ('1d', 3), ('7d', 2), ('30d', 1)) AS w("window", level) ON rollup_generating_users.level >= w.level
GROUP BY 1`,
      sql: `
SELECT w."window", count(DISTINCT g.user_id) AS value
FROM generations g
JOIN users u USING (user_id)
CROSS JOIN ${windows('1d', '7d', '30d')}
WHERE ${liveUser} AND ${inWindow('g.created_at')}
GROUP BY 1`,
    },
  ],
}
