-- refresh: what changed
WITH hot AS MATERIALIZED (
  SELECT v."user_id", v."created_at", v."deleted_at", v."updated_at", v."country", v."signup_source", v."visitor_id", v."is_internal", hash_record_extended(ROW(v."user_id", v."created_at", v."deleted_at", v."country", v."signup_source", v."visitor_id", v."is_internal"), 0) AS version FROM "users" AS v
  WHERE v.updated_at > 'watermark'::timestamptz - interval '2 hours' 
),
differing AS MATERIALIZED (
  SELECT hot.*, seen.id IS NULL AS is_new FROM hot LEFT JOIN rollup_users_seen AS seen ON seen.id = hot.user_id
  LEFT JOIN LATERAL (SELECT told FROM rollup_account WHERE id = hot.user_id OFFSET 0) AS kept ON seen.id IS NULL
  WHERE coalesce(seen.version, kept.told) IS DISTINCT FROM hot.version
),
changed AS MATERIALIZED (SELECT * FROM differing LIMIT 50000),
noted AS (
  INSERT INTO rollup_users_seen (id, version, stamp) SELECT user_id, version, updated_at FROM changed
  WHERE "user_id" IS NOT NULL AND "created_at" IS NOT NULL AND "updated_at" IS NOT NULL AND "is_internal" IS NOT NULL
  ON CONFLICT (id) DO UPDATE SET version = excluded.version, stamp = excluded.stamp
),
dirtied_account AS (INSERT INTO rollup_account_dirty SELECT DISTINCT dirty.id FROM (SELECT user_id FROM changed) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING),
dirtied_visitor AS (INSERT INTO rollup_visitor_dirty SELECT DISTINCT dirty.id FROM (SELECT visitor_id FROM changed WHERE visitor_id IS NOT NULL
      UNION SELECT u.visitor_id FROM changed JOIN rollup_account u ON u.id = changed.user_id WHERE u.visitor_id IS NOT NULL) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING),
dirtied_population AS (INSERT INTO rollup_population_dirty SELECT DISTINCT dirty.id FROM (SELECT user_id FROM changed) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING),
dirtied_active AS (INSERT INTO rollup_active_dirty SELECT DISTINCT dirty.id FROM (SELECT user_id FROM changed) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING),
dirtied_generating AS (INSERT INTO rollup_generating_dirty SELECT DISTINCT dirty.id FROM (SELECT user_id FROM changed) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING),
dirtied_retention AS (INSERT INTO rollup_retention_dirty SELECT DISTINCT dirty.id FROM (SELECT user_id FROM changed) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING),
dirtied_lifetime AS (INSERT INTO rollup_lifetime_dirty SELECT DISTINCT dirty.id FROM (SELECT user_id FROM changed) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING),
dirtied_character_owner AS (INSERT INTO rollup_character_owner_dirty SELECT DISTINCT dirty.id FROM (SELECT user_id FROM changed) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING),
dirtied_balance AS (INSERT INTO rollup_balance_dirty SELECT DISTINCT dirty.id FROM (SELECT user_id FROM changed) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING),
told AS (UPDATE rollup_account AS s SET told = changed.version FROM changed WHERE s.id = changed.user_id)
SELECT count(*) AS changed, greatest((SELECT count(*) FROM differing) - 50000, 0) AS waiting, coalesce(bool_or("user_id" IS NULL), false) AS "null_user_id", coalesce(bool_or("created_at" IS NULL), false) AS "null_created_at", coalesce(bool_or("updated_at" IS NULL), false) AS "null_updated_at", coalesce(bool_or("is_internal" IS NULL), false) AS "null_is_internal" FROM changed;

-- refresh: forget what is not read again
DELETE FROM rollup_users_seen WHERE stamp <= :as_of - interval '2 hours';
