-- refresh: what changed
WITH hot AS MATERIALIZED (
  SELECT v."request_id", v."created_at", v."updated_at", v."status", hash_record_extended(ROW(v."request_id", v."created_at", v."status"), 0) AS version FROM "influencer_requests" AS v
  WHERE v.updated_at > 'watermark'::timestamptz - interval '2 hours' 
),
differing AS MATERIALIZED (
  SELECT hot.*, seen.id IS NULL AS is_new FROM hot LEFT JOIN rollup_influencer_requests_seen AS seen ON seen.id = hot.request_id
  LEFT JOIN LATERAL (SELECT told FROM rollup_influencer_request WHERE id = hot.request_id OFFSET 0) AS kept ON seen.id IS NULL
  WHERE coalesce(seen.version, kept.told) IS DISTINCT FROM hot.version
),
changed AS MATERIALIZED (SELECT * FROM differing LIMIT 50000),
noted AS (
  INSERT INTO rollup_influencer_requests_seen (id, version, stamp) SELECT request_id, version, updated_at FROM changed
  WHERE "request_id" IS NOT NULL AND "created_at" IS NOT NULL AND "updated_at" IS NOT NULL AND "status" IS NOT NULL
  ON CONFLICT (id) DO UPDATE SET version = excluded.version, stamp = excluded.stamp
),
dirtied_influencer_request AS (INSERT INTO rollup_influencer_request_dirty SELECT DISTINCT dirty.id FROM (SELECT request_id FROM changed) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING),
told AS (UPDATE rollup_influencer_request AS s SET told = changed.version FROM changed WHERE s.id = changed.request_id)
SELECT count(*) AS changed, greatest((SELECT count(*) FROM differing) - 50000, 0) AS waiting, coalesce(bool_or("request_id" IS NULL), false) AS "null_request_id", coalesce(bool_or("created_at" IS NULL), false) AS "null_created_at", coalesce(bool_or("updated_at" IS NULL), false) AS "null_updated_at", coalesce(bool_or("status" IS NULL), false) AS "null_status" FROM changed;

-- refresh: forget what is not read again
DELETE FROM rollup_influencer_requests_seen WHERE stamp <= :as_of - interval '2 hours';
