-- platform_generating_users: plain SQL, which defines it
SELECT w."window", count(DISTINCT g.user_id) AS value
FROM generations g
JOIN users u USING (user_id)
CROSS JOIN (VALUES ('1d', NULL::timestamptz, :as_of - interval '24 hours'), ('7d', NULL::timestamptz, :as_of - interval '168 hours'), ('30d', NULL::timestamptz, :as_of - interval '720 hours')) AS w("window", since, after)
WHERE NOT u.is_internal AND u.created_at <= :as_of AND (u.deleted_at IS NULL OR u.deleted_at > :as_of) AND g.created_at <= :as_of AND (w.since IS NULL OR g.created_at >= w.since) AND (w.after IS NULL OR g.created_at > w.after)
GROUP BY 1;

-- platform_generating_users: from the store
SELECT w."window", sum(n) AS value
FROM rollup_generating_users
JOIN (VALUES ('1d', 3), ('7d', 2), ('30d', 1)) AS w("window", level) ON rollup_generating_users.level >= w.level
GROUP BY 1;

-- platform_generating_users: what changed it, for its past
WITH live AS MATERIALIZED (
  SELECT * FROM (
    SELECT u.user_id, CASE WHEN coalesce((u.country)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (u.country)::text = ANY (:kept_country) THEN (u.country)::text ELSE 'other' END AS country,
      date_bin('1 hour', least(greatest(u.created_at, :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS since, date_bin('1 hour', least(greatest(coalesce(u.deleted_at, 'infinity'), :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS until
    FROM users u
    WHERE NOT u.is_internal
  ) AS seen
  WHERE since < until
),
beat AS MATERIALIZED (
  SELECT user_id, hour, lead(hour, 1, 'infinity') OVER (PARTITION BY user_id ORDER BY hour) AS next
  FROM (
    SELECT DISTINCT user_id, date_bin('1 hour', least(greatest(created_at, :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS hour FROM generations
    WHERE created_at > :from - interval '720 hours' AND created_at <= :to
  ) AS seen
),
active AS MATERIALIZED (
  SELECT user_id, w."window", hour AS since, least(hour + w.length, next) AS until
  FROM beat CROSS JOIN (VALUES ('1d', interval '24 hours'), ('7d', interval '168 hours'), ('30d', interval '720 hours')) AS w("window", length)
  WHERE hour + w.length > :from
)
SELECT span."window", edge.at, edge.sign * (1) AS value, edge.sign AS n
FROM (SELECT a."window", greatest(a.since, l.since) AS since, least(a.until, l.until) AS until
  FROM active a JOIN live l USING (user_id) OFFSET 0) AS span
CROSS JOIN LATERAL (VALUES (span.since, 1), (span.until, -1)) AS edge(at, sign)
WHERE span.since < span.until;

-- analytics_generating_users: over a range
SELECT x.bucket, count(*) AS users
FROM (SELECT DISTINCT CASE WHEN :period <> 'all' THEN date_trunc(:period, ((v.created_at AT TIME ZONE :timezone)::date)::timestamp)::date END AS bucket, v.user_id FROM "generations" v WHERE v.created_at >= :since AND v.created_at < :until) AS x
JOIN rollup_account u ON u.id = x.user_id
JOIN rollup_population p ON p.id = x.user_id
WHERE NOT u.is_internal AND u.created_at <= :as_of AND (u.deleted_at IS NULL OR u.deleted_at > :as_of) AND (NOT :filters ? 'tier' OR :filters -> 'tier' ? (CASE WHEN coalesce((p.tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (p.tier)::text = 'free' THEN 'free'
    WHEN (p.tier)::text = ANY (:kept_tier) THEN (p.tier)::text ELSE 'other' END)) AND (NOT :filters ? 'country' OR :filters -> 'country' ? (CASE WHEN coalesce((p.country)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (p.country)::text = ANY (:kept_country) THEN (p.country)::text ELSE 'other' END)) AND (NOT :filters ? 'characters' OR :filters -> 'characters' ? (p.characters)) AND (NOT :filters ? 'activity' OR :filters -> 'activity' ? (p.activity))
GROUP BY 1;
