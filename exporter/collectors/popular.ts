import { popularGenerations as metric } from '../../catalogue/content.ts'
import type { Collector } from '../collector.ts'
import { inWindow, notInternal, windows } from './fragments.ts'

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

export const popular: Collector = {
  name: 'popular',
  views: metric.sources,
  oracle: [
    {
      metric,
      // A series of its own has what was chosen for the day, also when nobody asks for it any more.
      sparse: true,
      sql: `
WITH counts AS (${popularCounts}),
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
GROUP BY 1, 2, 3`,
    },
  ],
}
