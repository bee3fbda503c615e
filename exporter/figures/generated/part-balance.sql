-- build: a stretch
WITH fresh(id, counted, credits, next_at) AS MATERIALIZED (
SELECT d.id, NOT u.is_internal AND u.created_at <= :as_of AND (u.deleted_at IS NULL OR u.deleted_at > :as_of) AS counted, l.credits, least(CASE WHEN u.created_at > :as_of THEN u.created_at END, CASE WHEN u.deleted_at > :as_of THEN u.deleted_at END) AS next_at
FROM (SELECT * FROM "users" WHERE user_id > 'after'::text AND user_id <= 'through'::text) AS u CROSS JOIN LATERAL (SELECT u.user_id) AS d(id)
CROSS JOIN LATERAL (
  SELECT coalesce(sum(CASE WHEN kind IN ('purchased', 'granted', 'refunded') THEN credits
    WHEN kind IN ('consumed', 'expired') THEN -credits END), 0) AS credits
  FROM credit_ledger WHERE user_id = d.id AND created_at <= :as_of
) AS l
),
delta AS (SELECT 1 AS sign, * FROM fresh),
stored AS (INSERT INTO rollup_balance (id, counted, credits, next_at) SELECT * FROM fresh),
added_balances AS (INSERT INTO rollup_balances AS c ("balance", n, credits) SELECT (CASE WHEN s.credits <= -1 THEN 'debt' WHEN s.credits <= 0 THEN '0' WHEN s.credits <= 10 THEN '1-10' WHEN s.credits <= 50 THEN '11-50' WHEN s.credits <= 100 THEN '51-100' WHEN s.credits <= 500 THEN '101-500' WHEN s.credits <= 1000 THEN '501-1000' WHEN s.credits <= 5000 THEN '1001-5000' ELSE '5001+' END), sum(s.sign), coalesce(sum(s.sign * (s.credits)), 0)
    FROM delta AS s  WHERE s.counted
    GROUP BY 1
    HAVING sum(s.sign) <> 0 OR coalesce(sum(s.sign * (s.credits)), 0) <> 0
    ON CONFLICT ("balance") DO UPDATE SET n = c.n + excluded.n, credits = c.credits + excluded.credits)
SELECT count(*) AS entities FROM fresh;

-- refresh: what changed, is due, or whose user turned internal or back
WITH picked AS (
  DELETE FROM rollup_balance_dirty WHERE id IN (SELECT id FROM rollup_balance_dirty LIMIT 20000) RETURNING id
),
due AS MATERIALIZED (SELECT * FROM rollup_balance WHERE next_at <= :as_of LIMIT 20000),
dirty(id) AS MATERIALIZED (SELECT id FROM picked UNION SELECT s.id FROM due AS s ),
old AS MATERIALIZED (
  SELECT s.id, s.counted, s.credits, s.next_at FROM dirty AS d CROSS JOIN LATERAL (SELECT * FROM rollup_balance WHERE id = d.id OFFSET 0) AS s
),
fresh(id, counted, credits, next_at) AS MATERIALIZED (
SELECT d.id, NOT u.is_internal AND u.created_at <= :as_of AND (u.deleted_at IS NULL OR u.deleted_at > :as_of) AS counted, l.credits, least(CASE WHEN u.created_at > :as_of THEN u.created_at END, CASE WHEN u.deleted_at > :as_of THEN u.deleted_at END) AS next_at
FROM dirty AS d CROSS JOIN LATERAL (SELECT * FROM "users" WHERE user_id = d.id OFFSET 0) AS u
CROSS JOIN LATERAL (
  SELECT coalesce(sum(CASE WHEN kind IN ('purchased', 'granted', 'refunded') THEN credits
    WHEN kind IN ('consumed', 'expired') THEN -credits END), 0) AS credits
  FROM credit_ledger WHERE user_id = d.id AND created_at <= :as_of
) AS l
),
delta AS MATERIALIZED (
  SELECT -1 AS sign, s.id, s.counted, s.credits, s.next_at FROM old AS s UNION ALL SELECT 1, s.id, s.counted, s.credits, s.next_at FROM fresh AS s
),
gone AS (
  DELETE FROM rollup_balance AS s USING old WHERE s.id = old.id AND NOT EXISTS (SELECT FROM fresh WHERE fresh.id = old.id)
),
stored AS (
  INSERT INTO rollup_balance AS s (id, counted, credits, next_at)
  SELECT s.id, s.counted, s.credits, s.next_at FROM fresh AS s 
  ON CONFLICT (id) DO UPDATE SET counted = excluded.counted, credits = excluded.credits, next_at = excluded.next_at
  WHERE (s.counted, s.credits, s.next_at) IS DISTINCT FROM (excluded.counted, excluded.credits, excluded.next_at)
),
added_balances AS (INSERT INTO rollup_balances AS c ("balance", n, credits) SELECT (CASE WHEN s.credits <= -1 THEN 'debt' WHEN s.credits <= 0 THEN '0' WHEN s.credits <= 10 THEN '1-10' WHEN s.credits <= 50 THEN '11-50' WHEN s.credits <= 100 THEN '51-100' WHEN s.credits <= 500 THEN '101-500' WHEN s.credits <= 1000 THEN '501-1000' WHEN s.credits <= 5000 THEN '1001-5000' ELSE '5001+' END), sum(s.sign), coalesce(sum(s.sign * (s.credits)), 0)
    FROM delta AS s  WHERE s.counted
    GROUP BY 1
    HAVING sum(s.sign) <> 0 OR coalesce(sum(s.sign * (s.credits)), 0) <> 0
    ON CONFLICT ("balance") DO UPDATE SET n = c.n + excluded.n, credits = c.credits + excluded.credits),
differing AS (
  SELECT coalesce(old.id, fresh.id)::text AS id FROM old FULL JOIN fresh ON fresh.id = old.id
  WHERE old.id IS NULL OR fresh.id IS NULL OR (old.counted, old.credits) IS DISTINCT FROM (fresh.counted, fresh.credits)
)
SELECT (SELECT count(*) FROM dirty) AS entities, count(*) AS differing, (array_agg(id))[1:5] AS examples FROM differing;
