import { generation } from '../figures/content/generation.ts'
import { quality as qualityLabel, type as typeLabel } from '../figures/content/generations.ts'
import { fold, notInternal } from '../figures/rules.ts'
import { part, passes } from '../figures/segments.ts'
import { account } from '../figures/users/account.ts'
import { bucketOf, dayOf, inRange, sumsOver, viewEdge } from '../store/ranges.ts'
import { cellsNamed } from '../store/windows.ts'
import type { AnalyticsFunction } from './functions.ts'

const rating = `CASE WHEN g.is_nsfw THEN 'nsfw' ELSE 'sfw' END`
const dimensions = {
  type: typeLabel,
  quality: qualityLabel,
  rating,
  aspect_ratio: fold('g.aspect_ratio', 'aspect_ratio'),
}
const kept = [passes('type', typeLabel), passes('quality', qualityLabel), passes('rating', rating)].join(' AND ')
const parts = ['feed users', account.name, 'feed generations', generation.name]

const finished = `g.status IN ('succeeded', 'failed', 'cancelled') AND ${inRange('g.finished_at')}`
const counted = `FROM generations g LEFT JOIN rollup_account u ON u.id = g.user_id
  WHERE ${notInternal} AND ${kept}`

/** Whether the cells know it: days that are older than the windows of the metric are not in them. */
const isRecent = `:since > :as_of - interval '720 hours' AND NOT :filters ?| ARRAY['type', 'quality', 'rating']`
const items = `(VALUES ('scene', g.scene), ('environment', g.environment), ('outfit', g.outfit), ('pose', g.pose))`

export const content: readonly AnalyticsFunction[] = [
  {
    // By created_at what was begun, by finished_at what came of it.
    name: 'generations',
    returns: {
      bucket: 'date',
      part: 'text',
      created: 'bigint',
      succeeded: 'bigint',
      failed: 'bigint',
      cancelled: 'bigint',
      images: 'bigint',
    },
    parts,
    sql: `
SELECT bucket, part, sum(created)::bigint, sum(succeeded)::bigint, sum(failed)::bigint, sum(cancelled)::bigint,
  sum(images)::bigint
FROM (
  SELECT ${bucketOf(dayOf('g.created_at'))} AS bucket, ${part(dimensions)} AS part, count(*) AS created, 0 AS succeeded,
    0 AS failed, 0 AS cancelled, 0 AS images
  ${counted} AND ${inRange('g.created_at')}
  GROUP BY 1, 2
  UNION ALL
  SELECT ${bucketOf(dayOf('g.finished_at'))}, ${part(dimensions)}, 0, count(*) FILTER (WHERE g.status = 'succeeded'),
    count(*) FILTER (WHERE g.status = 'failed'), count(*) FILTER (WHERE g.status = 'cancelled'),
    coalesce(sum(g.image_count) FILTER (WHERE g.status = 'succeeded'), 0)
  ${counted} AND ${finished}
  GROUP BY 1, 2
) AS counts
GROUP BY 1, 2`,
  },
  {
    name: 'popular',
    returns: { category: 'text', item: 'text', n: 'bigint' },
    parts,
    sql: `
SELECT category, item, sum(n)::bigint AS n
FROM ${sumsOver(cellsNamed(generation.cells, 'popular'), viewEdge('generations', 'finished_at'))}
WHERE ${isRecent} AND ${passes('category', 'category')}
GROUP BY 1, 2
HAVING sum(n) > 0
UNION ALL
SELECT i.category, i.item::text, count(*)
FROM generations g
LEFT JOIN rollup_account u ON u.id = g.user_id
CROSS JOIN LATERAL ${items} AS i(category, item)
WHERE NOT (${isRecent}) AND ${notInternal} AND ${kept} AND g.status = 'succeeded' AND i.item <> ''
  AND ${inRange('g.finished_at')} AND ${passes('category', 'i.category')}
GROUP BY 1, 2`,
  },
  {
    // Durations are of everybody's, internal users' too: they measure the machine.
    name: 'performance',
    returns: {
      bucket: 'date',
      part: 'text',
      succeeded: 'bigint',
      failed: 'bigint',
      cancelled: 'bigint',
      measured: 'bigint',
      mean_seconds: 'double precision',
      p50_seconds: 'double precision',
      p95_seconds: 'double precision',
    },
    parts,
    sql: `
SELECT bucket, part,
  count(*) FILTER (WHERE status = 'succeeded' AND counted), count(*) FILTER (WHERE status = 'failed' AND counted),
  count(*) FILTER (WHERE status = 'cancelled' AND counted), count(seconds), avg(seconds),
  percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds), percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds)
FROM (
  SELECT ${bucketOf(dayOf('g.finished_at'))} AS bucket, ${part(dimensions)} AS part, g.status, ${notInternal} AS counted,
    CASE WHEN g.status = 'succeeded' THEN extract(epoch FROM g.finished_at - g.started_at)::double precision END AS seconds
  FROM generations g LEFT JOIN rollup_account u ON u.id = g.user_id
  WHERE ${finished} AND ${kept}
) AS ended
GROUP BY 1, 2`,
  },
  {
    name: 'failures',
    returns: { bucket: 'date', type: 'text', reason: 'text', n: 'bigint' },
    parts,
    sql: `
SELECT ${bucketOf(dayOf('g.finished_at'))} AS bucket, ${typeLabel} AS type,
  ${fold('g.failure_reason', 'failure_reason')} AS reason, count(*) AS n
${counted} AND g.status = 'failed' AND ${inRange('g.finished_at')}
GROUP BY 1, 2, 3`,
  },
]
