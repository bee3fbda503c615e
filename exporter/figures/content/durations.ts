import { generationDurationSeconds as metric } from '../../../catalogue/content.ts'
import type { Collector } from '../../store/figure.ts'
import { generation } from './generation.ts'
import { quality, type } from './generations.ts'

const buckets = (metric.buckets ?? []).map((le) => `count(*) FILTER (WHERE g.seconds <= ${le})`).join(', ')

const sums = (metric.buckets ?? [])
  .map((_, place) => `coalesce(sum(g.n) FILTER (WHERE g.bucket <= ${place}), 0)`)
  .join(', ')

export const durations: Collector = {
  name: 'durations',
  views: metric.sources,
  parts: [generation.name],
  oracle: [
    {
      metric,
      // Everyone's, internal users' too: it measures the machine.
      emit: `
SELECT ${type} AS type, ${quality} AS quality, ARRAY[${sums}] AS buckets, sum(g.seconds) AS sum, sum(g.n) AS count
FROM rollup_durations g
WHERE n > 0
GROUP BY 1, 2`,
      sql: `
SELECT ${type} AS type, ${quality} AS quality, ARRAY[${buckets}] AS buckets, sum(g.seconds) AS sum, count(*) AS count
FROM (
  SELECT type, quality, extract(epoch FROM finished_at - started_at) AS seconds
  FROM generations
  WHERE status = 'succeeded' AND finished_at <= :as_of AND started_at IS NOT NULL
) AS g
GROUP BY 1, 2`,
    },
  ],
}
