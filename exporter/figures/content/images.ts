import { images as metric } from '../../../catalogue/content.ts'
import { valuesOf } from '../../../catalogue/define.ts'
import type { Cells } from '../../store/domain.ts'
import type { Collector } from '../../store/figure.ts'
import { sumsIn } from '../../store/windows.ts'
import { changesOfFacts } from '../past-windows.ts'
import { inWindow, notInternal, windows } from '../rules.ts'
import { generation, succeeded } from '../states/generation.ts'
import { generationRows } from './labels.ts'

const sums: Cells = {
  name: 'images',
  keys: {},
  amounts: { images: 's.image_count' },
  where: succeeded,
  at: { instant: 's.finished_at', grains: ['ever', 'day'] },
}

/** Images by range are part of the range function `generations`, which has a column for them. */
export const images: Collector = {
  name: 'images',
  reads: [{ of: generation, sums: [sums] }],
  figures: [
    {
      metric,
      emit: `
SELECT "window", sum(images) AS value
FROM ${sumsIn(sums, valuesOf(metric.labels.window))}
GROUP BY 1`,
      sql: `
SELECT w."window", sum(g.image_count) AS value
FROM generations g
LEFT JOIN users u USING (user_id)
CROSS JOIN ${windows(valuesOf(metric.labels.window))}
WHERE ${notInternal} AND g.status = 'succeeded' AND ${inWindow('g.finished_at')}
GROUP BY 1`,
      past: {
        changes: changesOfFacts({
          metric,
          rows: generationRows(
            'g.finished_at AS at, g.image_count AS value',
            `g.status = 'succeeded' AND g.finished_at IS NOT NULL`,
          ),
        }),
      },
    },
  ],
}
