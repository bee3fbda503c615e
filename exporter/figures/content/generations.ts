import {
  generationFailures,
  generationsCreated,
  generationsFinished,
  generationsInProgress,
} from '../../../catalogue/content.ts'
import type { Collector } from '../../store/figure.ts'
import { cellsNamed, rowEdge, sumsIn } from '../../store/windows.ts'
import { fold, foldOneOf, inWindow, liveUser, notInternal, windows } from '../rules.ts'
import { generation } from './generation.ts'

export const type = foldOneOf('g.type', generationsFinished.labels.type.values ?? [])
export const quality = foldOneOf('g.quality', generationsFinished.labels.quality.values ?? [])

export const generations: Collector = {
  name: 'generations',
  views: generationsCreated.sources,
  parts: [generation.name],
  oracle: [
    {
      metric: generationsCreated,
      emit: `
SELECT "window", sum(n) AS value
FROM ${sumsIn(
        cellsNamed(generation.cells, 'generations_created'),
        ['today', 'week', 'month', '1d', '7d', '30d', 'ever'],
        rowEdge('generations', 'created_at'),
      )}
GROUP BY 1`,
      sql: `
SELECT w."window", count(*) AS value
FROM generations g
LEFT JOIN users u USING (user_id)
CROSS JOIN ${windows('today', 'week', 'month', '1d', '7d', '30d', 'ever')}
WHERE ${notInternal} AND ${inWindow('g.created_at')}
GROUP BY 1`,
    },
    {
      metric: generationsFinished,
      emit: `
SELECT ${type} AS type, ${quality} AS quality, g.rating, ${fold('g.aspect_ratio', 'aspect_ratio')} AS aspect_ratio, g.status,
  sum(n) AS value
FROM rollup_generations_finished g
WHERE n > 0
GROUP BY 1, 2, 3, 4, 5`,
      sql: `
SELECT
  ${type} AS type,
  ${quality} AS quality,
  CASE WHEN g.is_nsfw THEN 'nsfw' ELSE 'sfw' END AS rating,
  ${fold('g.aspect_ratio', 'aspect_ratio')} AS aspect_ratio,
  g.status,
  count(*) AS value
FROM generations g
LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND g.status IN ('succeeded', 'failed', 'cancelled') AND g.finished_at <= :as_of
GROUP BY 1, 2, 3, 4, 5`,
    },
    {
      metric: generationsInProgress,
      // A status takes effect when it is written, so one that ended ahead of as_of is in progress no more.
      emit: `
SELECT g.status, count(*) AS value
FROM rollup_generation g
JOIN rollup_account u ON u.id = g.user_id
WHERE g.status IN ('queued', 'running') AND g.created_at <= :as_of AND ${liveUser}
GROUP BY 1`,
      sql: `
SELECT g.status, count(*) AS value
FROM generations g
JOIN users u USING (user_id)
WHERE ${liveUser} AND g.status IN ('queued', 'running') AND g.created_at <= :as_of
GROUP BY 1`,
    },
    {
      metric: generationFailures,
      emit: `
SELECT ${type} AS type, ${fold('g.reason', 'failure_reason')} AS reason, sum(n) AS value
FROM rollup_generation_failures g
WHERE n > 0
GROUP BY 1, 2`,
      sql: `
SELECT ${type} AS type, ${fold('g.failure_reason', 'failure_reason')} AS reason, count(*) AS value
FROM generations g
LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND g.status = 'failed' AND g.finished_at <= :as_of
GROUP BY 1, 2`,
    },
  ],
}
