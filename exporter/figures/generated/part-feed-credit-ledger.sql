-- build: a stretch
WITH fact AS (SELECT 1 AS sign, v."entry_id", v."user_id", v."created_at", v."kind", v."credits", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "credit_ledger" WHERE created_at <= least('through'::timestamptz, :as_of)
    AND created_at > 'after'::timestamptz) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id),
added_credits AS (INSERT INTO rollup_credits AS c (grain, day, hour, "kind", n, credits) SELECT g.grain, g.day, g.hour, "kind", sum(n), sum(credits)
    FROM (SELECT (s.created_at AT TIME ZONE :timezone)::date, '-infinity'::timestamptz, (s.kind), sum(s.sign), coalesce(sum(s.sign * (s.credits)), 0)
    FROM fact AS s  WHERE s.counted
    GROUP BY 1, 2, 3
    HAVING sum(s.sign) <> 0 OR coalesce(sum(s.sign * (s.credits)), 0) <> 0) AS a(day, hour, "kind", n, credits)
    CROSS JOIN LATERAL (VALUES (0::smallint, '-infinity'::date, '-infinity'::timestamptz), (2::smallint, a.day, '-infinity'::timestamptz)) AS g(grain, day, hour)
    WHERE true 
    GROUP BY 1, 2, 3, 4
    ON CONFLICT (grain, day, hour, "kind") DO UPDATE SET n = c.n + excluded.n, credits = c.credits + excluded.credits)
SELECT;

-- refresh: users who turned internal or back
WITH turned AS (DELETE FROM rollup_credit_ledger_turned RETURNING user_id, is_internal),
fact AS MATERIALIZED (
  SELECT CASE WHEN turned.is_internal THEN -1 ELSE 1 END AS sign, v."entry_id", v."user_id", v."created_at", v."kind", v."credits", true AS counted
  FROM turned JOIN "credit_ledger" AS v ON v.user_id = turned.user_id
  WHERE v.created_at <= :as_of
    AND (v.created_at <= 'watermark'::timestamptz OR EXISTS (SELECT FROM rollup_credit_ledger_seen AS seen WHERE seen.id = v.entry_id))
),
added_credits AS (INSERT INTO rollup_credits AS c (grain, day, hour, "kind", n, credits) SELECT g.grain, g.day, g.hour, "kind", sum(n), sum(credits)
    FROM (SELECT (s.created_at AT TIME ZONE :timezone)::date, '-infinity'::timestamptz, (s.kind), sum(s.sign), coalesce(sum(s.sign * (s.credits)), 0)
    FROM fact AS s  WHERE s.counted
    GROUP BY 1, 2, 3
    HAVING sum(s.sign) <> 0 OR coalesce(sum(s.sign * (s.credits)), 0) <> 0) AS a(day, hour, "kind", n, credits)
    CROSS JOIN LATERAL (VALUES (0::smallint, '-infinity'::date, '-infinity'::timestamptz), (2::smallint, a.day, '-infinity'::timestamptz)) AS g(grain, day, hour)
    WHERE true 
    GROUP BY 1, 2, 3, 4
    ON CONFLICT (grain, day, hour, "kind") DO UPDATE SET n = c.n + excluded.n, credits = c.credits + excluded.credits)
SELECT count(*) AS moved FROM fact;

-- refresh: what changed
WITH hot AS MATERIALIZED (
  SELECT v."entry_id", v."user_id", v."created_at", v."kind", v."credits", 0::bigint AS version FROM "credit_ledger" AS v
  WHERE v.created_at > 'watermark'::timestamptz - interval '2 hours' AND v.created_at <= :as_of
),
differing AS MATERIALIZED (
  SELECT hot.*, seen.id IS NULL AS is_new FROM hot LEFT JOIN rollup_credit_ledger_seen AS seen ON seen.id = hot.entry_id
  
  WHERE seen.version IS DISTINCT FROM hot.version
),
changed AS MATERIALIZED (SELECT * FROM differing LIMIT 50000),
noted AS (
  INSERT INTO rollup_credit_ledger_seen (id, version, stamp) SELECT entry_id, version, created_at FROM changed
  WHERE "entry_id" IS NOT NULL AND "user_id" IS NOT NULL AND "created_at" IS NOT NULL AND "kind" IS NOT NULL AND "credits" IS NOT NULL
  ON CONFLICT (id) DO UPDATE SET version = excluded.version, stamp = excluded.stamp
),
dirtied_balance AS (INSERT INTO rollup_balance_dirty SELECT DISTINCT dirty.id FROM (SELECT user_id FROM changed) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING),
fact AS MATERIALIZED (SELECT 1 AS sign, v."entry_id", v."user_id", v."created_at", v."kind", v."credits", NOT coalesce(u.is_internal, false) AS counted
    FROM changed AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id),
added_credits AS (INSERT INTO rollup_credits AS c (grain, day, hour, "kind", n, credits) SELECT g.grain, g.day, g.hour, "kind", sum(n), sum(credits)
    FROM (SELECT (s.created_at AT TIME ZONE :timezone)::date, '-infinity'::timestamptz, (s.kind), sum(s.sign), coalesce(sum(s.sign * (s.credits)), 0)
    FROM fact AS s  WHERE s.counted
    GROUP BY 1, 2, 3
    HAVING sum(s.sign) <> 0 OR coalesce(sum(s.sign * (s.credits)), 0) <> 0) AS a(day, hour, "kind", n, credits)
    CROSS JOIN LATERAL (VALUES (0::smallint, '-infinity'::date, '-infinity'::timestamptz), (2::smallint, a.day, '-infinity'::timestamptz)) AS g(grain, day, hour)
    WHERE true 
    GROUP BY 1, 2, 3, 4
    ON CONFLICT (grain, day, hour, "kind") DO UPDATE SET n = c.n + excluded.n, credits = c.credits + excluded.credits)
SELECT count(*) AS changed, greatest((SELECT count(*) FROM differing) - 50000, 0) AS waiting, coalesce(bool_or("entry_id" IS NULL), false) AS "null_entry_id", coalesce(bool_or("user_id" IS NULL), false) AS "null_user_id", coalesce(bool_or("created_at" IS NULL), false) AS "null_created_at", coalesce(bool_or("kind" IS NULL), false) AS "null_kind", coalesce(bool_or("credits" IS NULL), false) AS "null_credits" FROM changed;

-- refresh: forget what is not read again
DELETE FROM rollup_credit_ledger_seen WHERE stamp <= :as_of - interval '2 hours';
