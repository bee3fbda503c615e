import { images as metric } from '../../../catalogue/content.ts'
import type { Collector } from '../../store/figure.ts'
import { cellsNamed, sumsIn } from '../../store/windows.ts'
import { inWindow, notInternal, windows } from '../rules.ts'
import { generation } from './generation.ts'

export const images: Collector = {
  name: 'images',
  views: metric.sources,
  parts: [generation.name],
  oracle: [
    {
      metric,
      emit: `
SELECT "window", sum(images) AS value
FROM ${sumsIn(cellsNamed(generation.cells, 'images'), ['today', 'week', 'month', 'ever'])}
GROUP BY 1`,
      sql: `
SELECT w."window", sum(g.image_count) AS value
FROM generations g
LEFT JOIN users u USING (user_id)
CROSS JOIN ${windows('today', 'week', 'month', 'ever')}
WHERE ${notInternal} AND g.status = 'succeeded' AND ${inWindow('g.finished_at')}
GROUP BY 1`,
    },
  ],
}
