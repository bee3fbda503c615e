import { sessions as metric } from '../../catalogue/users.ts'
import type { Collector } from '../collector.ts'
import { inWindow, notInternal, windows } from './fragments.ts'

export const sessions: Collector = {
  name: 'sessions',
  views: metric.sources,
  oracle: [
    {
      metric,
      sql: `
SELECT w."window", count(*) AS value
FROM sessions x
LEFT JOIN users u USING (user_id)
CROSS JOIN ${windows('1d', '7d', '30d', 'ever')}
WHERE ${notInternal} AND ${inWindow('x.started_at')}
GROUP BY 1`,
    },
  ],
}
