import { refundAmount, refunds as refundsMetric } from '../../../catalogue/revenue.ts'
import type { Collector } from '../../store/figure.ts'
import { rowEdge, sumsIn } from '../../store/windows.ts'
import { factsOf } from '../facts.ts'
import { currencyOf, inWindow, minorPerMajor, notInternal, windows } from '../rules.ts'

const rows = `
FROM refunds r
LEFT JOIN users u USING (user_id)
CROSS JOIN ${windows('today', 'week', 'month', '30d', 'ever')}
WHERE ${notInternal} AND ${inWindow('r.refunded_at')}
GROUP BY ${currencyOf('r')}, w."window"`

const sums = `
FROM ${sumsIn(factsOf('refunds').cells[0], ['today', 'week', 'month', '30d', 'ever'], rowEdge('refunds', 'refunded_at'))}
WHERE n > 0
GROUP BY currency, "window"`

export const refunds: Collector = {
  name: 'refunds',
  views: refundsMetric.sources,
  parts: ['feed refunds'],
  oracle: [
    {
      metric: refundsMetric,
      emit: `
SELECT currency, "window", sum(n) AS value ${sums}`,
      sql: `
SELECT ${currencyOf('r')} AS currency, w."window", count(*) AS value ${rows}`,
    },
    {
      metric: refundAmount,
      emit: `
SELECT currency, "window", sum(amount_minor) / ${minorPerMajor('currency')} AS value ${sums}`,
      sql: `
SELECT ${currencyOf('r')} AS currency, w."window", sum(r.amount_minor) / ${minorPerMajor(currencyOf('r'))} AS value ${rows}`,
    },
  ],
}
