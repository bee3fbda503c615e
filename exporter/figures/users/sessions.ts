import { sessions as metric } from '../../../catalogue/users.ts'
import type { Collector } from '../../store/figure.ts'
import { rowEdge, sumsIn } from '../../store/windows.ts'
import { factsOf } from '../facts.ts'
import { inWindow, notInternal, windows } from '../rules.ts'

export const sessions: Collector = {
  name: 'sessions',
  views: metric.sources,
  parts: ['feed sessions'],
  oracle: [
    {
      metric,
      emit: `
SELECT "window", sum(n) AS value
FROM ${sumsIn(factsOf('sessions').cells[0], ['1d', '7d', '30d', 'ever'], rowEdge('sessions', 'started_at'))}
GROUP BY 1`,
      sql: `
SELECT w."window", count(*) AS value
FROM sessions x
LEFT JOIN users u USING (user_id)
CROSS JOIN ${windows('1d', '7d', '30d', 'ever')}
WHERE ${notInternal} AND ${inWindow('x.started_at')}
GROUP BY 1`,
    },
  ],
}
