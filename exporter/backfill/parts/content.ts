import {
  characters,
  generationDurationSeconds,
  generationFailures,
  generationsCreated,
  generationsFinished,
  images,
} from '../../../catalogue/content.ts'
import { quality, type } from '../../figures/content/generations.ts'
import { changesOfSpans, hourOf, type Past } from '../../figures/past.ts'
import { liveUsers } from '../../figures/past-spans.ts'
import { changesEver, changesOfFacts } from '../../figures/past-windows.ts'
import { fold, notInternal } from '../../figures/rules.ts'

const generationRows = (columns: string, where: string): string => `
SELECT ${columns}
FROM generations g
LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND ${where}`

const bounds = generationDurationSeconds.buckets ?? []

export const content: readonly Past[] = [
  {
    metric: characters,
    changes: `WITH ${liveUsers}
${changesOfSpans(
  `SELECT greatest(l.since, ${hourOf('c.created_at')}) AS since,
    least(l.until, ${hourOf(`coalesce(c.deleted_at, 'infinity')`)}) AS until
  FROM characters c JOIN live l USING (user_id)`,
  [],
)}`,
  },
  {
    metric: images,
    changes: changesOfFacts({
      metric: images,
      rows: generationRows(
        'g.finished_at AS at, g.image_count AS value',
        `g.status = 'succeeded' AND g.finished_at IS NOT NULL`,
      ),
    }),
  },
  {
    metric: generationsCreated,
    changes: changesOfFacts({
      metric: generationsCreated,
      rows: generationRows('g.created_at AS at, 1 AS value', 'true'),
    }),
  },
  {
    metric: generationsFinished,
    changes: changesEver(
      Object.keys(generationsFinished.labels),
      generationRows(
        `${type} AS type, ${quality} AS quality, CASE WHEN g.is_nsfw THEN 'nsfw' ELSE 'sfw' END AS rating,
  ${fold('g.aspect_ratio', 'aspect_ratio')} AS aspect_ratio, g.status, g.finished_at AS at, 1 AS value`,
        `g.status IN ('succeeded', 'failed', 'cancelled') AND g.finished_at IS NOT NULL`,
      ),
    ),
  },
  {
    metric: generationFailures,
    changes: changesEver(
      Object.keys(generationFailures.labels),
      generationRows(
        `${type} AS type, ${fold('g.failure_reason', 'failure_reason')} AS reason, g.finished_at AS at, 1 AS value`,
        `g.status = 'failed' AND g.finished_at IS NOT NULL`,
      ),
    ),
  },
  {
    metric: generationDurationSeconds,
    columns: [...bounds.map((_, index) => `bucket_${index}`), 'seconds', 'count'],
    changes: `
SELECT ${type} AS type, ${quality} AS quality, g.at, g.seconds, 1 AS count, 1 AS n,
  ${bounds.map((le, index) => `(g.seconds <= ${le})::int AS bucket_${index}`).join(', ')}
FROM (
  SELECT type, quality, finished_at AS at, extract(epoch FROM finished_at - started_at) AS seconds
  FROM generations
  WHERE status = 'succeeded' AND finished_at IS NOT NULL AND started_at IS NOT NULL
) AS g`,
  },
]
