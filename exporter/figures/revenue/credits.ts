import { credits as metric } from '../../../catalogue/revenue.ts'
import type { Collector } from '../../store/figure.ts'
import { sumsIn } from '../../store/windows.ts'
import { factsOf } from '../facts.ts'
import { inWindow, notInternal, windows } from '../rules.ts'

const kinds = metric.labels.kind.values?.map((kind) => `'${kind}'`).join(', ')

export const credits: Collector = {
  name: 'credits',
  views: metric.sources,
  parts: ['feed credit_ledger'],
  oracle: [
    {
      metric,
      emit: `
SELECT kind, "window", sum(credits) AS value
FROM ${sumsIn(factsOf('credit_ledger').cells[0], ['today', 'week', 'month', 'ever'])}
WHERE n > 0 AND kind IN (${kinds})
GROUP BY 1, 2`,
      sql: `
SELECT l.kind, w."window", sum(l.credits) AS value
FROM credit_ledger l
LEFT JOIN users u USING (user_id)
CROSS JOIN ${windows('today', 'week', 'month', 'ever')}
WHERE ${notInternal} AND l.kind IN (${kinds}) AND ${inWindow('l.created_at')}
GROUP BY 1, 2`,
    },
  ],
}
