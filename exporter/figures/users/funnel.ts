import { valuesOf } from '../../../catalogue/define.ts'
import { funnelUsers as metric } from '../../../catalogue/users.ts'
import { sqlInterval } from '../../../catalogue/windows.ts'
import { ahead, type Cells, lookUp, type State } from '../../store/domain.ts'
import type { Collector, Past } from '../../store/figure.ts'
import { type Edge, sumsIn } from '../../store/windows.ts'
import { changesOfSpans, hourOf } from '../past.ts'
import { fold, inWindow, text, windows } from '../rules.ts'
import { generation } from '../states/generation.ts'

const windowNames = valuesOf(metric.labels.window)
/** Each step implies the ones before it; a visitor's place is the number of steps reached. */
const steps = valuesOf(metric.labels.step)

/** Each visitor, by the first visit: how far they have come since. */
export const visitor: State = {
  name: 'visitor',
  views: ['users', 'visits', 'generations'],
  asks: [generation],
  entity: { view: 'visits', id: 'visitor_id' },
  columns: { first_at: 'timestamptz', source: 'text', step: 'smallint' },
  dirtiedBy: {
    visits: 'SELECT visitor_id FROM changed',
    // Also the visitor that a user was taken for before.
    users: `SELECT visitor_id FROM changed WHERE visitor_id IS NOT NULL
      UNION SELECT u.visitor_id FROM changed JOIN rollup_account u ON u.id = changed.user_id WHERE u.visitor_id IS NOT NULL`,
    // Who has come all the way is taken back only by a generation that succeeded and does so no more. How it was is known
    // once its own states are built, where they wait for nothing.
    generations: `SELECT u.visitor_id FROM changed AS c
      JOIN ${lookUp('visitor_id', 'rollup_account WHERE id = c.user_id')} AS u ON u.visitor_id IS NOT NULL
      LEFT JOIN ${lookUp('step', 'rollup_visitor WHERE id = u.visitor_id')} AS v ON true
      LEFT JOIN ${lookUp('status, finished_at', 'rollup_generation WHERE id = c.generation_id')} AS g ON true
      WHERE v.step IS DISTINCT FROM 3
        OR (g.status = 'succeeded' AND (c.status <> 'succeeded' OR c.finished_at IS DISTINCT FROM g.finished_at))
        OR EXISTS (SELECT FROM rollup_generation_dirty AS waiting WHERE waiting.id = c.generation_id)
        OR NOT EXISTS (SELECT FROM rollup_part WHERE name = '${generation.name}' AND ready)`,
  },
  contribution: (entities) => `
SELECT d.id, v.visited_at AS first_at, v.source,
  CASE WHEN NOT u.signed_up THEN 1 WHEN NOT u.has_generated THEN 2 ELSE 3 END::smallint AS step, u.next_at
FROM ${entities()}
CROSS JOIN LATERAL (
  SELECT visited_at, coalesce(source::text, '') AS source FROM visits
  WHERE visitor_id = d.id AND visited_at <= :as_of
  ORDER BY visited_at, visit_id LIMIT 1
) AS v
CROSS JOIN LATERAL (
  SELECT coalesce(bool_or(u.created_at <= :as_of), false) AS signed_up,
    coalesce(bool_or(u.created_at <= :as_of AND EXISTS (
      SELECT FROM generations g WHERE g.user_id = u.user_id AND g.status = 'succeeded' AND g.finished_at <= :as_of
    )), false) AS has_generated,
    min(least(${ahead('u.created_at')}, (
      SELECT min(g.finished_at) FROM generations g
      WHERE g.user_id = u.user_id AND g.status = 'succeeded' AND g.finished_at > :as_of
    ))) AS next_at
  FROM users u WHERE u.visitor_id = d.id
  HAVING NOT coalesce(bool_or(u.is_internal), false)
) AS u`,
  indexes: ['(first_at)'],
}

export const sums: Cells = {
  name: 'funnel',
  keys: { source: text('s.source'), step: { type: 'smallint', from: 's.step' } },
  at: { instant: 's.first_at', grains: ['ever', 'day', 'hour'] },
}

/** Each visitor once, by the first visit that is not ahead; who of them signed up, and who of those made an image. */
const firstVisits = `first_visit AS (
  SELECT DISTINCT ON (v.visitor_id) v.visitor_id, v.visited_at, ${fold('v.source', 'visit_source')} AS source
  FROM visits v
  WHERE v.visited_at <= :as_of
    AND NOT EXISTS (SELECT FROM users u WHERE u.visitor_id = v.visitor_id AND u.is_internal)
  ORDER BY v.visitor_id, v.visited_at, v.visit_id
)`

/** First visits between two instants, from the store's own state. */
const firstVisitEdge: Edge = (after, before) =>
  `SELECT first_at, source, step FROM rollup_visitor WHERE first_at > ${after} AND first_at < ${before}`

const past: Past = {
  // A visitor is in a window from the first visit on, or from when they get to the step, until the visit has left it.
  changes: `WITH first_visit AS MATERIALIZED (
  SELECT DISTINCT ON (v.visitor_id) v.visitor_id, v.visited_at, ${fold('v.source', 'visit_source')} AS source
  FROM visits v
  WHERE NOT EXISTS (SELECT FROM users u WHERE u.visitor_id = v.visitor_id AND u.is_internal)
  ORDER BY v.visitor_id, v.visited_at, v.visit_id
),
first_generation AS MATERIALIZED (
  SELECT user_id, min(finished_at) AS at FROM generations
  WHERE status = 'succeeded' AND finished_at IS NOT NULL
  GROUP BY user_id
),
reached AS MATERIALIZED (
  SELECT u.visitor_id, min(u.created_at) AS signup,
    min(greatest(u.created_at, g.at)) FILTER (WHERE g.at IS NOT NULL) AS first_generation
  FROM users u
  LEFT JOIN first_generation g USING (user_id)
  WHERE u.visitor_id IS NOT NULL
  GROUP BY u.visitor_id
)
${changesOfSpans(
  `SELECT step.step, w."window", f.source,
    ${hourOf('greatest(f.visited_at, step.at)')} AS since, ${hourOf('f.visited_at')} + w.length AS until
  FROM first_visit f
  LEFT JOIN reached r USING (visitor_id)
  CROSS JOIN LATERAL (
    VALUES ('visit', f.visited_at), ('signup', r.signup), ('first_generation', r.first_generation)
  ) AS step(step, at)
  CROSS JOIN (VALUES ${windowNames.map((name) => `('${name}', ${sqlInterval(name)})`).join(', ')}) AS w("window", length)
  WHERE step.at IS NOT NULL AND f.visited_at > :epoch`,
  Object.keys(metric.labels),
)}`,
}

export const funnel: Collector = {
  name: 'funnel',
  reads: [{ of: visitor, sums: [sums] }],
  figures: [
    {
      metric,
      emit: `
SELECT step.step, "window", ${fold('source', 'visit_source')} AS source, sum(n) AS value
FROM ${sumsIn(sums, windowNames, firstVisitEdge)}
JOIN (VALUES ${steps.map((step, place) => `('${step}', ${place + 1})`).join(', ')}) AS step(step, reached) ON r.step >= step.reached
WHERE n > 0
GROUP BY 1, 2, 3`,
      sql: `
WITH ${firstVisits},
signed_up AS (
  SELECT u.visitor_id, bool_or(EXISTS (
    SELECT FROM generations g
    WHERE g.user_id = u.user_id AND g.status = 'succeeded' AND g.finished_at <= :as_of
  )) AS has_generated
  FROM users u
  WHERE u.created_at <= :as_of
  GROUP BY u.visitor_id
)
SELECT step.step, w."window", f.source, count(*) AS value
FROM first_visit f
LEFT JOIN signed_up s USING (visitor_id)
CROSS JOIN ${windows(windowNames)}
CROSS JOIN (VALUES ('visit'), ('signup'), ('first_generation')) AS step(step)
WHERE ${inWindow('f.visited_at')}
  AND (step.step = 'visit'
    OR (step.step = 'signup' AND s.visitor_id IS NOT NULL)
    OR (step.step = 'first_generation' AND s.has_generated))
GROUP BY 1, 2, 3`,
      past,
    },
  ],
}
