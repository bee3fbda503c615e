import {
  generationFailures,
  generationsCreated,
  generationsFinished,
  generationsInProgress,
} from '../../../catalogue/content.ts'
import { valuesOf } from '../../../catalogue/define.ts'
import type { Cells } from '../../store/domain.ts'
import { type Collector, presentOnly, type RangeFunction } from '../../store/figure.ts'
import { bucketOf, dayOf, inRange, part } from '../../store/ranges.ts'
import { sumsIn } from '../../store/windows.ts'
import { rowEdge } from '../edges.ts'
import { changesEver, changesOfFacts } from '../past-windows.ts'
import { fold, inWindow, liveUser, notInternal, text, windows } from '../rules.ts'
import { generation, isInProgress, isOver } from '../states/generation.ts'
import {
  aspectRatio,
  countedGenerations,
  dimensions,
  endedInRange,
  generationRows,
  needs,
  quality,
  rating,
  type,
} from './labels.ts'

const created: Cells = {
  name: 'generations_created',
  keys: {},
  where: 's.counted AND s.created_at IS NOT NULL',
  at: { instant: 's.created_at', grains: ['ever', 'day', 'hour', 'slot'], slotMinutes: 1 },
}

const finished: Cells = {
  name: 'generations_finished',
  keys: {
    type: text('s.type'),
    quality: text('s.quality'),
    rating: text(`CASE WHEN s.is_nsfw THEN 'nsfw' ELSE 'sfw' END`),
    aspect_ratio: text('s.aspect_ratio'),
    status: text('s.status'),
  },
  where: 's.counted AND s.finished_at IS NOT NULL',
}

export const failures: Cells = {
  name: 'generation_failures',
  keys: { type: text('s.type'), reason: text('s.failure_reason') },
  where: `s.counted AND s.finished_at IS NOT NULL AND s.status = 'failed'`,
}

const generationsRange: RangeFunction = {
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
  needs: needs,
  sql: `
SELECT bucket, part, sum(created)::bigint, sum(succeeded)::bigint, sum(failed)::bigint, sum(cancelled)::bigint,
  sum(images)::bigint
FROM (
  SELECT ${bucketOf(dayOf('g.created_at'))} AS bucket, ${part(dimensions)} AS part, count(*) AS created, 0 AS succeeded,
    0 AS failed, 0 AS cancelled, 0 AS images
  ${countedGenerations} AND ${inRange('g.created_at')}
  GROUP BY 1, 2
  UNION ALL
  SELECT ${bucketOf(dayOf('g.finished_at'))}, ${part(dimensions)}, 0, count(*) FILTER (WHERE g.status = 'succeeded'),
    count(*) FILTER (WHERE g.status = 'failed'), count(*) FILTER (WHERE g.status = 'cancelled'),
    coalesce(sum(g.image_count) FILTER (WHERE g.status = 'succeeded'), 0)
  ${countedGenerations} AND ${endedInRange}
  GROUP BY 1, 2
) AS counts
GROUP BY 1, 2`,
}

const failuresRange: RangeFunction = {
  name: 'failures',
  returns: { bucket: 'date', type: 'text', reason: 'text', n: 'bigint' },
  needs: needs,
  sql: `
SELECT ${bucketOf(dayOf('g.finished_at'))} AS bucket, ${type} AS type,
  ${fold('g.failure_reason', 'failure_reason')} AS reason, count(*) AS n
${countedGenerations} AND g.status = 'failed' AND ${inRange('g.finished_at')}
GROUP BY 1, 2, 3`,
}

export const generations: Collector = {
  name: 'generations',
  reads: [{ of: generation, sums: [created, finished, failures] }],
  figures: [
    {
      metric: generationsCreated,
      emit: `
SELECT "window", sum(n) AS value
FROM ${sumsIn(created, valuesOf(generationsCreated.labels.window), rowEdge('generations', 'created_at'))}
GROUP BY 1`,
      sql: `
SELECT w."window", count(*) AS value
FROM generations g
LEFT JOIN users u USING (user_id)
CROSS JOIN ${windows(valuesOf(generationsCreated.labels.window))}
WHERE ${notInternal} AND ${inWindow('g.created_at')}
GROUP BY 1`,
      past: {
        changes: changesOfFacts({
          metric: generationsCreated,
          rows: generationRows('g.created_at AS at, 1 AS value', 'true'),
        }),
      },
    },
    {
      metric: generationsFinished,
      emit: `
SELECT ${type} AS type, ${quality} AS quality, g.rating, ${aspectRatio} AS aspect_ratio, g.status,
  sum(n) AS value
FROM rollup_generations_finished g
WHERE n > 0
GROUP BY 1, 2, 3, 4, 5`,
      sql: `
SELECT
  ${type} AS type,
  ${quality} AS quality,
  ${rating} AS rating,
  ${aspectRatio} AS aspect_ratio,
  g.status,
  count(*) AS value
FROM generations g
LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND ${isOver} AND g.finished_at <= :as_of
GROUP BY 1, 2, 3, 4, 5`,
      past: {
        changes: changesEver(
          Object.keys(generationsFinished.labels),
          generationRows(
            `${type} AS type, ${quality} AS quality, ${rating} AS rating,
  ${aspectRatio} AS aspect_ratio, g.status, g.finished_at AS at, 1 AS value`,
            `${isOver} AND g.finished_at IS NOT NULL`,
          ),
        ),
      },
    },
    {
      metric: generationsInProgress,
      // A status takes effect when it is written, so one that ended ahead of as_of is in progress no more.
      emit: `
SELECT g.status, count(*) AS value
FROM rollup_generation g
JOIN rollup_account u ON u.id = g.user_id
WHERE ${isInProgress} AND g.created_at <= :as_of AND ${liveUser}
GROUP BY 1`,
      sql: `
SELECT g.status, count(*) AS value
FROM generations g
JOIN users u USING (user_id)
WHERE ${liveUser} AND ${isInProgress} AND g.created_at <= :as_of
GROUP BY 1`,
      past: presentOnly,
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
      past: {
        changes: changesEver(
          Object.keys(generationFailures.labels),
          generationRows(
            `${type} AS type, ${fold('g.failure_reason', 'failure_reason')} AS reason, g.finished_at AS at, 1 AS value`,
            `g.status = 'failed' AND g.finished_at IS NOT NULL`,
          ),
        ),
      },
    },
  ],
  ranges: [generationsRange, failuresRange],
}
