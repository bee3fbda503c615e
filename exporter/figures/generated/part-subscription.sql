-- build: a stretch
WITH fresh(id, begun, running, tier, status, currency, monthly_minor, next_at) AS MATERIALIZED (
SELECT d.id, NOT coalesce(u.is_internal, false) AND s.started_at <= :as_of AS begun, NOT coalesce(u.is_internal, false) AND s.started_at <= :as_of AND (s.ended_at IS NULL OR s.ended_at > :as_of) AS running,
  coalesce(s.tier::text, '') AS tier, s.status::text AS status,
  CASE WHEN s.status IN ('active', 'past_due') THEN coalesce(nullif(s.currency::text, ''), 'unknown') END AS currency,
  round(s.amount_minor::numeric * CASE s.interval WHEN 'month' THEN 12 WHEN 'year' THEN 1 WHEN 'week' THEN 52 END / (12 * nullif(s.interval_count, 0))) AS monthly_minor, least(CASE WHEN s.started_at > :as_of THEN s.started_at END, CASE WHEN s.ended_at > :as_of THEN s.ended_at END) AS next_at
FROM (SELECT * FROM "subscriptions" WHERE subscription_id > 'after'::text AND subscription_id <= 'through'::text) AS s CROSS JOIN LATERAL (SELECT s.subscription_id) AS d(id)
LEFT JOIN LATERAL (SELECT is_internal FROM rollup_account WHERE id = s.user_id OFFSET 0) AS u ON true
),
delta AS (SELECT 1 AS sign, * FROM fresh),
stored AS (INSERT INTO rollup_subscription (id, begun, running, tier, status, currency, monthly_minor, next_at, told)
  SELECT fresh.id, fresh.begun, fresh.running, fresh.tier, fresh.status, fresh.currency, fresh.monthly_minor, fresh.next_at, v.version FROM fresh
  LEFT JOIN LATERAL (SELECT hash_record_extended(ROW(v."subscription_id", v."user_id", v."tier", v."status", v."amount_minor", v."currency", v."interval", v."interval_count", v."started_at", v."ended_at"), 0) AS version FROM "subscriptions" AS v WHERE v.subscription_id = fresh.id AND v.updated_at <= (SELECT watermark - interval '2 hours' FROM rollup_part WHERE name = 'feed subscriptions') OFFSET 0) AS v ON true),
added_subscriptions_begun AS (INSERT INTO rollup_subscriptions_begun AS c ("tier", n) SELECT (s.tier), sum(s.sign)
    FROM delta AS s  WHERE s.begun
    GROUP BY 1
    HAVING sum(s.sign) <> 0
    ON CONFLICT ("tier") DO UPDATE SET n = c.n + excluded.n),
added_subscriptions AS (INSERT INTO rollup_subscriptions AS c ("tier", "status", n) SELECT (s.tier), (s.status), sum(s.sign)
    FROM delta AS s  WHERE s.running
    GROUP BY 1, 2
    HAVING sum(s.sign) <> 0
    ON CONFLICT ("tier", "status") DO UPDATE SET n = c.n + excluded.n),
added_mrr AS (INSERT INTO rollup_mrr AS c ("currency", "tier", n, monthly_minor) SELECT (s.currency), (s.tier), sum(s.sign), coalesce(sum(s.sign * (s.monthly_minor)), 0)
    FROM delta AS s  WHERE s.running AND s.currency IS NOT NULL
    GROUP BY 1, 2
    HAVING sum(s.sign) <> 0 OR coalesce(sum(s.sign * (s.monthly_minor)), 0) <> 0
    ON CONFLICT ("currency", "tier") DO UPDATE SET n = c.n + excluded.n, monthly_minor = c.monthly_minor + excluded.monthly_minor)
SELECT count(*) AS entities FROM fresh;

-- refresh: what changed, is due, or whose user turned internal or back
WITH picked AS (
  DELETE FROM rollup_subscription_dirty WHERE id IN (SELECT id FROM rollup_subscription_dirty LIMIT 20000) RETURNING id
),
due AS MATERIALIZED (SELECT * FROM rollup_subscription WHERE next_at <= :as_of LIMIT 20000),
turned AS (DELETE FROM rollup_subscription_turned RETURNING user_id),
dirty(id) AS MATERIALIZED (SELECT id FROM picked UNION SELECT s.id FROM due AS s  UNION (SELECT s.subscription_id FROM turned JOIN subscriptions s USING (user_id))),
old AS MATERIALIZED (
  SELECT s.id, s.begun, s.running, s.tier, s.status, s.currency, s.monthly_minor, s.next_at FROM dirty AS d CROSS JOIN LATERAL (SELECT * FROM rollup_subscription WHERE id = d.id OFFSET 0) AS s
),
fresh(id, begun, running, tier, status, currency, monthly_minor, next_at) AS MATERIALIZED (
SELECT d.id, NOT coalesce(u.is_internal, false) AND s.started_at <= :as_of AS begun, NOT coalesce(u.is_internal, false) AND s.started_at <= :as_of AND (s.ended_at IS NULL OR s.ended_at > :as_of) AS running,
  coalesce(s.tier::text, '') AS tier, s.status::text AS status,
  CASE WHEN s.status IN ('active', 'past_due') THEN coalesce(nullif(s.currency::text, ''), 'unknown') END AS currency,
  round(s.amount_minor::numeric * CASE s.interval WHEN 'month' THEN 12 WHEN 'year' THEN 1 WHEN 'week' THEN 52 END / (12 * nullif(s.interval_count, 0))) AS monthly_minor, least(CASE WHEN s.started_at > :as_of THEN s.started_at END, CASE WHEN s.ended_at > :as_of THEN s.ended_at END) AS next_at
FROM dirty AS d CROSS JOIN LATERAL (SELECT * FROM "subscriptions" WHERE subscription_id = d.id OFFSET 0) AS s
LEFT JOIN LATERAL (SELECT is_internal FROM rollup_account WHERE id = s.user_id OFFSET 0) AS u ON true
),
delta AS MATERIALIZED (
  SELECT -1 AS sign, s.id, s.begun, s.running, s.tier, s.status, s.currency, s.monthly_minor, s.next_at FROM old AS s UNION ALL SELECT 1, s.id, s.begun, s.running, s.tier, s.status, s.currency, s.monthly_minor, s.next_at FROM fresh AS s
),
gone AS (
  DELETE FROM rollup_subscription AS s USING old WHERE s.id = old.id AND NOT EXISTS (SELECT FROM fresh WHERE fresh.id = old.id)
),
stored AS (
  INSERT INTO rollup_subscription AS s (id, begun, running, tier, status, currency, monthly_minor, next_at, told)
  SELECT s.id, s.begun, s.running, s.tier, s.status, s.currency, s.monthly_minor, s.next_at, seen.version FROM fresh AS s LEFT JOIN rollup_subscriptions_seen AS seen ON seen.id = s.id
  ON CONFLICT (id) DO UPDATE SET begun = excluded.begun, running = excluded.running, tier = excluded.tier, status = excluded.status, currency = excluded.currency, monthly_minor = excluded.monthly_minor, next_at = excluded.next_at
  WHERE (s.begun, s.running, s.tier, s.status, s.currency, s.monthly_minor, s.next_at) IS DISTINCT FROM (excluded.begun, excluded.running, excluded.tier, excluded.status, excluded.currency, excluded.monthly_minor, excluded.next_at)
),
added_subscriptions_begun AS (INSERT INTO rollup_subscriptions_begun AS c ("tier", n) SELECT (s.tier), sum(s.sign)
    FROM delta AS s  WHERE s.begun
    GROUP BY 1
    HAVING sum(s.sign) <> 0
    ON CONFLICT ("tier") DO UPDATE SET n = c.n + excluded.n),
added_subscriptions AS (INSERT INTO rollup_subscriptions AS c ("tier", "status", n) SELECT (s.tier), (s.status), sum(s.sign)
    FROM delta AS s  WHERE s.running
    GROUP BY 1, 2
    HAVING sum(s.sign) <> 0
    ON CONFLICT ("tier", "status") DO UPDATE SET n = c.n + excluded.n),
added_mrr AS (INSERT INTO rollup_mrr AS c ("currency", "tier", n, monthly_minor) SELECT (s.currency), (s.tier), sum(s.sign), coalesce(sum(s.sign * (s.monthly_minor)), 0)
    FROM delta AS s  WHERE s.running AND s.currency IS NOT NULL
    GROUP BY 1, 2
    HAVING sum(s.sign) <> 0 OR coalesce(sum(s.sign * (s.monthly_minor)), 0) <> 0
    ON CONFLICT ("currency", "tier") DO UPDATE SET n = c.n + excluded.n, monthly_minor = c.monthly_minor + excluded.monthly_minor),
differing AS (
  SELECT coalesce(old.id, fresh.id)::text AS id FROM old FULL JOIN fresh ON fresh.id = old.id
  WHERE old.id IS NULL OR fresh.id IS NULL OR (old.begun, old.running, old.tier, old.status, old.currency, old.monthly_minor) IS DISTINCT FROM (fresh.begun, fresh.running, fresh.tier, fresh.status, fresh.currency, fresh.monthly_minor)
)
SELECT (SELECT count(*) FROM dirty) AS entities, count(*) AS differing, (array_agg(id))[1:5] AS examples FROM differing;
