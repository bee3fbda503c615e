import { generationDurationSeconds as metric } from '../../../catalogue/content.ts'
import type { Cells } from '../../store/domain.ts'
import type { Collector, Past, RangeFunction } from '../../store/figure.ts'
import { bucketOf, dayOf, part } from '../../store/ranges.ts'
import { notInternal, text } from '../rules.ts'
import { generation } from '../states/generation.ts'
import { dimensions, endedInRange, isAskedFor, needs, quality, type } from './labels.ts'

/** Upper bounds in seconds. */
const bounds = metric.buckets ?? []
/** The place of the first bucket that holds a duration, counted from 0; after the last one that of +Inf. */
const bucket = `CASE ${bounds.map((le, place) => `WHEN s.seconds <= ${le} THEN ${place}`).join(' ')} ELSE ${bounds.length} END`

const sums: Cells = {
  name: 'durations',
  keys: { type: text('s.type'), quality: text('s.quality'), bucket: { type: 'smallint', from: bucket } },
  amounts: { seconds: 's.seconds' },
  where: 's.seconds IS NOT NULL',
}

const plainBuckets = bounds.map((le) => `count(*) FILTER (WHERE g.seconds <= ${le})`).join(', ')
const storedBuckets = bounds.map((_, place) => `coalesce(sum(g.n) FILTER (WHERE g.bucket <= ${place}), 0)`).join(', ')

const past: Past = {
  columns: [...bounds.map((_, index) => `bucket_${index}`), 'seconds', 'count'],
  changes: `
SELECT ${type} AS type, ${quality} AS quality, g.at, g.seconds, 1 AS count, 1 AS n,
  ${bounds.map((le, index) => `(g.seconds <= ${le})::int AS bucket_${index}`).join(', ')}
FROM (
  SELECT type, quality, finished_at AS at, extract(epoch FROM finished_at - started_at) AS seconds
  FROM generations
  WHERE status = 'succeeded' AND finished_at IS NOT NULL AND started_at IS NOT NULL
) AS g`,
}

/** Durations are of everybody's, internal users' too: they measure the machine. */
const range: RangeFunction = {
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
  needs: needs,
  sql: `
SELECT bucket, part,
  count(*) FILTER (WHERE status = 'succeeded' AND counted), count(*) FILTER (WHERE status = 'failed' AND counted),
  count(*) FILTER (WHERE status = 'cancelled' AND counted), count(seconds), avg(seconds),
  percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds), percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds)
FROM (
  SELECT ${bucketOf(dayOf('g.finished_at'))} AS bucket, ${part(dimensions)} AS part, g.status, ${notInternal} AS counted,
    CASE WHEN g.status = 'succeeded' THEN extract(epoch FROM g.finished_at - g.started_at)::double precision END AS seconds
  FROM generations g LEFT JOIN rollup_account u ON u.id = g.user_id
  WHERE ${endedInRange} AND ${isAskedFor}
) AS ended
GROUP BY 1, 2`,
}

export const durations: Collector = {
  name: 'durations',
  reads: [{ of: generation, sums: [sums] }],
  figures: [
    {
      metric,
      // Everyone's, internal users' too: it measures the machine.
      emit: `
SELECT ${type} AS type, ${quality} AS quality, ARRAY[${storedBuckets}] AS buckets, sum(g.seconds) AS sum, sum(g.n) AS count
FROM rollup_durations g
WHERE n > 0
GROUP BY 1, 2`,
      sql: `
SELECT ${type} AS type, ${quality} AS quality, ARRAY[${plainBuckets}] AS buckets, sum(g.seconds) AS sum, count(*) AS count
FROM (
  SELECT type, quality, extract(epoch FROM finished_at - started_at) AS seconds
  FROM generations
  WHERE status = 'succeeded' AND finished_at <= :as_of AND started_at IS NOT NULL
) AS g
GROUP BY 1, 2`,
      past,
    },
  ],
  ranges: [range],
}
