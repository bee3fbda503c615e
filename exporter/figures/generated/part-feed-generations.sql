-- refresh: what changed
WITH hot AS MATERIALIZED (
  SELECT v."generation_id", v."user_id", v."created_at", v."started_at", v."finished_at", v."updated_at", v."status", v."type", v."quality", v."aspect_ratio", v."is_nsfw", v."image_count", v."failure_reason", v."scene", v."environment", v."outfit", v."pose", hash_record_extended(ROW(v."generation_id", v."user_id", v."created_at", v."started_at", v."finished_at", v."status", v."type", v."quality", v."aspect_ratio", v."is_nsfw", v."image_count", v."failure_reason", v."scene", v."environment", v."outfit", v."pose"), 0) AS version FROM "generations" AS v
  WHERE v.updated_at > 'watermark'::timestamptz - interval '2 hours' 
),
differing AS MATERIALIZED (
  SELECT hot.*, seen.id IS NULL AS is_new FROM hot LEFT JOIN rollup_generations_seen AS seen ON seen.id = hot.generation_id
  LEFT JOIN LATERAL (SELECT told FROM rollup_generation WHERE id = hot.generation_id OFFSET 0) AS kept ON seen.id IS NULL
  WHERE coalesce(seen.version, kept.told) IS DISTINCT FROM hot.version
),
changed AS MATERIALIZED (SELECT * FROM differing LIMIT 50000),
noted AS (
  INSERT INTO rollup_generations_seen (id, version, stamp) SELECT generation_id, version, updated_at FROM changed
  WHERE "generation_id" IS NOT NULL AND "user_id" IS NOT NULL AND "created_at" IS NOT NULL AND "updated_at" IS NOT NULL AND "status" IS NOT NULL AND "type" IS NOT NULL AND "quality" IS NOT NULL AND "aspect_ratio" IS NOT NULL AND "is_nsfw" IS NOT NULL AND "image_count" IS NOT NULL
  ON CONFLICT (id) DO UPDATE SET version = excluded.version, stamp = excluded.stamp
),
dirtied_visitor AS (INSERT INTO rollup_visitor_dirty SELECT DISTINCT dirty.id FROM (SELECT u.visitor_id FROM changed AS c
      JOIN LATERAL (SELECT visitor_id FROM rollup_account WHERE id = c.user_id OFFSET 0) AS u ON u.visitor_id IS NOT NULL
      LEFT JOIN LATERAL (SELECT step FROM rollup_visitor WHERE id = u.visitor_id OFFSET 0) AS v ON true
      LEFT JOIN LATERAL (SELECT status, finished_at FROM rollup_generation WHERE id = c.generation_id OFFSET 0) AS g ON true
      WHERE v.step IS DISTINCT FROM 3
        OR (g.status = 'succeeded' AND (c.status <> 'succeeded' OR c.finished_at IS DISTINCT FROM g.finished_at))
        OR EXISTS (SELECT FROM rollup_generation_dirty AS waiting WHERE waiting.id = c.generation_id)
        OR NOT EXISTS (SELECT FROM rollup_part WHERE name = 'generation' AND ready)) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING),
dirtied_generation AS (INSERT INTO rollup_generation_dirty SELECT DISTINCT dirty.id FROM (SELECT generation_id FROM changed) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING),
dirtied_population AS (INSERT INTO rollup_population_dirty SELECT DISTINCT dirty.id FROM (SELECT user_id FROM changed WHERE is_new) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING),
dirtied_generating AS (INSERT INTO rollup_generating_dirty SELECT DISTINCT dirty.id FROM (SELECT user_id FROM changed WHERE is_new) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING),
told AS (UPDATE rollup_generation AS s SET told = changed.version FROM changed WHERE s.id = changed.generation_id)
SELECT count(*) AS changed, greatest((SELECT count(*) FROM differing) - 50000, 0) AS waiting, coalesce(bool_or("generation_id" IS NULL), false) AS "null_generation_id", coalesce(bool_or("user_id" IS NULL), false) AS "null_user_id", coalesce(bool_or("created_at" IS NULL), false) AS "null_created_at", coalesce(bool_or("updated_at" IS NULL), false) AS "null_updated_at", coalesce(bool_or("status" IS NULL), false) AS "null_status", coalesce(bool_or("type" IS NULL), false) AS "null_type", coalesce(bool_or("quality" IS NULL), false) AS "null_quality", coalesce(bool_or("aspect_ratio" IS NULL), false) AS "null_aspect_ratio", coalesce(bool_or("is_nsfw" IS NULL), false) AS "null_is_nsfw", coalesce(bool_or("image_count" IS NULL), false) AS "null_image_count" FROM changed;

-- refresh: forget what is not read again
DELETE FROM rollup_generations_seen WHERE stamp <= :as_of - interval '2 hours';
