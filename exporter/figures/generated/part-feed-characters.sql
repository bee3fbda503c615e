-- refresh: what changed
WITH hot AS MATERIALIZED (
  SELECT v."character_id", v."user_id", v."created_at", v."deleted_at", v."updated_at", hash_record_extended(ROW(v."character_id", v."user_id", v."created_at", v."deleted_at"), 0) AS version FROM "characters" AS v
  WHERE v.updated_at > 'watermark'::timestamptz - interval '2 hours' 
),
differing AS MATERIALIZED (
  SELECT hot.*, seen.id IS NULL AS is_new FROM hot LEFT JOIN rollup_characters_seen AS seen ON seen.id = hot.character_id
  
  WHERE seen.version IS DISTINCT FROM hot.version
),
changed AS MATERIALIZED (SELECT * FROM differing LIMIT 50000),
noted AS (
  INSERT INTO rollup_characters_seen (id, version, stamp) SELECT character_id, version, updated_at FROM changed
  WHERE "character_id" IS NOT NULL AND "user_id" IS NOT NULL AND "created_at" IS NOT NULL AND "updated_at" IS NOT NULL
  ON CONFLICT (id) DO UPDATE SET version = excluded.version, stamp = excluded.stamp
),
dirtied_population AS (INSERT INTO rollup_population_dirty SELECT DISTINCT dirty.id FROM (SELECT user_id FROM changed) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING),
dirtied_character_owner AS (INSERT INTO rollup_character_owner_dirty SELECT DISTINCT dirty.id FROM (SELECT user_id FROM changed) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING)
SELECT count(*) AS changed, greatest((SELECT count(*) FROM differing) - 50000, 0) AS waiting, coalesce(bool_or("character_id" IS NULL), false) AS "null_character_id", coalesce(bool_or("user_id" IS NULL), false) AS "null_user_id", coalesce(bool_or("created_at" IS NULL), false) AS "null_created_at", coalesce(bool_or("updated_at" IS NULL), false) AS "null_updated_at" FROM changed;

-- refresh: forget what is not read again
DELETE FROM rollup_characters_seen WHERE stamp <= :as_of - interval '2 hours';
