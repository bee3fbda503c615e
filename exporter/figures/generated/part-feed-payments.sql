-- build: a stretch
WITH fact AS (SELECT 1 AS sign, v."payment_id", v."user_id", v."paid_at", v."kind", v."amount_minor", v."currency", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "payments" WHERE paid_at <= least('through'::timestamptz, :as_of)
    AND paid_at > 'after'::timestamptz) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id),
added_payments AS (INSERT INTO rollup_payments AS c (grain, day, hour, "kind", "currency", n, amount_minor) SELECT g.grain, g.day, g.hour, "kind", "currency", sum(n), sum(amount_minor)
    FROM (SELECT (s.paid_at AT TIME ZONE :timezone)::date, date_trunc('hour', s.paid_at, 'UTC'), (s.kind), (coalesce(nullif(s.currency::text, ''), 'unknown')), sum(s.sign), coalesce(sum(s.sign * (s.amount_minor)), 0)
    FROM fact AS s  WHERE s.counted AND s.kind IN ('subscription', 'credits')
    GROUP BY 1, 2, 3, 4
    HAVING sum(s.sign) <> 0 OR coalesce(sum(s.sign * (s.amount_minor)), 0) <> 0) AS a(day, hour, "kind", "currency", n, amount_minor)
    CROSS JOIN LATERAL (VALUES (0::smallint, '-infinity'::date, '-infinity'::timestamptz), (2::smallint, a.day, '-infinity'::timestamptz), (3::smallint, a.day, a.hour)) AS g(grain, day, hour)
    WHERE (g.grain < 3 OR g.day >= (:as_of AT TIME ZONE :timezone)::date - 40) 
    GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (grain, day, hour, "kind", "currency") DO UPDATE SET n = c.n + excluded.n, amount_minor = c.amount_minor + excluded.amount_minor)
SELECT;

-- refresh: users who turned internal or back
WITH turned AS (DELETE FROM rollup_payments_turned RETURNING user_id, is_internal),
fact AS MATERIALIZED (
  SELECT CASE WHEN turned.is_internal THEN -1 ELSE 1 END AS sign, v."payment_id", v."user_id", v."paid_at", v."kind", v."amount_minor", v."currency", true AS counted
  FROM turned JOIN "payments" AS v ON v.user_id = turned.user_id
  WHERE v.paid_at <= :as_of
    AND (v.paid_at <= 'watermark'::timestamptz OR EXISTS (SELECT FROM rollup_payments_seen AS seen WHERE seen.id = v.payment_id))
),
added_payments AS (INSERT INTO rollup_payments AS c (grain, day, hour, "kind", "currency", n, amount_minor) SELECT g.grain, g.day, g.hour, "kind", "currency", sum(n), sum(amount_minor)
    FROM (SELECT (s.paid_at AT TIME ZONE :timezone)::date, date_trunc('hour', s.paid_at, 'UTC'), (s.kind), (coalesce(nullif(s.currency::text, ''), 'unknown')), sum(s.sign), coalesce(sum(s.sign * (s.amount_minor)), 0)
    FROM fact AS s  WHERE s.counted AND s.kind IN ('subscription', 'credits')
    GROUP BY 1, 2, 3, 4
    HAVING sum(s.sign) <> 0 OR coalesce(sum(s.sign * (s.amount_minor)), 0) <> 0) AS a(day, hour, "kind", "currency", n, amount_minor)
    CROSS JOIN LATERAL (VALUES (0::smallint, '-infinity'::date, '-infinity'::timestamptz), (2::smallint, a.day, '-infinity'::timestamptz), (3::smallint, a.day, a.hour)) AS g(grain, day, hour)
    WHERE (g.grain < 3 OR g.day >= (:as_of AT TIME ZONE :timezone)::date - 40) 
    GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (grain, day, hour, "kind", "currency") DO UPDATE SET n = c.n + excluded.n, amount_minor = c.amount_minor + excluded.amount_minor)
SELECT count(*) AS moved FROM fact;

-- refresh: what changed
WITH hot AS MATERIALIZED (
  SELECT v."payment_id", v."user_id", v."paid_at", v."kind", v."amount_minor", v."currency", 0::bigint AS version FROM "payments" AS v
  WHERE v.paid_at > 'watermark'::timestamptz - interval '2 hours' AND v.paid_at <= :as_of
),
differing AS MATERIALIZED (
  SELECT hot.*, seen.id IS NULL AS is_new FROM hot LEFT JOIN rollup_payments_seen AS seen ON seen.id = hot.payment_id
  
  WHERE seen.version IS DISTINCT FROM hot.version
),
changed AS MATERIALIZED (SELECT * FROM differing LIMIT 50000),
noted AS (
  INSERT INTO rollup_payments_seen (id, version, stamp) SELECT payment_id, version, paid_at FROM changed
  WHERE "payment_id" IS NOT NULL AND "user_id" IS NOT NULL AND "paid_at" IS NOT NULL AND "kind" IS NOT NULL AND "amount_minor" IS NOT NULL AND "currency" IS NOT NULL
  ON CONFLICT (id) DO UPDATE SET version = excluded.version, stamp = excluded.stamp
),
fact AS MATERIALIZED (SELECT 1 AS sign, v."payment_id", v."user_id", v."paid_at", v."kind", v."amount_minor", v."currency", NOT coalesce(u.is_internal, false) AS counted
    FROM changed AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id),
added_payments AS (INSERT INTO rollup_payments AS c (grain, day, hour, "kind", "currency", n, amount_minor) SELECT g.grain, g.day, g.hour, "kind", "currency", sum(n), sum(amount_minor)
    FROM (SELECT (s.paid_at AT TIME ZONE :timezone)::date, date_trunc('hour', s.paid_at, 'UTC'), (s.kind), (coalesce(nullif(s.currency::text, ''), 'unknown')), sum(s.sign), coalesce(sum(s.sign * (s.amount_minor)), 0)
    FROM fact AS s  WHERE s.counted AND s.kind IN ('subscription', 'credits')
    GROUP BY 1, 2, 3, 4
    HAVING sum(s.sign) <> 0 OR coalesce(sum(s.sign * (s.amount_minor)), 0) <> 0) AS a(day, hour, "kind", "currency", n, amount_minor)
    CROSS JOIN LATERAL (VALUES (0::smallint, '-infinity'::date, '-infinity'::timestamptz), (2::smallint, a.day, '-infinity'::timestamptz), (3::smallint, a.day, a.hour)) AS g(grain, day, hour)
    WHERE (g.grain < 3 OR g.day >= (:as_of AT TIME ZONE :timezone)::date - 40) 
    GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (grain, day, hour, "kind", "currency") DO UPDATE SET n = c.n + excluded.n, amount_minor = c.amount_minor + excluded.amount_minor)
SELECT count(*) AS changed, greatest((SELECT count(*) FROM differing) - 50000, 0) AS waiting, coalesce(bool_or("payment_id" IS NULL), false) AS "null_payment_id", coalesce(bool_or("user_id" IS NULL), false) AS "null_user_id", coalesce(bool_or("paid_at" IS NULL), false) AS "null_paid_at", coalesce(bool_or("kind" IS NULL), false) AS "null_kind", coalesce(bool_or("amount_minor" IS NULL), false) AS "null_amount_minor", coalesce(bool_or("currency" IS NULL), false) AS "null_currency" FROM changed;

-- refresh: forget what is not read again
DELETE FROM rollup_payments_seen WHERE stamp <= :as_of - interval '2 hours';
