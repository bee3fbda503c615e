-- build: a stretch
WITH fresh(id, paying_tier, start_tier, churned, next_at) AS MATERIALIZED (
SELECT d.id, CASE WHEN NOT coalesce(u.is_internal, false) AND a.paying THEN t.tier END AS paying_tier,
  CASE WHEN NOT coalesce(u.is_internal, false) THEN at_start.tier END AS start_tier, NOT a.running AS churned, a.next_at
FROM (SELECT DISTINCT user_id FROM "subscriptions" WHERE user_id > 'after'::text AND user_id <= 'through'::text) AS d(id)
LEFT JOIN LATERAL (SELECT is_internal FROM rollup_account WHERE id = d.id OFFSET 0) AS u ON true
CROSS JOIN LATERAL (
  SELECT bool_or(s.started_at <= :as_of AND (s.ended_at IS NULL OR s.ended_at > :as_of)) AS running,
    bool_or(s.started_at <= :as_of AND (s.ended_at IS NULL OR s.ended_at > :as_of) AND s.status IN ('active', 'past_due') AND s.amount_minor > 0) AS paying,
    min(CASE WHEN edge.at > :as_of THEN edge.at END) AS next_at
  FROM subscriptions s
  CROSS JOIN LATERAL (VALUES (s.started_at), (s.ended_at), (s.started_at + interval '720 hours'),
    (s.ended_at + interval '720 hours')) AS edge(at)
  WHERE s.user_id = d.id HAVING count(*) > 0
) AS a
LEFT JOIN LATERAL (
  SELECT coalesce(s.tier::text, '') AS tier FROM subscriptions s
  WHERE s.user_id = d.id AND s.started_at <= :as_of AND (s.ended_at IS NULL OR s.ended_at > :as_of) AND s.status IN ('active', 'past_due', 'trialing')
  ORDER BY div(s.amount_minor::numeric * CASE s.interval WHEN 'month' THEN 12 WHEN 'year' THEN 1 WHEN 'week' THEN 52 END * 1e18, (12 * nullif(s.interval_count, 0)) * power(10::numeric, coalesce((:currency_decimals ->> coalesce(nullif(s.currency::text, ''), 'unknown'))::int, 2))) DESC NULLS LAST,
    s.tier::text COLLATE "C" LIMIT 1
) AS t ON true
LEFT JOIN LATERAL (
  SELECT coalesce(s.tier::text, '') AS tier FROM subscriptions s
  WHERE s.user_id = d.id AND s.started_at <= (:as_of - interval '720 hours') AND (s.ended_at IS NULL OR s.ended_at > (:as_of - interval '720 hours')) AND s.status <> 'trialing'
  ORDER BY div(s.amount_minor::numeric * CASE s.interval WHEN 'month' THEN 12 WHEN 'year' THEN 1 WHEN 'week' THEN 52 END * 1e18, (12 * nullif(s.interval_count, 0)) * power(10::numeric, coalesce((:currency_decimals ->> coalesce(nullif(s.currency::text, ''), 'unknown'))::int, 2))) DESC NULLS LAST,
    s.tier::text COLLATE "C" LIMIT 1
) AS at_start ON true
),
delta AS (SELECT 1 AS sign, * FROM fresh),
stored AS (INSERT INTO rollup_subscriber (id, paying_tier, start_tier, churned, next_at) SELECT * FROM fresh),
added_subscribers_at_start AS (INSERT INTO rollup_subscribers_at_start AS c ("tier", n, churned) SELECT (s.start_tier), sum(s.sign), coalesce(sum(s.sign * (s.churned::int)), 0)
    FROM delta AS s  WHERE s.start_tier IS NOT NULL
    GROUP BY 1
    HAVING sum(s.sign) <> 0 OR coalesce(sum(s.sign * (s.churned::int)), 0) <> 0
    ON CONFLICT ("tier") DO UPDATE SET n = c.n + excluded.n, churned = c.churned + excluded.churned),
added_paying_users AS (INSERT INTO rollup_paying_users AS c ("tier", n) SELECT (s.paying_tier), sum(s.sign)
    FROM delta AS s  WHERE s.paying_tier IS NOT NULL
    GROUP BY 1
    HAVING sum(s.sign) <> 0
    ON CONFLICT ("tier") DO UPDATE SET n = c.n + excluded.n)
SELECT count(*) AS entities FROM fresh;

-- refresh: what changed, is due, or whose user turned internal or back
WITH picked AS (
  DELETE FROM rollup_subscriber_dirty WHERE id IN (SELECT id FROM rollup_subscriber_dirty LIMIT 20000) RETURNING id
),
due AS MATERIALIZED (SELECT * FROM rollup_subscriber WHERE next_at <= :as_of LIMIT 20000),
turned AS (DELETE FROM rollup_subscriber_turned RETURNING user_id),
dirty(id) AS MATERIALIZED (SELECT id FROM picked UNION SELECT s.id FROM due AS s  UNION (SELECT user_id FROM turned)),
old AS MATERIALIZED (
  SELECT s.id, s.paying_tier, s.start_tier, s.churned, s.next_at FROM dirty AS d CROSS JOIN LATERAL (SELECT * FROM rollup_subscriber WHERE id = d.id OFFSET 0) AS s
),
fresh(id, paying_tier, start_tier, churned, next_at) AS MATERIALIZED (
SELECT d.id, CASE WHEN NOT coalesce(u.is_internal, false) AND a.paying THEN t.tier END AS paying_tier,
  CASE WHEN NOT coalesce(u.is_internal, false) THEN at_start.tier END AS start_tier, NOT a.running AS churned, a.next_at
FROM dirty AS d
LEFT JOIN LATERAL (SELECT is_internal FROM rollup_account WHERE id = d.id OFFSET 0) AS u ON true
CROSS JOIN LATERAL (
  SELECT bool_or(s.started_at <= :as_of AND (s.ended_at IS NULL OR s.ended_at > :as_of)) AS running,
    bool_or(s.started_at <= :as_of AND (s.ended_at IS NULL OR s.ended_at > :as_of) AND s.status IN ('active', 'past_due') AND s.amount_minor > 0) AS paying,
    min(CASE WHEN edge.at > :as_of THEN edge.at END) AS next_at
  FROM subscriptions s
  CROSS JOIN LATERAL (VALUES (s.started_at), (s.ended_at), (s.started_at + interval '720 hours'),
    (s.ended_at + interval '720 hours')) AS edge(at)
  WHERE s.user_id = d.id HAVING count(*) > 0
) AS a
LEFT JOIN LATERAL (
  SELECT coalesce(s.tier::text, '') AS tier FROM subscriptions s
  WHERE s.user_id = d.id AND s.started_at <= :as_of AND (s.ended_at IS NULL OR s.ended_at > :as_of) AND s.status IN ('active', 'past_due', 'trialing')
  ORDER BY div(s.amount_minor::numeric * CASE s.interval WHEN 'month' THEN 12 WHEN 'year' THEN 1 WHEN 'week' THEN 52 END * 1e18, (12 * nullif(s.interval_count, 0)) * power(10::numeric, coalesce((:currency_decimals ->> coalesce(nullif(s.currency::text, ''), 'unknown'))::int, 2))) DESC NULLS LAST,
    s.tier::text COLLATE "C" LIMIT 1
) AS t ON true
LEFT JOIN LATERAL (
  SELECT coalesce(s.tier::text, '') AS tier FROM subscriptions s
  WHERE s.user_id = d.id AND s.started_at <= (:as_of - interval '720 hours') AND (s.ended_at IS NULL OR s.ended_at > (:as_of - interval '720 hours')) AND s.status <> 'trialing'
  ORDER BY div(s.amount_minor::numeric * CASE s.interval WHEN 'month' THEN 12 WHEN 'year' THEN 1 WHEN 'week' THEN 52 END * 1e18, (12 * nullif(s.interval_count, 0)) * power(10::numeric, coalesce((:currency_decimals ->> coalesce(nullif(s.currency::text, ''), 'unknown'))::int, 2))) DESC NULLS LAST,
    s.tier::text COLLATE "C" LIMIT 1
) AS at_start ON true
),
delta AS MATERIALIZED (
  SELECT -1 AS sign, s.id, s.paying_tier, s.start_tier, s.churned, s.next_at FROM old AS s UNION ALL SELECT 1, s.id, s.paying_tier, s.start_tier, s.churned, s.next_at FROM fresh AS s
),
gone AS (
  DELETE FROM rollup_subscriber AS s USING old WHERE s.id = old.id AND NOT EXISTS (SELECT FROM fresh WHERE fresh.id = old.id)
),
stored AS (
  INSERT INTO rollup_subscriber AS s (id, paying_tier, start_tier, churned, next_at)
  SELECT s.id, s.paying_tier, s.start_tier, s.churned, s.next_at FROM fresh AS s 
  ON CONFLICT (id) DO UPDATE SET paying_tier = excluded.paying_tier, start_tier = excluded.start_tier, churned = excluded.churned, next_at = excluded.next_at
  WHERE (s.paying_tier, s.start_tier, s.churned, s.next_at) IS DISTINCT FROM (excluded.paying_tier, excluded.start_tier, excluded.churned, excluded.next_at)
),
added_subscribers_at_start AS (INSERT INTO rollup_subscribers_at_start AS c ("tier", n, churned) SELECT (s.start_tier), sum(s.sign), coalesce(sum(s.sign * (s.churned::int)), 0)
    FROM delta AS s  WHERE s.start_tier IS NOT NULL
    GROUP BY 1
    HAVING sum(s.sign) <> 0 OR coalesce(sum(s.sign * (s.churned::int)), 0) <> 0
    ON CONFLICT ("tier") DO UPDATE SET n = c.n + excluded.n, churned = c.churned + excluded.churned),
added_paying_users AS (INSERT INTO rollup_paying_users AS c ("tier", n) SELECT (s.paying_tier), sum(s.sign)
    FROM delta AS s  WHERE s.paying_tier IS NOT NULL
    GROUP BY 1
    HAVING sum(s.sign) <> 0
    ON CONFLICT ("tier") DO UPDATE SET n = c.n + excluded.n),
differing AS (
  SELECT coalesce(old.id, fresh.id)::text AS id FROM old FULL JOIN fresh ON fresh.id = old.id
  WHERE old.id IS NULL OR fresh.id IS NULL OR (old.paying_tier, old.start_tier, old.churned) IS DISTINCT FROM (fresh.paying_tier, fresh.start_tier, fresh.churned)
)
SELECT (SELECT count(*) FROM dirty) AS entities, count(*) AS differing, (array_agg(id))[1:5] AS examples FROM differing;
