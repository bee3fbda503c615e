-- build: a stretch
WITH fresh(id, is_internal, counted, created_at, deleted_at, source, country, visitor_id, next_at) AS MATERIALIZED (
SELECT d.id, u.is_internal, NOT coalesce(u.is_internal, false) AND u.created_at <= :as_of AS counted, u.created_at, u.deleted_at,
  coalesce(u.signup_source::text, '') AS source, coalesce(u.country::text, '') AS country, u.visitor_id::text AS visitor_id,
  CASE WHEN u.created_at > :as_of THEN u.created_at END AS next_at
FROM (SELECT * FROM "users" WHERE user_id > 'after'::text AND user_id <= 'through'::text) AS u CROSS JOIN LATERAL (SELECT u.user_id) AS d(id)
),
delta AS (SELECT 1 AS sign, * FROM fresh),
stored AS (INSERT INTO rollup_account (id, is_internal, counted, created_at, deleted_at, source, country, visitor_id, next_at, told)
  SELECT fresh.id, fresh.is_internal, fresh.counted, fresh.created_at, fresh.deleted_at, fresh.source, fresh.country, fresh.visitor_id, fresh.next_at, v.version FROM fresh
  LEFT JOIN LATERAL (SELECT hash_record_extended(ROW(v."user_id", v."created_at", v."deleted_at", v."country", v."signup_source", v."visitor_id", v."is_internal"), 0) AS version FROM "users" AS v WHERE v.user_id = fresh.id AND v.updated_at <= (SELECT watermark - interval '2 hours' FROM rollup_part WHERE name = 'feed users') OFFSET 0) AS v ON true),
added_signups AS (INSERT INTO rollup_signups AS c (grain, day, hour, "source", "country", n) SELECT g.grain, g.day, g.hour, "source", "country", sum(n)
    FROM (SELECT (s.created_at AT TIME ZONE :timezone)::date, '-infinity'::timestamptz, (s.source), (s.country), sum(s.sign)
    FROM delta AS s  WHERE s.counted
    GROUP BY 1, 2, 3, 4
    HAVING sum(s.sign) <> 0) AS a(day, hour, "source", "country", n)
    CROSS JOIN LATERAL (VALUES (0::smallint, '-infinity'::date, '-infinity'::timestamptz), (2::smallint, a.day, '-infinity'::timestamptz)) AS g(grain, day, hour)
    WHERE true 
    GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (grain, day, hour, "source", "country") DO UPDATE SET n = c.n + excluded.n)
SELECT count(*) AS entities FROM fresh;

-- refresh: what changed, is due, or whose user turned internal or back
WITH picked AS (
  DELETE FROM rollup_account_dirty WHERE id IN (SELECT id FROM rollup_account_dirty LIMIT 20000) RETURNING id
),
due AS MATERIALIZED (SELECT * FROM rollup_account WHERE next_at <= :as_of LIMIT 20000),
dirty(id) AS MATERIALIZED (SELECT id FROM picked UNION SELECT s.id FROM due AS s ),
old AS MATERIALIZED (
  SELECT s.id, s.is_internal, s.counted, s.created_at, s.deleted_at, s.source, s.country, s.visitor_id, s.next_at FROM dirty AS d CROSS JOIN LATERAL (SELECT * FROM rollup_account WHERE id = d.id OFFSET 0) AS s
),
fresh(id, is_internal, counted, created_at, deleted_at, source, country, visitor_id, next_at) AS MATERIALIZED (
SELECT d.id, u.is_internal, NOT coalesce(u.is_internal, false) AND u.created_at <= :as_of AS counted, u.created_at, u.deleted_at,
  coalesce(u.signup_source::text, '') AS source, coalesce(u.country::text, '') AS country, u.visitor_id::text AS visitor_id,
  CASE WHEN u.created_at > :as_of THEN u.created_at END AS next_at
FROM dirty AS d CROSS JOIN LATERAL (SELECT * FROM "users" WHERE user_id = d.id OFFSET 0) AS u
),
delta AS MATERIALIZED (
  SELECT -1 AS sign, s.id, s.is_internal, s.counted, s.created_at, s.deleted_at, s.source, s.country, s.visitor_id, s.next_at FROM old AS s UNION ALL SELECT 1, s.id, s.is_internal, s.counted, s.created_at, s.deleted_at, s.source, s.country, s.visitor_id, s.next_at FROM fresh AS s
),
gone AS (
  DELETE FROM rollup_account AS s USING old WHERE s.id = old.id AND NOT EXISTS (SELECT FROM fresh WHERE fresh.id = old.id)
),
stored AS (
  INSERT INTO rollup_account AS s (id, is_internal, counted, created_at, deleted_at, source, country, visitor_id, next_at, told)
  SELECT s.id, s.is_internal, s.counted, s.created_at, s.deleted_at, s.source, s.country, s.visitor_id, s.next_at, seen.version FROM fresh AS s LEFT JOIN rollup_users_seen AS seen ON seen.id = s.id
  ON CONFLICT (id) DO UPDATE SET is_internal = excluded.is_internal, counted = excluded.counted, created_at = excluded.created_at, deleted_at = excluded.deleted_at, source = excluded.source, country = excluded.country, visitor_id = excluded.visitor_id, next_at = excluded.next_at
  WHERE (s.is_internal, s.counted, s.created_at, s.deleted_at, s.source, s.country, s.visitor_id, s.next_at) IS DISTINCT FROM (excluded.is_internal, excluded.counted, excluded.created_at, excluded.deleted_at, excluded.source, excluded.country, excluded.visitor_id, excluded.next_at)
),
added_signups AS (INSERT INTO rollup_signups AS c (grain, day, hour, "source", "country", n) SELECT g.grain, g.day, g.hour, "source", "country", sum(n)
    FROM (SELECT (s.created_at AT TIME ZONE :timezone)::date, '-infinity'::timestamptz, (s.source), (s.country), sum(s.sign)
    FROM delta AS s  WHERE s.counted
    GROUP BY 1, 2, 3, 4
    HAVING sum(s.sign) <> 0) AS a(day, hour, "source", "country", n)
    CROSS JOIN LATERAL (VALUES (0::smallint, '-infinity'::date, '-infinity'::timestamptz), (2::smallint, a.day, '-infinity'::timestamptz)) AS g(grain, day, hour)
    WHERE true 
    GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (grain, day, hour, "source", "country") DO UPDATE SET n = c.n + excluded.n),
turned AS MATERIALIZED (
  SELECT coalesce(fresh.id, old.id) AS user_id, coalesce(fresh.is_internal, false) AS is_internal
  FROM old FULL JOIN fresh ON fresh.id = old.id
  WHERE coalesce(old.is_internal, false) <> coalesce(fresh.is_internal, false)
),
back_sessions AS (
  DELETE FROM rollup_sessions_turned AS waiting USING turned WHERE waiting.user_id = turned.user_id RETURNING waiting.user_id
),
told_sessions AS (
  INSERT INTO rollup_sessions_turned (user_id, is_internal) SELECT user_id, is_internal FROM turned
  WHERE user_id NOT IN (SELECT user_id FROM back_sessions)
),
back_subscription_events AS (
  DELETE FROM rollup_subscription_events_turned AS waiting USING turned WHERE waiting.user_id = turned.user_id RETURNING waiting.user_id
),
told_subscription_events AS (
  INSERT INTO rollup_subscription_events_turned (user_id, is_internal) SELECT user_id, is_internal FROM turned
  WHERE user_id NOT IN (SELECT user_id FROM back_subscription_events)
),
back_payments AS (
  DELETE FROM rollup_payments_turned AS waiting USING turned WHERE waiting.user_id = turned.user_id RETURNING waiting.user_id
),
told_payments AS (
  INSERT INTO rollup_payments_turned (user_id, is_internal) SELECT user_id, is_internal FROM turned
  WHERE user_id NOT IN (SELECT user_id FROM back_payments)
),
back_refunds AS (
  DELETE FROM rollup_refunds_turned AS waiting USING turned WHERE waiting.user_id = turned.user_id RETURNING waiting.user_id
),
told_refunds AS (
  INSERT INTO rollup_refunds_turned (user_id, is_internal) SELECT user_id, is_internal FROM turned
  WHERE user_id NOT IN (SELECT user_id FROM back_refunds)
),
back_credit_ledger AS (
  DELETE FROM rollup_credit_ledger_turned AS waiting USING turned WHERE waiting.user_id = turned.user_id RETURNING waiting.user_id
),
told_credit_ledger AS (
  INSERT INTO rollup_credit_ledger_turned (user_id, is_internal) SELECT user_id, is_internal FROM turned
  WHERE user_id NOT IN (SELECT user_id FROM back_credit_ledger)
),
told_generation AS (
  INSERT INTO rollup_generation_turned (user_id, is_internal) SELECT user_id, is_internal FROM turned ON CONFLICT DO NOTHING
),
told_subscription AS (
  INSERT INTO rollup_subscription_turned (user_id, is_internal) SELECT user_id, is_internal FROM turned ON CONFLICT DO NOTHING
),
told_subscriber AS (
  INSERT INTO rollup_subscriber_turned (user_id, is_internal) SELECT user_id, is_internal FROM turned ON CONFLICT DO NOTHING
),
differing AS (
  SELECT coalesce(old.id, fresh.id)::text AS id FROM old FULL JOIN fresh ON fresh.id = old.id
  WHERE old.id IS NULL OR fresh.id IS NULL OR (old.is_internal, old.counted, old.created_at, old.deleted_at, old.source, old.country, old.visitor_id) IS DISTINCT FROM (fresh.is_internal, fresh.counted, fresh.created_at, fresh.deleted_at, fresh.source, fresh.country, fresh.visitor_id)
)
SELECT (SELECT count(*) FROM dirty) AS entities, count(*) AS differing, (array_agg(id))[1:5] AS examples FROM differing;
