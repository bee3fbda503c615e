import { funnelUsers as metric } from '../../../catalogue/users.ts'
import type { Collector } from '../../store/figure.ts'
import { cellsNamed, type Edge, sumsIn } from '../../store/windows.ts'
import { visitor } from '../content/generation.ts'
import { fold, inWindow, windows } from '../rules.ts'

/** Each visitor once, by the first visit that is not ahead; who of them signed up, and who of those made an image. */
export const firstVisits = `first_visit AS (
  SELECT DISTINCT ON (v.visitor_id) v.visitor_id, v.visited_at, ${fold('v.source', 'visit_source')} AS source
  FROM visits v
  WHERE v.visited_at <= :as_of
    AND NOT EXISTS (SELECT FROM users u WHERE u.visitor_id = v.visitor_id AND u.is_internal)
  ORDER BY v.visitor_id, v.visited_at, v.visit_id
)`

/** First visits between two instants, from the store's own state. */
const firstVisitEdge: Edge = (after, before) =>
  `SELECT first_at, source, step FROM rollup_visitor WHERE first_at > ${after} AND first_at < ${before}`

export const funnel: Collector = {
  name: 'funnel',
  views: metric.sources,
  parts: [visitor.name],
  oracle: [
    {
      metric,
      emit: `
SELECT step.step, "window", ${fold('source', 'visit_source')} AS source, sum(n) AS value
FROM ${sumsIn(cellsNamed(visitor.cells, 'funnel'), ['7d', '30d'], firstVisitEdge)}
JOIN (VALUES ('visit', 1), ('signup', 2), ('first_generation', 3)) AS step(step, reached) ON r.step >= step.reached
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
CROSS JOIN ${windows('7d', '30d')}
CROSS JOIN (VALUES ('visit'), ('signup'), ('first_generation')) AS step(step)
WHERE ${inWindow('f.visited_at')}
  AND (step.step = 'visit'
    OR (step.step = 'signup' AND s.visitor_id IS NOT NULL)
    OR (step.step = 'first_generation' AND s.has_generated))
GROUP BY 1, 2, 3`,
    },
  ],
}
