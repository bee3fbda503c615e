import { valuesOf } from '../../../catalogue/define.ts'
import { refundAmount, refunds as refundsMetric } from '../../../catalogue/revenue.ts'
import type { Cells } from '../../store/domain.ts'
import type { Collector, RangeFunction } from '../../store/figure.ts'
import { passes, sumsOver } from '../../store/ranges.ts'
import { sumsIn } from '../../store/windows.ts'
import { rowEdge, viewEdge } from '../edges.ts'
import { changesOfFacts } from '../past-windows.ts'
import { currencyOf, inWindow, minorPerMajor, notInternal, text, windows } from '../rules.ts'
import { account } from '../states/account.ts'

const windowNames = valuesOf(refundsMetric.labels.window)

const cells: Cells = {
  name: 'refunds',
  keys: { currency: text(currencyOf('s')) },
  amounts: { amount_minor: 's.amount_minor' },
  where: 's.counted',
  at: { instant: 's.refunded_at', grains: ['ever', 'day', 'hour'] },
}

const rows = `
FROM refunds r
LEFT JOIN users u USING (user_id)
CROSS JOIN ${windows(windowNames)}
WHERE ${notInternal} AND ${inWindow('r.refunded_at')}
GROUP BY ${currencyOf('r')}, w."window"`

const sums = `
FROM ${sumsIn(cells, windowNames, rowEdge('refunds', 'refunded_at'))}
WHERE n > 0
GROUP BY currency, "window"`

const pastRows = (value: string): string => `
SELECT ${currencyOf('r')} AS currency, r.refunded_at AS at, ${value} AS value
FROM refunds r
LEFT JOIN users u USING (user_id)
WHERE ${notInternal}`

const range: RangeFunction = {
  name: 'refunds',
  returns: { bucket: 'date', currency: 'text', n: 'bigint', amount: 'numeric' },
  needs: ['users', account, 'refunds'],
  sql: `
SELECT bucket, currency, sum(n)::bigint AS n, sum(amount_minor) / ${minorPerMajor('currency')} AS amount
FROM ${sumsOver(cells, viewEdge('refunds', 'refunded_at'))}
WHERE ${passes('currency', 'currency')}
GROUP BY 1, 2`,
}

export const refunds: Collector = {
  name: 'refunds',
  reads: [{ of: 'refunds', sums: [cells] }],
  figures: [
    {
      metric: refundsMetric,
      emit: `
SELECT currency, "window", sum(n) AS value ${sums}`,
      sql: `
SELECT ${currencyOf('r')} AS currency, w."window", count(*) AS value ${rows}`,
      past: { changes: changesOfFacts({ metric: refundsMetric, rows: pastRows('1') }) },
    },
    {
      metric: refundAmount,
      emit: `
SELECT currency, "window", sum(amount_minor) / ${minorPerMajor('currency')} AS value ${sums}`,
      sql: `
SELECT ${currencyOf('r')} AS currency, w."window", sum(r.amount_minor) / ${minorPerMajor(currencyOf('r'))} AS value ${rows}`,
      past: {
        divisor: minorPerMajor('currency'),
        changes: changesOfFacts({ metric: refundAmount, rows: pastRows('r.amount_minor') }),
      },
    },
  ],
  ranges: [range],
}
