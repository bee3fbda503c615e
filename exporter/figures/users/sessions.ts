import { valuesOf } from '../../../catalogue/define.ts'
import { sessions as metric } from '../../../catalogue/users.ts'
import type { Cells } from '../../store/domain.ts'
import type { Collector, RangeFunction } from '../../store/figure.ts'
import { bucketOf, dayOf, inRange, sumsOver } from '../../store/ranges.ts'
import { sumsIn } from '../../store/windows.ts'
import { rowEdge, viewEdge } from '../edges.ts'
import { changesOfFacts } from '../past-windows.ts'
import { inWindow, notInternal, windows } from '../rules.ts'
import { bySegment, inSegment } from '../segments.ts'
import { segmented } from './segmented.ts'

const sums: Cells = {
  name: 'sessions',
  keys: {},
  where: 's.counted',
  at: { instant: 's.started_at', grains: ['ever', 'day', 'hour', 'slot'], slotMinutes: 1 },
}

const range: RangeFunction = {
  name: 'sessions',
  returns: { bucket: 'date', n: 'bigint' },
  needs: [...segmented, 'sessions'],
  sql: `
SELECT bucket, sum(n)::bigint AS n
FROM ${sumsOver(sums, viewEdge('sessions', 'started_at'))}
WHERE NOT ${bySegment}
GROUP BY 1
UNION ALL
SELECT ${bucketOf(dayOf('x.started_at'))}, count(*)
FROM sessions x JOIN users u USING (user_id) JOIN rollup_population p ON p.id = x.user_id
WHERE ${bySegment} AND ${notInternal} AND ${inRange('x.started_at')} AND ${inSegment}
GROUP BY 1`,
}

export const sessions: Collector = {
  name: 'sessions',
  reads: [{ of: 'sessions', sums: [sums] }],
  figures: [
    {
      metric,
      emit: `
SELECT "window", sum(n) AS value
FROM ${sumsIn(sums, valuesOf(metric.labels.window), rowEdge('sessions', 'started_at'))}
GROUP BY 1`,
      sql: `
SELECT w."window", count(*) AS value
FROM sessions x
LEFT JOIN users u USING (user_id)
CROSS JOIN ${windows(valuesOf(metric.labels.window))}
WHERE ${notInternal} AND ${inWindow('x.started_at')}
GROUP BY 1`,
      past: {
        changes: changesOfFacts({
          metric,
          rows: `
SELECT x.started_at AS at, 1 AS value
FROM sessions x
LEFT JOIN users u USING (user_id)
WHERE ${notInternal}`,
        }),
      },
    },
  ],
  ranges: [range],
}
