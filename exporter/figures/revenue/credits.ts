import { valuesOf } from '../../../catalogue/define.ts'
import { credits as metric } from '../../../catalogue/revenue.ts'
import type { Cells } from '../../store/domain.ts'
import type { Collector, RangeFunction } from '../../store/figure.ts'
import { sumsOver } from '../../store/ranges.ts'
import { sumsIn } from '../../store/windows.ts'
import { viewEdge } from '../edges.ts'
import { changesOfFacts } from '../past-windows.ts'
import { inWindow, notInternal, oneOfSql, text, windows } from '../rules.ts'
import { account } from '../states/account.ts'

const kinds = oneOfSql(metric.labels.kind)

const sums: Cells = {
  name: 'credits',
  keys: { kind: text('s.kind') },
  amounts: { credits: 's.credits' },
  where: 's.counted',
  at: { instant: 's.created_at', grains: ['ever', 'day'] },
}

const range: RangeFunction = {
  name: 'credits',
  returns: { bucket: 'date', kind: 'text', credits: 'numeric' },
  needs: ['users', account, 'credit_ledger'],
  sql: `
SELECT bucket, kind, sum(credits) AS credits
FROM ${sumsOver(sums, viewEdge('credit_ledger', 'created_at'))}
WHERE kind IN (${kinds})
GROUP BY 1, 2`,
}

export const credits: Collector = {
  name: 'credits',
  reads: [{ of: 'credit_ledger', sums: [sums] }],
  figures: [
    {
      metric,
      emit: `
SELECT kind, "window", sum(credits) AS value
FROM ${sumsIn(sums, valuesOf(metric.labels.window))}
WHERE n > 0 AND kind IN (${kinds})
GROUP BY 1, 2`,
      sql: `
SELECT l.kind, w."window", sum(l.credits) AS value
FROM credit_ledger l
LEFT JOIN users u USING (user_id)
CROSS JOIN ${windows(valuesOf(metric.labels.window))}
WHERE ${notInternal} AND l.kind IN (${kinds}) AND ${inWindow('l.created_at')}
GROUP BY 1, 2`,
      past: {
        changes: changesOfFacts({
          metric,
          rows: `
SELECT l.kind, l.created_at AS at, l.credits AS value
FROM credit_ledger l
LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND l.kind IN (${kinds})`,
        }),
      },
    },
  ],
  ranges: [range],
}
