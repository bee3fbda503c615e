import { paymentAmount, payments as paymentsMetric } from '../../../catalogue/revenue.ts'
import type { Collector } from '../../store/figure.ts'
import { rowEdge, sumsIn } from '../../store/windows.ts'
import { factsOf } from '../facts.ts'
import { currencyOf, inWindow, minorPerMajor, notInternal, windows } from '../rules.ts'

const rows = `
FROM payments p
LEFT JOIN users u USING (user_id)
CROSS JOIN ${windows('today', 'week', 'month', '30d', 'ever')}
WHERE ${notInternal} AND p.kind IN ('subscription', 'credits') AND ${inWindow('p.paid_at')}
GROUP BY p.kind, ${currencyOf('p')}, w."window"`

const sums = `
FROM ${sumsIn(factsOf('payments').cells[0], ['today', 'week', 'month', '30d', 'ever'], rowEdge('payments', 'paid_at'))}
WHERE n > 0
GROUP BY kind, currency, "window"`

export const payments: Collector = {
  name: 'payments',
  views: paymentsMetric.sources,
  parts: ['feed payments'],
  oracle: [
    {
      metric: paymentsMetric,
      emit: `
SELECT kind, currency, "window", sum(n) AS value ${sums}`,
      sql: `
SELECT p.kind, ${currencyOf('p')} AS currency, w."window", count(*) AS value ${rows}`,
    },
    {
      metric: paymentAmount,
      emit: `
SELECT kind, currency, "window", sum(amount_minor) / ${minorPerMajor('currency')} AS value ${sums}`,
      sql: `
SELECT p.kind, ${currencyOf('p')} AS currency, w."window",
  sum(p.amount_minor) / ${minorPerMajor(currencyOf('p'))} AS value ${rows}`,
    },
  ],
}
