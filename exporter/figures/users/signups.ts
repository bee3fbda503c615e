import { signups as metric } from '../../../catalogue/users.ts'
import type { Collector } from '../../store/figure.ts'
import { cellsNamed, sumsIn } from '../../store/windows.ts'
import { fold, inWindow, notInternal, windows } from '../rules.ts'
import { account } from './account.ts'

export const signups: Collector = {
  name: 'signups',
  views: metric.sources,
  parts: [account.name],
  oracle: [
    {
      metric,
      emit: `
SELECT "window", ${fold('source', 'signup_source')} AS source, ${fold('country', 'country')} AS country, sum(n) AS value
FROM ${sumsIn(cellsNamed(account.cells, 'signups'), ['today', 'week', 'month', 'ever'])}
WHERE n > 0
GROUP BY 1, 2, 3`,
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
