import { popularGenerations as metric } from '../../../catalogue/content.ts'
import type { Collector } from '../../store/figure.ts'
import { cellsNamed, rowEdge, sumsIn } from '../../store/windows.ts'
import { inWindow, notInternal, windows } from '../rules.ts'
import { generation } from './generation.ts'

/** A relation of succeeded generations by category, item and window; also what the day's items are chosen by. */
export const popularCounts = `
SELECT i.category, i.item::text AS item, w."window", count(*) AS value
FROM generations g
LEFT JOIN users u USING (user_id)
CROSS JOIN LATERAL (
  VALUES ('scene', g.scene), ('environment', g.environment), ('outfit', g.outfit), ('pose', g.pose)
) AS i(category, item)
CROSS JOIN ${windows('1d', '7d', '30d')}
WHERE ${notInternal} AND g.status = 'succeeded' AND i.item <> '' AND ${inWindow('g.finished_at')}
GROUP BY 1, 2, 3`

/** The same counts from the store. */
export const popularSums = `
SELECT category, item, "window", sum(n) AS value
FROM ${sumsIn(cellsNamed(generation.cells, 'popular'), ['1d', '7d', '30d'], rowEdge('generations', 'finished_at'))}
GROUP BY 1, 2, 3
HAVING sum(n) > 0`

/** The counts of the items that have series of their own, and of all others together. */
const itemsOf = (counts: string): string => `
WITH counts AS (${counts}),
chosen AS (
  SELECT category, item, "window"
  FROM jsonb_to_recordset(:popular_items) AS chosen(category text, item text, "window" text)
)
SELECT
  coalesce(chosen.category, counts.category) AS category,
  coalesce(chosen.item, 'other') AS item,
  coalesce(chosen."window", counts."window") AS "window",
  coalesce(sum(counts.value), 0) AS value
FROM chosen
FULL JOIN counts
  ON counts.category = chosen.category AND counts.item = chosen.item AND counts."window" = chosen."window"
GROUP BY 1, 2, 3`

export const popular: Collector = {
  name: 'popular',
  views: metric.sources,
  parts: [generation.name],
  oracle: [
    {
      metric,
      // A series of its own has what was chosen for the day, also when nobody asks for it any more.
      sparse: true,
      emit: itemsOf(popularSums),
      sql: itemsOf(popularCounts),
    },
  ],
}
