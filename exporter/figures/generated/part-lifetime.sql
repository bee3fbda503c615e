-- build: a stretch
WITH fresh(id, begun, survived, next_at) AS MATERIALIZED (
SELECT d.id, CASE WHEN NOT coalesce(u.is_internal, false) AND u.created_at <= :as_of THEN least(26, floor(extract(epoch FROM :as_of - u.created_at) / 604800))::smallint END AS begun,
  CASE WHEN NOT coalesce(u.is_internal, false) AND u.created_at <= :as_of AND newest.at >= u.created_at THEN least(26, floor(extract(epoch FROM newest.at - u.created_at) / 604800))::smallint END AS survived,
  CASE WHEN u.created_at > :as_of THEN u.created_at
    WHEN NOT coalesce(u.is_internal, false) AND u.created_at <= :as_of AND u.created_at + 26 * interval '168 hours' > :as_of
    THEN u.created_at + (least(26, floor(extract(epoch FROM :as_of - u.created_at) / 604800))::smallint + 1) * interval '168 hours' END AS next_at
FROM (SELECT * FROM "users" WHERE user_id > 'after'::text AND user_id <= 'through'::text) AS u CROSS JOIN LATERAL (SELECT u.user_id) AS d(id) CROSS JOIN LATERAL (
  SELECT max(started_at) AS at FROM sessions WHERE user_id = d.id AND started_at <= :as_of
) AS newest
),
delta AS (SELECT 1 AS sign, * FROM fresh),
stored AS (INSERT INTO rollup_lifetime (id, begun, survived, next_at) SELECT * FROM fresh),
added_lifetime_begun AS (INSERT INTO rollup_lifetime_begun AS c ("week", n) SELECT (s.begun), sum(s.sign)
    FROM delta AS s  WHERE s.begun IS NOT NULL
    GROUP BY 1
    HAVING sum(s.sign) <> 0
    ON CONFLICT ("week") DO UPDATE SET n = c.n + excluded.n),
added_lifetime_survived AS (INSERT INTO rollup_lifetime_survived AS c ("week", n) SELECT (s.survived), sum(s.sign)
    FROM delta AS s  WHERE s.survived IS NOT NULL
    GROUP BY 1
    HAVING sum(s.sign) <> 0
    ON CONFLICT ("week") DO UPDATE SET n = c.n + excluded.n)
SELECT count(*) AS entities FROM fresh;

-- refresh: what changed, is due, or whose user turned internal or back
WITH picked AS (
  DELETE FROM rollup_lifetime_dirty WHERE id IN (SELECT id FROM rollup_lifetime_dirty LIMIT 20000) RETURNING id
),
due AS MATERIALIZED (SELECT * FROM rollup_lifetime WHERE next_at <= :as_of LIMIT 20000),
dirty(id) AS MATERIALIZED (SELECT id FROM picked UNION SELECT s.id FROM due AS s WHERE NOT (s.begun IS NOT NULL)),
aged AS MATERIALIZED (SELECT s.* FROM due AS s WHERE (s.begun IS NOT NULL) AND NOT EXISTS (SELECT FROM dirty WHERE dirty.id = s.id)),
old AS MATERIALIZED (
  SELECT s.id, s.begun, s.survived, s.next_at FROM dirty AS d CROSS JOIN LATERAL (SELECT * FROM rollup_lifetime WHERE id = d.id OFFSET 0) AS s
  UNION ALL SELECT s.id, s.begun, s.survived, s.next_at FROM aged AS s
),
fresh(id, begun, survived, next_at) AS MATERIALIZED (
SELECT d.id, CASE WHEN NOT coalesce(u.is_internal, false) AND u.created_at <= :as_of THEN least(26, floor(extract(epoch FROM :as_of - u.created_at) / 604800))::smallint END AS begun,
  CASE WHEN NOT coalesce(u.is_internal, false) AND u.created_at <= :as_of AND newest.at >= u.created_at THEN least(26, floor(extract(epoch FROM newest.at - u.created_at) / 604800))::smallint END AS survived,
  CASE WHEN u.created_at > :as_of THEN u.created_at
    WHEN NOT coalesce(u.is_internal, false) AND u.created_at <= :as_of AND u.created_at + 26 * interval '168 hours' > :as_of
    THEN u.created_at + (least(26, floor(extract(epoch FROM :as_of - u.created_at) / 604800))::smallint + 1) * interval '168 hours' END AS next_at
FROM dirty AS d CROSS JOIN LATERAL (SELECT * FROM "users" WHERE user_id = d.id OFFSET 0) AS u CROSS JOIN LATERAL (
  SELECT max(started_at) AS at FROM sessions WHERE user_id = d.id AND started_at <= :as_of
) AS newest
  UNION ALL SELECT s.id, least(26, s.begun + (1 + floor(extract(epoch FROM :as_of - s.next_at) / 604800)))::smallint, s.survived, CASE WHEN s.begun + (1 + floor(extract(epoch FROM :as_of - s.next_at) / 604800)) < 26 THEN s.next_at + (1 + floor(extract(epoch FROM :as_of - s.next_at) / 604800)) * interval '168 hours' END FROM aged AS s
),
delta AS MATERIALIZED (
  SELECT -1 AS sign, s.id, s.begun, s.survived, s.next_at FROM old AS s UNION ALL SELECT 1, s.id, s.begun, s.survived, s.next_at FROM fresh AS s
),
gone AS (
  DELETE FROM rollup_lifetime AS s USING old WHERE s.id = old.id AND NOT EXISTS (SELECT FROM fresh WHERE fresh.id = old.id)
),
stored AS (
  INSERT INTO rollup_lifetime AS s (id, begun, survived, next_at)
  SELECT s.id, s.begun, s.survived, s.next_at FROM fresh AS s 
  ON CONFLICT (id) DO UPDATE SET begun = excluded.begun, survived = excluded.survived, next_at = excluded.next_at
  WHERE (s.begun, s.survived, s.next_at) IS DISTINCT FROM (excluded.begun, excluded.survived, excluded.next_at)
),
added_lifetime_begun AS (INSERT INTO rollup_lifetime_begun AS c ("week", n) SELECT (s.begun), sum(s.sign)
    FROM delta AS s  WHERE s.begun IS NOT NULL
    GROUP BY 1
    HAVING sum(s.sign) <> 0
    ON CONFLICT ("week") DO UPDATE SET n = c.n + excluded.n),
added_lifetime_survived AS (INSERT INTO rollup_lifetime_survived AS c ("week", n) SELECT (s.survived), sum(s.sign)
    FROM delta AS s  WHERE s.survived IS NOT NULL
    GROUP BY 1
    HAVING sum(s.sign) <> 0
    ON CONFLICT ("week") DO UPDATE SET n = c.n + excluded.n),
differing AS (
  SELECT coalesce(old.id, fresh.id)::text AS id FROM old FULL JOIN fresh ON fresh.id = old.id
  WHERE old.id IS NULL OR fresh.id IS NULL OR (old.begun, old.survived) IS DISTINCT FROM (fresh.begun, fresh.survived)
)
SELECT (SELECT count(*) FROM dirty) + (SELECT count(*) FROM aged) AS entities, count(*) AS differing, (array_agg(id))[1:5] AS examples FROM differing;
