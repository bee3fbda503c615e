import { generatingUsers as metric } from '../../catalogue/users.ts'
import type { Collector } from '../collector.ts'
import { inWindow, liveUser, windows } from './fragments.ts'

export const generatingUsers: Collector = {
  name: 'generating-users',
  views: metric.sources,
  oracle: [
    {
      metric,
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
