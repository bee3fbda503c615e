-- refresh: what changed
WITH hot AS MATERIALIZED (
  SELECT v."subscription_id", v."user_id", v."tier", v."status", v."amount_minor", v."currency", v."interval", v."interval_count", v."started_at", v."ended_at", v."updated_at", hash_record_extended(ROW(v."subscription_id", v."user_id", v."tier", v."status", v."amount_minor", v."currency", v."interval", v."interval_count", v."started_at", v."ended_at"), 0) AS version FROM "subscriptions" AS v
  WHERE v.updated_at > 'watermark'::timestamptz - interval '2 hours' 
),
differing AS MATERIALIZED (
  SELECT hot.*, seen.id IS NULL AS is_new FROM hot LEFT JOIN rollup_subscriptions_seen AS seen ON seen.id = hot.subscription_id
  LEFT JOIN LATERAL (SELECT told FROM rollup_subscription WHERE id = hot.subscription_id OFFSET 0) AS kept ON seen.id IS NULL
  WHERE coalesce(seen.version, kept.told) IS DISTINCT FROM hot.version
),
changed AS MATERIALIZED (SELECT * FROM differing LIMIT 50000),
noted AS (
  INSERT INTO rollup_subscriptions_seen (id, version, stamp) SELECT subscription_id, version, updated_at FROM changed
  WHERE "subscription_id" IS NOT NULL AND "user_id" IS NOT NULL AND "tier" IS NOT NULL AND "status" IS NOT NULL AND "amount_minor" IS NOT NULL AND "currency" IS NOT NULL AND "interval" IS NOT NULL AND "interval_count" IS NOT NULL AND "started_at" IS NOT NULL AND "updated_at" IS NOT NULL
  ON CONFLICT (id) DO UPDATE SET version = excluded.version, stamp = excluded.stamp
),
dirtied_subscription AS (INSERT INTO rollup_subscription_dirty SELECT DISTINCT dirty.id FROM (SELECT subscription_id FROM changed) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING),
dirtied_population AS (INSERT INTO rollup_population_dirty SELECT DISTINCT dirty.id FROM (SELECT user_id FROM changed) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING),
dirtied_active AS (INSERT INTO rollup_active_dirty SELECT DISTINCT dirty.id FROM (SELECT user_id FROM changed) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING),
dirtied_subscriber AS (INSERT INTO rollup_subscriber_dirty SELECT DISTINCT dirty.id FROM (SELECT user_id FROM changed) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING),
told AS (UPDATE rollup_subscription AS s SET told = changed.version FROM changed WHERE s.id = changed.subscription_id)
SELECT count(*) AS changed, greatest((SELECT count(*) FROM differing) - 50000, 0) AS waiting, coalesce(bool_or("subscription_id" IS NULL), false) AS "null_subscription_id", coalesce(bool_or("user_id" IS NULL), false) AS "null_user_id", coalesce(bool_or("tier" IS NULL), false) AS "null_tier", coalesce(bool_or("status" IS NULL), false) AS "null_status", coalesce(bool_or("amount_minor" IS NULL), false) AS "null_amount_minor", coalesce(bool_or("currency" IS NULL), false) AS "null_currency", coalesce(bool_or("interval" IS NULL), false) AS "null_interval", coalesce(bool_or("interval_count" IS NULL), false) AS "null_interval_count", coalesce(bool_or("started_at" IS NULL), false) AS "null_started_at", coalesce(bool_or("updated_at" IS NULL), false) AS "null_updated_at" FROM changed;

-- refresh: forget what is not read again
DELETE FROM rollup_subscriptions_seen WHERE stamp <= :as_of - interval '2 hours';
