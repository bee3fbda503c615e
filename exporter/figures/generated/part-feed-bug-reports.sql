-- refresh: what changed
WITH hot AS MATERIALIZED (
  SELECT v."bug_report_id", v."created_at", v."updated_at", v."status", v."severity", hash_record_extended(ROW(v."bug_report_id", v."created_at", v."status", v."severity"), 0) AS version FROM "bug_reports" AS v
  WHERE v.updated_at > 'watermark'::timestamptz - interval '2 hours' 
),
differing AS MATERIALIZED (
  SELECT hot.*, seen.id IS NULL AS is_new FROM hot LEFT JOIN rollup_bug_reports_seen AS seen ON seen.id = hot.bug_report_id
  LEFT JOIN LATERAL (SELECT told FROM rollup_bug_report WHERE id = hot.bug_report_id OFFSET 0) AS kept ON seen.id IS NULL
  WHERE coalesce(seen.version, kept.told) IS DISTINCT FROM hot.version
),
changed AS MATERIALIZED (SELECT * FROM differing LIMIT 50000),
noted AS (
  INSERT INTO rollup_bug_reports_seen (id, version, stamp) SELECT bug_report_id, version, updated_at FROM changed
  WHERE "bug_report_id" IS NOT NULL AND "created_at" IS NOT NULL AND "updated_at" IS NOT NULL AND "status" IS NOT NULL
  ON CONFLICT (id) DO UPDATE SET version = excluded.version, stamp = excluded.stamp
),
dirtied_bug_report AS (INSERT INTO rollup_bug_report_dirty SELECT DISTINCT dirty.id FROM (SELECT bug_report_id FROM changed) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING),
told AS (UPDATE rollup_bug_report AS s SET told = changed.version FROM changed WHERE s.id = changed.bug_report_id)
SELECT count(*) AS changed, greatest((SELECT count(*) FROM differing) - 50000, 0) AS waiting, coalesce(bool_or("bug_report_id" IS NULL), false) AS "null_bug_report_id", coalesce(bool_or("created_at" IS NULL), false) AS "null_created_at", coalesce(bool_or("updated_at" IS NULL), false) AS "null_updated_at", coalesce(bool_or("status" IS NULL), false) AS "null_status" FROM changed;

-- refresh: forget what is not read again
DELETE FROM rollup_bug_reports_seen WHERE stamp <= :as_of - interval '2 hours';
