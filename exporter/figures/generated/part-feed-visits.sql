-- refresh: what changed
WITH hot AS MATERIALIZED (
  SELECT v."visit_id", v."visitor_id", v."visited_at", v."source", 0::bigint AS version FROM "visits" AS v
  WHERE v.visited_at > 'watermark'::timestamptz - interval '2 hours' AND v.visited_at <= :as_of
),
differing AS MATERIALIZED (
  SELECT hot.*, seen.id IS NULL AS is_new FROM hot LEFT JOIN rollup_visits_seen AS seen ON seen.id = hot.visit_id
  
  WHERE seen.version IS DISTINCT FROM hot.version
),
changed AS MATERIALIZED (SELECT * FROM differing LIMIT 50000),
noted AS (
  INSERT INTO rollup_visits_seen (id, version, stamp) SELECT visit_id, version, visited_at FROM changed
  WHERE "visit_id" IS NOT NULL AND "visitor_id" IS NOT NULL AND "visited_at" IS NOT NULL
  ON CONFLICT (id) DO UPDATE SET version = excluded.version, stamp = excluded.stamp
),
dirtied_visitor AS (INSERT INTO rollup_visitor_dirty SELECT DISTINCT dirty.id FROM (SELECT visitor_id FROM changed) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING)
SELECT count(*) AS changed, greatest((SELECT count(*) FROM differing) - 50000, 0) AS waiting, coalesce(bool_or("visit_id" IS NULL), false) AS "null_visit_id", coalesce(bool_or("visitor_id" IS NULL), false) AS "null_visitor_id", coalesce(bool_or("visited_at" IS NULL), false) AS "null_visited_at" FROM changed;

-- refresh: forget what is not read again
DELETE FROM rollup_visits_seen WHERE stamp <= :as_of - interval '2 hours';
