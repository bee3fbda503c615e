import { paymentAmount, payments as paymentsMetric } from '../../catalogue/revenue.ts'
import type { Collector } from '../collector.ts'
import { currencyOf, inWindow, minorPerMajor, notInternal, windows } from './fragments.ts'

const rows = `
FROM payments p
LEFT JOIN users u USING (user_id)
CROSS JOIN ${windows('today', 'week', 'month', '30d', 'ever')}
WHERE ${notInternal} AND p.kind IN ('subscription', 'credits') AND ${inWindow('p.paid_at')}
GROUP BY p.kind, ${currencyOf('p')}, w."window"`

export const payments: Collector = {
  name: 'payments',
  views: paymentsMetric.sources,
  oracle: [
    {
      metric: paymentsMetric,
      sql: `
SELECT p.kind, ${currencyOf('p')} AS currency, w."window", count(*) AS value ${rows}`,
    },
    {
      metric: paymentAmount,
      sql: `
SELECT p.kind, ${currencyOf('p')} AS currency, w."window",
  sum(p.amount_minor) / ${minorPerMajor(currencyOf('p'))} AS value ${rows}`,
    },
  ],
}
