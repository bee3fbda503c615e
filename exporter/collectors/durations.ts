import { generationDurationSeconds as metric } from '../../catalogue/content.ts'
import type { Collector } from '../collector.ts'
import { quality, type } from './generations.ts'

const buckets = (metric.buckets ?? []).map((le) => `count(*) FILTER (WHERE g.seconds <= ${le})`).join(', ')

export const durations: Collector = {
  name: 'durations',
  views: metric.sources,
  oracle: [
    {
      metric,
      // Everyone's, internal users' too: it measures the machine.
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
