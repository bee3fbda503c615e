-- platform_bug_reports_open: plain SQL, which defines it
SELECT CASE WHEN coalesce((b.severity)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (b.severity)::text = ANY (:kept_severity) THEN (b.severity)::text ELSE 'other' END AS severity, count(*) AS value
FROM bug_reports b
WHERE b.status = 'open' AND b.created_at <= :as_of
GROUP BY 1;

-- platform_bug_reports_open: from the store
SELECT CASE WHEN coalesce((severity)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (severity)::text = ANY (:kept_severity) THEN (severity)::text ELSE 'other' END AS severity, sum(n) AS value
FROM rollup_bug_reports_open
WHERE n > 0
GROUP BY 1;
