import { popularGenerations as metric } from '../../../catalogue/content.ts'
import { valuesOf } from '../../../catalogue/define.ts'
import { sqlInterval } from '../../../catalogue/windows.ts'
import type { Cells } from '../../store/domain.ts'
import { type Collector, presentOnly, type RangeFunction } from '../../store/figure.ts'
import { inRange, passes, sumsOver } from '../../store/ranges.ts'
import { sumsIn } from '../../store/windows.ts'
import { rowEdge, viewEdge } from '../edges.ts'
import { inWindow, notInternal, text, windows } from '../rules.ts'
import { generation, succeeded } from '../states/generation.ts'
import { isAskedFor, needs } from './labels.ts'

const windowNames = valuesOf(metric.labels.window)
/** What was asked for of a generation, by category: the columns have the categories' names. */
const itemsOfRow = (alias: string): string =>
  `(VALUES ${valuesOf(metric.labels.category)
    .map((category) => `('${category}', ${alias}.${category})`)
    .join(', ')}) AS i(category, item)`

const sums: Cells = {
  name: 'popular',
  keys: { category: text('i.category'), item: text('i.item') },
  join: `CROSS JOIN LATERAL ${itemsOfRow('s')}`,
  where: `${succeeded} AND i.item <> ''`,
  // Many items, and no window of theirs is longer than 30 days. 10 minutes: with fewer there would be about as many sums
  // as there are rows.
  at: { instant: 's.finished_at', grains: ['week', 'day', 'hour', 'slot'], slotMinutes: 10, daysKept: 32 },
}

/** A relation of succeeded generations by category, item and window; also what the day's items are chosen by. */
export const popularCounts = `
SELECT i.category, i.item::text AS item, w."window", count(*) AS value
FROM generations g
LEFT JOIN users u USING (user_id)
CROSS JOIN LATERAL ${itemsOfRow('g')}
CROSS JOIN ${windows(windowNames)}
WHERE ${notInternal} AND g.status = 'succeeded' AND i.item <> '' AND ${inWindow('g.finished_at')}
GROUP BY 1, 2, 3`

/** The same counts from the store. */
export const popularSums = `
SELECT category, item, "window", sum(n) AS value
FROM ${sumsIn(sums, windowNames, rowEdge('generations', 'finished_at'))}
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

/** Whether the sums know a range: days that are older than the windows of the metric are not in them. */
const isRecent = `:since > :as_of - ${sqlInterval('30d')} AND NOT :filters ?| ARRAY['type', 'quality', 'rating']`

const range: RangeFunction = {
  name: 'popular',
  returns: { category: 'text', item: 'text', n: 'bigint' },
  needs: needs,
  sql: `
SELECT category, item, sum(n)::bigint AS n
FROM ${sumsOver(sums, viewEdge('generations', 'finished_at'))}
WHERE ${isRecent} AND ${passes('category', 'category')}
GROUP BY 1, 2
HAVING sum(n) > 0
UNION ALL
SELECT i.category, i.item::text, count(*)
FROM generations g
LEFT JOIN rollup_account u ON u.id = g.user_id
CROSS JOIN LATERAL ${itemsOfRow('g')}
WHERE NOT (${isRecent}) AND ${notInternal} AND ${isAskedFor} AND g.status = 'succeeded' AND i.item <> ''
  AND ${inRange('g.finished_at')} AND ${passes('category', 'i.category')}
GROUP BY 1, 2`,
}

export const popular: Collector = {
  name: 'popular',
  reads: [{ of: generation, sums: [sums] }],
  figures: [
    {
      metric,
      // A series of its own has what was chosen for the day, also when nobody asks for it any more.
      sparse: true,
      emit: itemsOf(popularSums),
      sql: itemsOf(popularCounts),
      past: presentOnly,
    },
  ],
  ranges: [range],
}
