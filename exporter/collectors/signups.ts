import { signups as metric } from '../../catalogue/users.ts'
import type { Collector } from '../collector.ts'
import { fold, inWindow, notInternal, windows } from './fragments.ts'

export const signups: Collector = {
  name: 'signups',
  views: metric.sources,
  oracle: [
    {
      metric,
      sql: `
SELECT
  w."window",
  ${fold('u.signup_source', 'signup_source')} AS source,
  ${fold('u.country', 'country')} AS country,
  count(*) AS value
FROM users u
CROSS JOIN ${windows('today', 'week', 'month', 'ever')}
WHERE ${notInternal} AND ${inWindow('u.created_at')}
GROUP BY 1, 2, 3`,
    },
  ],
}
