import { funnelUsers as metric } from '../../../catalogue/users.ts'
import { changesOfSpans, hourOf, type Past } from '../../figures/past.ts'
import { fold } from '../../figures/rules.ts'

export const funnel: readonly Past[] = [
  {
    metric,
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
  CROSS JOIN (VALUES ('7d', interval '168 hours'), ('30d', interval '720 hours')) AS w("window", length)
  WHERE step.at IS NOT NULL AND f.visited_at > :epoch`,
  Object.keys(metric.labels),
)}`,
  },
]
