-- build: a stretch
WITH fresh(id, is_pending, next_at) AS MATERIALIZED (
SELECT d.id, r.created_at <= :as_of AND r.status = 'pending' AS is_pending, CASE WHEN r.created_at > :as_of THEN r.created_at END AS next_at
FROM (SELECT * FROM "influencer_requests" WHERE request_id > 'after'::text AND request_id <= 'through'::text) AS r CROSS JOIN LATERAL (SELECT r.request_id) AS d(id)
),
delta AS (SELECT 1 AS sign, * FROM fresh),
stored AS (INSERT INTO rollup_influencer_request (id, is_pending, next_at, told)
  SELECT fresh.id, fresh.is_pending, fresh.next_at, v.version FROM fresh
  LEFT JOIN LATERAL (SELECT hash_record_extended(ROW(v."request_id", v."created_at", v."status"), 0) AS version FROM "influencer_requests" AS v WHERE v.request_id = fresh.id AND v.updated_at <= (SELECT watermark - interval '2 hours' FROM rollup_part WHERE name = 'feed influencer_requests') OFFSET 0) AS v ON true),
added_influencer_requests_pending AS (INSERT INTO rollup_influencer_requests_pending AS c (n) SELECT sum(s.sign)
    FROM delta AS s  WHERE s.is_pending
    
    HAVING sum(s.sign) <> 0
    ON CONFLICT (only_row) DO UPDATE SET n = c.n + excluded.n)
SELECT count(*) AS entities FROM fresh;

-- refresh: what changed, is due, or whose user turned internal or back
WITH picked AS (
  DELETE FROM rollup_influencer_request_dirty WHERE id IN (SELECT id FROM rollup_influencer_request_dirty LIMIT 20000) RETURNING id
),
due AS MATERIALIZED (SELECT * FROM rollup_influencer_request WHERE next_at <= :as_of LIMIT 20000),
dirty(id) AS MATERIALIZED (SELECT id FROM picked UNION SELECT s.id FROM due AS s ),
old AS MATERIALIZED (
  SELECT s.id, s.is_pending, s.next_at FROM dirty AS d CROSS JOIN LATERAL (SELECT * FROM rollup_influencer_request WHERE id = d.id OFFSET 0) AS s
),
fresh(id, is_pending, next_at) AS MATERIALIZED (
SELECT d.id, r.created_at <= :as_of AND r.status = 'pending' AS is_pending, CASE WHEN r.created_at > :as_of THEN r.created_at END AS next_at
FROM dirty AS d CROSS JOIN LATERAL (SELECT * FROM "influencer_requests" WHERE request_id = d.id OFFSET 0) AS r
),
delta AS MATERIALIZED (
  SELECT -1 AS sign, s.id, s.is_pending, s.next_at FROM old AS s UNION ALL SELECT 1, s.id, s.is_pending, s.next_at FROM fresh AS s
),
gone AS (
  DELETE FROM rollup_influencer_request AS s USING old WHERE s.id = old.id AND NOT EXISTS (SELECT FROM fresh WHERE fresh.id = old.id)
),
stored AS (
  INSERT INTO rollup_influencer_request AS s (id, is_pending, next_at, told)
  SELECT s.id, s.is_pending, s.next_at, seen.version FROM fresh AS s LEFT JOIN rollup_influencer_requests_seen AS seen ON seen.id = s.id
  ON CONFLICT (id) DO UPDATE SET is_pending = excluded.is_pending, next_at = excluded.next_at
  WHERE (s.is_pending, s.next_at) IS DISTINCT FROM (excluded.is_pending, excluded.next_at)
),
added_influencer_requests_pending AS (INSERT INTO rollup_influencer_requests_pending AS c (n) SELECT sum(s.sign)
    FROM delta AS s  WHERE s.is_pending
    
    HAVING sum(s.sign) <> 0
    ON CONFLICT (only_row) DO UPDATE SET n = c.n + excluded.n),
differing AS (
  SELECT coalesce(old.id, fresh.id)::text AS id FROM old FULL JOIN fresh ON fresh.id = old.id
  WHERE old.id IS NULL OR fresh.id IS NULL OR (old.is_pending) IS DISTINCT FROM (fresh.is_pending)
)
SELECT (SELECT count(*) FROM dirty) AS entities, count(*) AS differing, (array_agg(id))[1:5] AS examples FROM differing;
