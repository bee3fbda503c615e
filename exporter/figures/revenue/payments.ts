import { valuesOf } from '../../../catalogue/define.ts'
import { paymentAmount, payments as paymentsMetric } from '../../../catalogue/revenue.ts'
import type { Cells } from '../../store/domain.ts'
import type { Collector, RangeFunction } from '../../store/figure.ts'
import { passes, sumsOver } from '../../store/ranges.ts'
import { sumsIn } from '../../store/windows.ts'
import { rowEdge, viewEdge } from '../edges.ts'
import { changesOfFacts } from '../past-windows.ts'
import { currencyOf, inWindow, minorPerMajor, notInternal, oneOfSql, text, windows } from '../rules.ts'
import { account } from '../states/account.ts'

const windowNames = valuesOf(paymentsMetric.labels.window)
const kinds = oneOfSql(paymentsMetric.labels.kind)

const cells: Cells = {
  name: 'payments',
  keys: { kind: text('s.kind'), currency: text(currencyOf('s')) },
  amounts: { amount_minor: 's.amount_minor' },
  where: `s.counted AND s.kind IN (${kinds})`,
  at: { instant: 's.paid_at', grains: ['ever', 'day', 'hour'] },
}

const rows = `
FROM payments p
LEFT JOIN users u USING (user_id)
CROSS JOIN ${windows(windowNames)}
WHERE ${notInternal} AND p.kind IN (${kinds}) AND ${inWindow('p.paid_at')}
GROUP BY p.kind, ${currencyOf('p')}, w."window"`

const sums = `
FROM ${sumsIn(cells, windowNames, rowEdge('payments', 'paid_at'))}
WHERE n > 0
GROUP BY kind, currency, "window"`

const pastRows = (value: string): string => `
SELECT p.kind, ${currencyOf('p')} AS currency, p.paid_at AS at, ${value} AS value
FROM payments p
LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND p.kind IN (${kinds})`

const range: RangeFunction = {
  name: 'payments',
  returns: { bucket: 'date', kind: 'text', currency: 'text', n: 'bigint', amount: 'numeric' },
  needs: ['users', account, 'payments'],
  sql: `
SELECT bucket, kind, currency, sum(n)::bigint AS n, sum(amount_minor) / ${minorPerMajor('currency')} AS amount
FROM ${sumsOver(cells, viewEdge('payments', 'paid_at'))}
WHERE ${passes('currency', 'currency')}
GROUP BY 1, 2, 3`,
}

export const payments: Collector = {
  name: 'payments',
  reads: [{ of: 'payments', sums: [cells] }],
  figures: [
    {
      metric: paymentsMetric,
      emit: `
SELECT kind, currency, "window", sum(n) AS value ${sums}`,
      sql: `
SELECT p.kind, ${currencyOf('p')} AS currency, w."window", count(*) AS value ${rows}`,
      past: { changes: changesOfFacts({ metric: paymentsMetric, rows: pastRows('1') }) },
    },
    {
      metric: paymentAmount,
      emit: `
SELECT kind, currency, "window", sum(amount_minor) / ${minorPerMajor('currency')} AS value ${sums}`,
      sql: `
SELECT p.kind, ${currencyOf('p')} AS currency, w."window",
  sum(p.amount_minor) / ${minorPerMajor(currencyOf('p'))} AS value ${rows}`,
      past: {
        divisor: minorPerMajor('currency'),
        changes: changesOfFacts({ metric: paymentAmount, rows: pastRows('p.amount_minor') }),
      },
    },
  ],
  ranges: [range],
}
