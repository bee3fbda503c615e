import { refundAmount, refunds as refundsMetric } from '../../catalogue/revenue.ts'
import type { Collector } from '../collector.ts'
import { inWindow, minorPerMajor, notInternal, windows } from './fragments.ts'

const rows = `
FROM refunds r
LEFT JOIN users u USING (user_id)
CROSS JOIN ${windows('today', 'week', 'month', '30d', 'ever')}
WHERE ${notInternal} AND ${inWindow('r.refunded_at')}
GROUP BY r.currency::text, w."window"`

export const refunds: Collector = {
  name: 'refunds',
  views: refundsMetric.sources,
  oracle: [
    {
      metric: refundsMetric,
      sql: `
SELECT r.currency::text AS currency, w."window", count(*) AS value ${rows}`,
    },
    {
      metric: refundAmount,
      sql: `
SELECT r.currency::text AS currency, w."window", sum(r.amount_minor) / ${minorPerMajor('r.currency::text')} AS value ${rows}`,
    },
  ],
}
