-- platform_funnel_users: plain SQL, which defines it
WITH first_visit AS (
  SELECT DISTINCT ON (v.visitor_id) v.visitor_id, v.visited_at, CASE WHEN coalesce((v.source)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (v.source)::text = ANY (:kept_visit_source) THEN (v.source)::text ELSE 'other' END AS source
  FROM visits v
  WHERE v.visited_at <= :as_of
    AND NOT EXISTS (SELECT FROM users u WHERE u.visitor_id = v.visitor_id AND u.is_internal)
  ORDER BY v.visitor_id, v.visited_at, v.visit_id
),
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
CROSS JOIN (VALUES ('7d', NULL::timestamptz, :as_of - interval '168 hours'), ('30d', NULL::timestamptz, :as_of - interval '720 hours')) AS w("window", since, after)
CROSS JOIN (VALUES ('visit'), ('signup'), ('first_generation')) AS step(step)
WHERE f.visited_at <= :as_of AND (w.since IS NULL OR f.visited_at >= w.since) AND (w.after IS NULL OR f.visited_at > w.after)
  AND (step.step = 'visit'
    OR (step.step = 'signup' AND s.visitor_id IS NOT NULL)
    OR (step.step = 'first_generation' AND s.has_generated))
GROUP BY 1, 2, 3;

-- platform_funnel_users: from the store
SELECT step.step, "window", CASE WHEN coalesce((source)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (source)::text = ANY (:kept_visit_source) THEN (source)::text ELSE 'other' END AS source, sum(n) AS value
FROM (SELECT '7d' AS "window", "source", "step", n FROM rollup_funnel WHERE grain = 2 AND day > ((date_trunc('hour', (:as_of - interval '168 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date 
  UNION ALL SELECT '7d' AS "window", "source", "step", n FROM rollup_funnel WHERE grain = 3 AND day = ((date_trunc('hour', (:as_of - interval '168 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date AND hour >= (date_trunc('hour', (:as_of - interval '168 hours'), 'UTC') + interval '1 hour')
  UNION ALL SELECT '7d' AS "window", s.source AS "source", s.step AS "step", 1 AS n
    FROM (SELECT first_at, source, step FROM rollup_visitor WHERE first_at > (:as_of - interval '168 hours') AND first_at < (date_trunc('hour', (:as_of - interval '168 hours'), 'UTC') + interval '1 hour')) AS s  
  UNION ALL SELECT '30d' AS "window", "source", "step", n FROM rollup_funnel WHERE grain = 2 AND day > ((date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date 
  UNION ALL SELECT '30d' AS "window", "source", "step", n FROM rollup_funnel WHERE grain = 3 AND day = ((date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date AND hour >= (date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour')
  UNION ALL SELECT '30d' AS "window", s.source AS "source", s.step AS "step", 1 AS n
    FROM (SELECT first_at, source, step FROM rollup_visitor WHERE first_at > (:as_of - interval '720 hours') AND first_at < (date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour')) AS s  ) AS r
JOIN (VALUES ('visit', 1), ('signup', 2), ('first_generation', 3)) AS step(step, reached) ON r.step >= step.reached
WHERE n > 0
GROUP BY 1, 2, 3;

-- platform_funnel_users: what changed it, for its past
WITH first_visit AS MATERIALIZED (
  SELECT DISTINCT ON (v.visitor_id) v.visitor_id, v.visited_at, CASE WHEN coalesce((v.source)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (v.source)::text = ANY (:kept_visit_source) THEN (v.source)::text ELSE 'other' END AS source
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
SELECT span."step", span."window", span."source", edge.at, edge.sign * (1) AS value, edge.sign AS n
FROM (SELECT step.step, w."window", f.source,
    date_bin('1 hour', least(greatest(greatest(f.visited_at, step.at), :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS since, date_bin('1 hour', least(greatest(f.visited_at, :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) + w.length AS until
  FROM first_visit f
  LEFT JOIN reached r USING (visitor_id)
  CROSS JOIN LATERAL (
    VALUES ('visit', f.visited_at), ('signup', r.signup), ('first_generation', r.first_generation)
  ) AS step(step, at)
  CROSS JOIN (VALUES ('7d', interval '168 hours'), ('30d', interval '720 hours')) AS w("window", length)
  WHERE step.at IS NOT NULL AND f.visited_at > :epoch OFFSET 0) AS span
CROSS JOIN LATERAL (VALUES (span.since, 1), (span.until, -1)) AS edge(at, sign)
WHERE span.since < span.until;
