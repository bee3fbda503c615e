import { refundAmount, refunds as refundsMetric } from '../../catalogue/revenue.ts'
import type { Collector } from '../collector.ts'
import { currencyOf, inWindow, minorPerMajor, notInternal, windows } from './fragments.ts'

const rows = `
FROM refunds r
LEFT JOIN users u USING (user_id)
CROSS JOIN ${windows('today', 'week', 'month', '30d', 'ever')}
WHERE ${notInternal} AND ${inWindow('r.refunded_at')}
GROUP BY ${currencyOf('r')}, w."window"`

export const refunds: Collector = {
  name: 'refunds',
  views: refundsMetric.sources,
  oracle: [
    {
      metric: refundsMetric,
      sql: `
SELECT ${currencyOf('r')} AS currency, w."window", count(*) AS value ${rows}`,
    },
    {
      metric: refundAmount,
      sql: `
SELECT ${currencyOf('r')} AS currency, w."window", sum(r.amount_minor) / ${minorPerMajor(currencyOf('r'))} AS value ${rows}`,
    },
  ],
}
