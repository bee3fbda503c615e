-- build: a stretch
WITH fresh(id, first_at, source, step, next_at) AS MATERIALIZED (
SELECT d.id, v.visited_at AS first_at, v.source,
  CASE WHEN NOT u.signed_up THEN 1 WHEN NOT u.has_generated THEN 2 ELSE 3 END::smallint AS step, u.next_at
FROM (SELECT DISTINCT visitor_id FROM "visits" WHERE visitor_id > 'after'::text AND visitor_id <= 'through'::text) AS d(id)
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
    min(least(CASE WHEN u.created_at > :as_of THEN u.created_at END, (
      SELECT min(g.finished_at) FROM generations g
      WHERE g.user_id = u.user_id AND g.status = 'succeeded' AND g.finished_at > :as_of
    ))) AS next_at
  FROM users u WHERE u.visitor_id = d.id
  HAVING NOT coalesce(bool_or(u.is_internal), false)
) AS u
),
delta AS (SELECT 1 AS sign, * FROM fresh),
stored AS (INSERT INTO rollup_visitor (id, first_at, source, step, next_at) SELECT * FROM fresh),
added_funnel AS (INSERT INTO rollup_funnel AS c (grain, day, hour, "source", "step", n) SELECT g.grain, g.day, g.hour, "source", "step", sum(n)
    FROM (SELECT (s.first_at AT TIME ZONE :timezone)::date, date_trunc('hour', s.first_at, 'UTC'), (s.source), (s.step), sum(s.sign)
    FROM delta AS s  
    GROUP BY 1, 2, 3, 4
    HAVING sum(s.sign) <> 0) AS a(day, hour, "source", "step", n)
    CROSS JOIN LATERAL (VALUES (0::smallint, '-infinity'::date, '-infinity'::timestamptz), (2::smallint, a.day, '-infinity'::timestamptz), (3::smallint, a.day, a.hour)) AS g(grain, day, hour)
    WHERE (g.grain < 3 OR g.day >= (:as_of AT TIME ZONE :timezone)::date - 40) 
    GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (grain, day, hour, "source", "step") DO UPDATE SET n = c.n + excluded.n)
SELECT count(*) AS entities FROM fresh;

-- refresh: what changed, is due, or whose user turned internal or back
WITH picked AS (
  DELETE FROM rollup_visitor_dirty WHERE id IN (SELECT id FROM rollup_visitor_dirty LIMIT 20000) RETURNING id
),
due AS MATERIALIZED (SELECT * FROM rollup_visitor WHERE next_at <= :as_of LIMIT 20000),
dirty(id) AS MATERIALIZED (SELECT id FROM picked UNION SELECT s.id FROM due AS s ),
old AS MATERIALIZED (
  SELECT s.id, s.first_at, s.source, s.step, s.next_at FROM dirty AS d CROSS JOIN LATERAL (SELECT * FROM rollup_visitor WHERE id = d.id OFFSET 0) AS s
),
fresh(id, first_at, source, step, next_at) AS MATERIALIZED (
SELECT d.id, v.visited_at AS first_at, v.source,
  CASE WHEN NOT u.signed_up THEN 1 WHEN NOT u.has_generated THEN 2 ELSE 3 END::smallint AS step, u.next_at
FROM dirty AS d
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
    min(least(CASE WHEN u.created_at > :as_of THEN u.created_at END, (
      SELECT min(g.finished_at) FROM generations g
      WHERE g.user_id = u.user_id AND g.status = 'succeeded' AND g.finished_at > :as_of
    ))) AS next_at
  FROM users u WHERE u.visitor_id = d.id
  HAVING NOT coalesce(bool_or(u.is_internal), false)
) AS u
),
delta AS MATERIALIZED (
  SELECT -1 AS sign, s.id, s.first_at, s.source, s.step, s.next_at FROM old AS s UNION ALL SELECT 1, s.id, s.first_at, s.source, s.step, s.next_at FROM fresh AS s
),
gone AS (
  DELETE FROM rollup_visitor AS s USING old WHERE s.id = old.id AND NOT EXISTS (SELECT FROM fresh WHERE fresh.id = old.id)
),
stored AS (
  INSERT INTO rollup_visitor AS s (id, first_at, source, step, next_at)
  SELECT s.id, s.first_at, s.source, s.step, s.next_at FROM fresh AS s 
  ON CONFLICT (id) DO UPDATE SET first_at = excluded.first_at, source = excluded.source, step = excluded.step, next_at = excluded.next_at
  WHERE (s.first_at, s.source, s.step, s.next_at) IS DISTINCT FROM (excluded.first_at, excluded.source, excluded.step, excluded.next_at)
),
added_funnel AS (INSERT INTO rollup_funnel AS c (grain, day, hour, "source", "step", n) SELECT g.grain, g.day, g.hour, "source", "step", sum(n)
    FROM (SELECT (s.first_at AT TIME ZONE :timezone)::date, date_trunc('hour', s.first_at, 'UTC'), (s.source), (s.step), sum(s.sign)
    FROM delta AS s  
    GROUP BY 1, 2, 3, 4
    HAVING sum(s.sign) <> 0) AS a(day, hour, "source", "step", n)
    CROSS JOIN LATERAL (VALUES (0::smallint, '-infinity'::date, '-infinity'::timestamptz), (2::smallint, a.day, '-infinity'::timestamptz), (3::smallint, a.day, a.hour)) AS g(grain, day, hour)
    WHERE (g.grain < 3 OR g.day >= (:as_of AT TIME ZONE :timezone)::date - 40) 
    GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (grain, day, hour, "source", "step") DO UPDATE SET n = c.n + excluded.n),
differing AS (
  SELECT coalesce(old.id, fresh.id)::text AS id FROM old FULL JOIN fresh ON fresh.id = old.id
  WHERE old.id IS NULL OR fresh.id IS NULL OR (old.first_at, old.source, old.step) IS DISTINCT FROM (fresh.first_at, fresh.source, fresh.step)
)
SELECT (SELECT count(*) FROM dirty) AS entities, count(*) AS differing, (array_agg(id))[1:5] AS examples FROM differing;
