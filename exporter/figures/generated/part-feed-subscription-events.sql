-- build: a stretch
WITH fact AS (SELECT 1 AS sign, v."event_id", v."subscription_id", v."user_id", v."occurred_at", v."kind", v."from_tier", v."to_tier", v."mrr_before_minor", v."mrr_after_minor", v."currency", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "subscription_events" WHERE occurred_at <= least('through'::timestamptz, :as_of)
    AND occurred_at > 'after'::timestamptz) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id),
added_mrr_movement AS (INSERT INTO rollup_mrr_movement AS c (grain, day, hour, "kind", "currency", n, moved_minor) SELECT g.grain, g.day, g.hour, "kind", "currency", sum(n), sum(moved_minor)
    FROM (SELECT (s.occurred_at AT TIME ZONE :timezone)::date, '-infinity'::timestamptz, (s.kind), (coalesce(nullif(s.currency::text, ''), 'unknown')), sum(s.sign), coalesce(sum(s.sign * (s.mrr_after_minor - s.mrr_before_minor)), 0)
    FROM fact AS s  WHERE s.counted AND s.kind IN ('new', 'upgrade', 'downgrade', 'cancel', 'reactivate')
    GROUP BY 1, 2, 3, 4
    HAVING sum(s.sign) <> 0 OR coalesce(sum(s.sign * (s.mrr_after_minor - s.mrr_before_minor)), 0) <> 0) AS a(day, hour, "kind", "currency", n, moved_minor)
    CROSS JOIN LATERAL (VALUES (0::smallint, '-infinity'::date, '-infinity'::timestamptz), (2::smallint, a.day, '-infinity'::timestamptz)) AS g(grain, day, hour)
    WHERE true 
    GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (grain, day, hour, "kind", "currency") DO UPDATE SET n = c.n + excluded.n, moved_minor = c.moved_minor + excluded.moved_minor),
added_subscription_changes AS (INSERT INTO rollup_subscription_changes AS c (grain, day, hour, "kind", "tier", n) SELECT g.grain, g.day, g.hour, "kind", "tier", sum(n)
    FROM (SELECT (s.occurred_at AT TIME ZONE :timezone)::date, '-infinity'::timestamptz, (s.kind), (coalesce(nullif(s.to_tier::text, ''), s.from_tier::text, '')), sum(s.sign)
    FROM fact AS s  WHERE s.counted AND s.kind IN ('new', 'upgrade', 'downgrade', 'cancel', 'reactivate')
    GROUP BY 1, 2, 3, 4
    HAVING sum(s.sign) <> 0) AS a(day, hour, "kind", "tier", n)
    CROSS JOIN LATERAL (VALUES (0::smallint, '-infinity'::date, '-infinity'::timestamptz), (2::smallint, a.day, '-infinity'::timestamptz)) AS g(grain, day, hour)
    WHERE true 
    GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (grain, day, hour, "kind", "tier") DO UPDATE SET n = c.n + excluded.n)
SELECT;

-- refresh: users who turned internal or back
WITH turned AS (DELETE FROM rollup_subscription_events_turned RETURNING user_id, is_internal),
fact AS MATERIALIZED (
  SELECT CASE WHEN turned.is_internal THEN -1 ELSE 1 END AS sign, v."event_id", v."subscription_id", v."user_id", v."occurred_at", v."kind", v."from_tier", v."to_tier", v."mrr_before_minor", v."mrr_after_minor", v."currency", true AS counted
  FROM turned JOIN "subscription_events" AS v ON v.user_id = turned.user_id
  WHERE v.occurred_at <= :as_of
    AND (v.occurred_at <= 'watermark'::timestamptz OR EXISTS (SELECT FROM rollup_subscription_events_seen AS seen WHERE seen.id = v.event_id))
),
added_mrr_movement AS (INSERT INTO rollup_mrr_movement AS c (grain, day, hour, "kind", "currency", n, moved_minor) SELECT g.grain, g.day, g.hour, "kind", "currency", sum(n), sum(moved_minor)
    FROM (SELECT (s.occurred_at AT TIME ZONE :timezone)::date, '-infinity'::timestamptz, (s.kind), (coalesce(nullif(s.currency::text, ''), 'unknown')), sum(s.sign), coalesce(sum(s.sign * (s.mrr_after_minor - s.mrr_before_minor)), 0)
    FROM fact AS s  WHERE s.counted AND s.kind IN ('new', 'upgrade', 'downgrade', 'cancel', 'reactivate')
    GROUP BY 1, 2, 3, 4
    HAVING sum(s.sign) <> 0 OR coalesce(sum(s.sign * (s.mrr_after_minor - s.mrr_before_minor)), 0) <> 0) AS a(day, hour, "kind", "currency", n, moved_minor)
    CROSS JOIN LATERAL (VALUES (0::smallint, '-infinity'::date, '-infinity'::timestamptz), (2::smallint, a.day, '-infinity'::timestamptz)) AS g(grain, day, hour)
    WHERE true 
    GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (grain, day, hour, "kind", "currency") DO UPDATE SET n = c.n + excluded.n, moved_minor = c.moved_minor + excluded.moved_minor),
added_subscription_changes AS (INSERT INTO rollup_subscription_changes AS c (grain, day, hour, "kind", "tier", n) SELECT g.grain, g.day, g.hour, "kind", "tier", sum(n)
    FROM (SELECT (s.occurred_at AT TIME ZONE :timezone)::date, '-infinity'::timestamptz, (s.kind), (coalesce(nullif(s.to_tier::text, ''), s.from_tier::text, '')), sum(s.sign)
    FROM fact AS s  WHERE s.counted AND s.kind IN ('new', 'upgrade', 'downgrade', 'cancel', 'reactivate')
    GROUP BY 1, 2, 3, 4
    HAVING sum(s.sign) <> 0) AS a(day, hour, "kind", "tier", n)
    CROSS JOIN LATERAL (VALUES (0::smallint, '-infinity'::date, '-infinity'::timestamptz), (2::smallint, a.day, '-infinity'::timestamptz)) AS g(grain, day, hour)
    WHERE true 
    GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (grain, day, hour, "kind", "tier") DO UPDATE SET n = c.n + excluded.n)
SELECT count(*) AS moved FROM fact;

-- refresh: what changed
WITH hot AS MATERIALIZED (
  SELECT v."event_id", v."subscription_id", v."user_id", v."occurred_at", v."kind", v."from_tier", v."to_tier", v."mrr_before_minor", v."mrr_after_minor", v."currency", 0::bigint AS version FROM "subscription_events" AS v
  WHERE v.occurred_at > 'watermark'::timestamptz - interval '2 hours' AND v.occurred_at <= :as_of
),
differing AS MATERIALIZED (
  SELECT hot.*, seen.id IS NULL AS is_new FROM hot LEFT JOIN rollup_subscription_events_seen AS seen ON seen.id = hot.event_id
  
  WHERE seen.version IS DISTINCT FROM hot.version
),
changed AS MATERIALIZED (SELECT * FROM differing LIMIT 50000),
noted AS (
  INSERT INTO rollup_subscription_events_seen (id, version, stamp) SELECT event_id, version, occurred_at FROM changed
  WHERE "event_id" IS NOT NULL AND "subscription_id" IS NOT NULL AND "user_id" IS NOT NULL AND "occurred_at" IS NOT NULL AND "kind" IS NOT NULL AND "mrr_before_minor" IS NOT NULL AND "mrr_after_minor" IS NOT NULL AND "currency" IS NOT NULL
  ON CONFLICT (id) DO UPDATE SET version = excluded.version, stamp = excluded.stamp
),
fact AS MATERIALIZED (SELECT 1 AS sign, v."event_id", v."subscription_id", v."user_id", v."occurred_at", v."kind", v."from_tier", v."to_tier", v."mrr_before_minor", v."mrr_after_minor", v."currency", NOT coalesce(u.is_internal, false) AS counted
    FROM changed AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id),
added_mrr_movement AS (INSERT INTO rollup_mrr_movement AS c (grain, day, hour, "kind", "currency", n, moved_minor) SELECT g.grain, g.day, g.hour, "kind", "currency", sum(n), sum(moved_minor)
    FROM (SELECT (s.occurred_at AT TIME ZONE :timezone)::date, '-infinity'::timestamptz, (s.kind), (coalesce(nullif(s.currency::text, ''), 'unknown')), sum(s.sign), coalesce(sum(s.sign * (s.mrr_after_minor - s.mrr_before_minor)), 0)
    FROM fact AS s  WHERE s.counted AND s.kind IN ('new', 'upgrade', 'downgrade', 'cancel', 'reactivate')
    GROUP BY 1, 2, 3, 4
    HAVING sum(s.sign) <> 0 OR coalesce(sum(s.sign * (s.mrr_after_minor - s.mrr_before_minor)), 0) <> 0) AS a(day, hour, "kind", "currency", n, moved_minor)
    CROSS JOIN LATERAL (VALUES (0::smallint, '-infinity'::date, '-infinity'::timestamptz), (2::smallint, a.day, '-infinity'::timestamptz)) AS g(grain, day, hour)
    WHERE true 
    GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (grain, day, hour, "kind", "currency") DO UPDATE SET n = c.n + excluded.n, moved_minor = c.moved_minor + excluded.moved_minor),
added_subscription_changes AS (INSERT INTO rollup_subscription_changes AS c (grain, day, hour, "kind", "tier", n) SELECT g.grain, g.day, g.hour, "kind", "tier", sum(n)
    FROM (SELECT (s.occurred_at AT TIME ZONE :timezone)::date, '-infinity'::timestamptz, (s.kind), (coalesce(nullif(s.to_tier::text, ''), s.from_tier::text, '')), sum(s.sign)
    FROM fact AS s  WHERE s.counted AND s.kind IN ('new', 'upgrade', 'downgrade', 'cancel', 'reactivate')
    GROUP BY 1, 2, 3, 4
    HAVING sum(s.sign) <> 0) AS a(day, hour, "kind", "tier", n)
    CROSS JOIN LATERAL (VALUES (0::smallint, '-infinity'::date, '-infinity'::timestamptz), (2::smallint, a.day, '-infinity'::timestamptz)) AS g(grain, day, hour)
    WHERE true 
    GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (grain, day, hour, "kind", "tier") DO UPDATE SET n = c.n + excluded.n)
SELECT count(*) AS changed, greatest((SELECT count(*) FROM differing) - 50000, 0) AS waiting, coalesce(bool_or("event_id" IS NULL), false) AS "null_event_id", coalesce(bool_or("subscription_id" IS NULL), false) AS "null_subscription_id", coalesce(bool_or("user_id" IS NULL), false) AS "null_user_id", coalesce(bool_or("occurred_at" IS NULL), false) AS "null_occurred_at", coalesce(bool_or("kind" IS NULL), false) AS "null_kind", coalesce(bool_or("mrr_before_minor" IS NULL), false) AS "null_mrr_before_minor", coalesce(bool_or("mrr_after_minor" IS NULL), false) AS "null_mrr_after_minor", coalesce(bool_or("currency" IS NULL), false) AS "null_currency" FROM changed;

-- refresh: forget what is not read again
DELETE FROM rollup_subscription_events_seen WHERE stamp <= :as_of - interval '2 hours';
