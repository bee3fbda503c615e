-- build: a stretch
WITH fresh(id, reported, is_open, severity, next_at) AS MATERIALIZED (
SELECT d.id, b.created_at <= :as_of AS reported, b.created_at <= :as_of AND b.status = 'open' AS is_open,
  coalesce(b.severity::text, '') AS severity, CASE WHEN b.created_at > :as_of THEN b.created_at END AS next_at
FROM (SELECT * FROM "bug_reports" WHERE bug_report_id > 'after'::text AND bug_report_id <= 'through'::text) AS b CROSS JOIN LATERAL (SELECT b.bug_report_id) AS d(id)
),
delta AS (SELECT 1 AS sign, * FROM fresh),
stored AS (INSERT INTO rollup_bug_report (id, reported, is_open, severity, next_at, told)
  SELECT fresh.id, fresh.reported, fresh.is_open, fresh.severity, fresh.next_at, v.version FROM fresh
  LEFT JOIN LATERAL (SELECT hash_record_extended(ROW(v."bug_report_id", v."created_at", v."status", v."severity"), 0) AS version FROM "bug_reports" AS v WHERE v.bug_report_id = fresh.id AND v.updated_at <= (SELECT watermark - interval '2 hours' FROM rollup_part WHERE name = 'feed bug_reports') OFFSET 0) AS v ON true),
added_bug_reports AS (INSERT INTO rollup_bug_reports AS c ("severity", n) SELECT (s.severity), sum(s.sign)
    FROM delta AS s  WHERE s.reported
    GROUP BY 1
    HAVING sum(s.sign) <> 0
    ON CONFLICT ("severity") DO UPDATE SET n = c.n + excluded.n),
added_bug_reports_open AS (INSERT INTO rollup_bug_reports_open AS c ("severity", n) SELECT (s.severity), sum(s.sign)
    FROM delta AS s  WHERE s.is_open
    GROUP BY 1
    HAVING sum(s.sign) <> 0
    ON CONFLICT ("severity") DO UPDATE SET n = c.n + excluded.n)
SELECT count(*) AS entities FROM fresh;

-- refresh: what changed, is due, or whose user turned internal or back
WITH picked AS (
  DELETE FROM rollup_bug_report_dirty WHERE id IN (SELECT id FROM rollup_bug_report_dirty LIMIT 20000) RETURNING id
),
due AS MATERIALIZED (SELECT * FROM rollup_bug_report WHERE next_at <= :as_of LIMIT 20000),
dirty(id) AS MATERIALIZED (SELECT id FROM picked UNION SELECT s.id FROM due AS s ),
old AS MATERIALIZED (
  SELECT s.id, s.reported, s.is_open, s.severity, s.next_at FROM dirty AS d CROSS JOIN LATERAL (SELECT * FROM rollup_bug_report WHERE id = d.id OFFSET 0) AS s
),
fresh(id, reported, is_open, severity, next_at) AS MATERIALIZED (
SELECT d.id, b.created_at <= :as_of AS reported, b.created_at <= :as_of AND b.status = 'open' AS is_open,
  coalesce(b.severity::text, '') AS severity, CASE WHEN b.created_at > :as_of THEN b.created_at END AS next_at
FROM dirty AS d CROSS JOIN LATERAL (SELECT * FROM "bug_reports" WHERE bug_report_id = d.id OFFSET 0) AS b
),
delta AS MATERIALIZED (
  SELECT -1 AS sign, s.id, s.reported, s.is_open, s.severity, s.next_at FROM old AS s UNION ALL SELECT 1, s.id, s.reported, s.is_open, s.severity, s.next_at FROM fresh AS s
),
gone AS (
  DELETE FROM rollup_bug_report AS s USING old WHERE s.id = old.id AND NOT EXISTS (SELECT FROM fresh WHERE fresh.id = old.id)
),
stored AS (
  INSERT INTO rollup_bug_report AS s (id, reported, is_open, severity, next_at, told)
  SELECT s.id, s.reported, s.is_open, s.severity, s.next_at, seen.version FROM fresh AS s LEFT JOIN rollup_bug_reports_seen AS seen ON seen.id = s.id
  ON CONFLICT (id) DO UPDATE SET reported = excluded.reported, is_open = excluded.is_open, severity = excluded.severity, next_at = excluded.next_at
  WHERE (s.reported, s.is_open, s.severity, s.next_at) IS DISTINCT FROM (excluded.reported, excluded.is_open, excluded.severity, excluded.next_at)
),
added_bug_reports AS (INSERT INTO rollup_bug_reports AS c ("severity", n) SELECT (s.severity), sum(s.sign)
    FROM delta AS s  WHERE s.reported
    GROUP BY 1
    HAVING sum(s.sign) <> 0
    ON CONFLICT ("severity") DO UPDATE SET n = c.n + excluded.n),
added_bug_reports_open AS (INSERT INTO rollup_bug_reports_open AS c ("severity", n) SELECT (s.severity), sum(s.sign)
    FROM delta AS s  WHERE s.is_open
    GROUP BY 1
    HAVING sum(s.sign) <> 0
    ON CONFLICT ("severity") DO UPDATE SET n = c.n + excluded.n),
differing AS (
  SELECT coalesce(old.id, fresh.id)::text AS id FROM old FULL JOIN fresh ON fresh.id = old.id
  WHERE old.id IS NULL OR fresh.id IS NULL OR (old.reported, old.is_open, old.severity) IS DISTINCT FROM (fresh.reported, fresh.is_open, fresh.severity)
)
SELECT (SELECT count(*) FROM dirty) AS entities, count(*) AS differing, (array_agg(id))[1:5] AS examples FROM differing;
