-- platform_signups: plain SQL, which defines it
SELECT
  w."window",
  CASE WHEN coalesce((u.signup_source)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (u.signup_source)::text = ANY (:kept_signup_source) THEN (u.signup_source)::text ELSE 'other' END AS source,
  CASE WHEN coalesce((u.country)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (u.country)::text = ANY (:kept_country) THEN (u.country)::text ELSE 'other' END AS country,
  count(*) AS value
FROM users u
CROSS JOIN (VALUES ('today', least(
    date_trunc('day', :as_of, :timezone),
    (date_trunc('day', :as_of AT TIME ZONE :timezone) - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour'), NULL::timestamptz), ('week', least(
    date_trunc('week', :as_of, :timezone),
    (date_trunc('week', :as_of AT TIME ZONE :timezone) - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour'), NULL::timestamptz), ('month', least(
    date_trunc('month', :as_of, :timezone),
    (date_trunc('month', :as_of AT TIME ZONE :timezone) - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour'), NULL::timestamptz), ('ever', NULL::timestamptz, NULL::timestamptz)) AS w("window", since, after)
WHERE NOT coalesce(u.is_internal, false) AND u.created_at <= :as_of AND (w.since IS NULL OR u.created_at >= w.since) AND (w.after IS NULL OR u.created_at > w.after)
GROUP BY 1, 2, 3;

-- platform_signups: from the store
SELECT "window", CASE WHEN coalesce((source)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (source)::text = ANY (:kept_signup_source) THEN (source)::text ELSE 'other' END AS source, CASE WHEN coalesce((country)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (country)::text = ANY (:kept_country) THEN (country)::text ELSE 'other' END AS country, sum(n) AS value
FROM (SELECT 'today' AS "window", "source", "country", n FROM rollup_signups WHERE grain = 2 AND day >= date_trunc('day', :as_of AT TIME ZONE :timezone)::date
  UNION ALL SELECT 'week' AS "window", "source", "country", n FROM rollup_signups WHERE grain = 2 AND day >= date_trunc('week', :as_of AT TIME ZONE :timezone)::date
  UNION ALL SELECT 'month' AS "window", "source", "country", n FROM rollup_signups WHERE grain = 2 AND day >= date_trunc('month', :as_of AT TIME ZONE :timezone)::date
  UNION ALL SELECT 'ever' AS "window", "source", "country", n FROM rollup_signups WHERE grain = 0) AS r
WHERE n > 0
GROUP BY 1, 2, 3;

-- platform_signups: what changed it, for its past
WITH cell AS MATERIALIZED (
  SELECT "source", "country", date_bin('15 minutes', greatest(at, :epoch), :epoch) AS quarter, date_bin('1 hour', least(greatest(at, :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS hour,
    sum(value) AS value, count(*) AS n
  FROM (
SELECT CASE WHEN coalesce((u.signup_source)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (u.signup_source)::text = ANY (:kept_signup_source) THEN (u.signup_source)::text ELSE 'other' END AS source, CASE WHEN coalesce((u.country)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (u.country)::text = ANY (:kept_country) THEN (u.country)::text ELSE 'other' END AS country,
  u.created_at AS at, 1 AS value
FROM users u
WHERE NOT coalesce(u.is_internal, false)) AS fact
  WHERE at <= :to
  GROUP BY "source", "country", quarter, hour),
unit AS MATERIALIZED (
  SELECT w."window", w.since, lead(min(hour.at)) OVER (PARTITION BY w."window" ORDER BY w.since) AS until
  FROM generate_series(:from, :to, interval '1 hour') AS hour(at)
  CROSS JOIN LATERAL (VALUES ('today', least(
    date_trunc('day', hour.at, :timezone),
    (date_trunc('day', hour.at AT TIME ZONE :timezone) - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour'), NULL::timestamptz), ('week', least(
    date_trunc('week', hour.at, :timezone),
    (date_trunc('week', hour.at AT TIME ZONE :timezone) - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour'), NULL::timestamptz), ('month', least(
    date_trunc('month', hour.at, :timezone),
    (date_trunc('month', hour.at AT TIME ZONE :timezone) - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour'), NULL::timestamptz)) AS w("window", since, after)
  GROUP BY w."window", w.since
),
quarter_in AS MATERIALIZED (
  SELECT q.quarter, unit."window", unit.until
  FROM (SELECT DISTINCT quarter FROM cell) AS q
  CROSS JOIN LATERAL (VALUES ('today', least(
    date_trunc('day', q.quarter, :timezone),
    (date_trunc('day', q.quarter AT TIME ZONE :timezone) - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour'), NULL::timestamptz), ('week', least(
    date_trunc('week', q.quarter, :timezone),
    (date_trunc('week', q.quarter AT TIME ZONE :timezone) - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour'), NULL::timestamptz), ('month', least(
    date_trunc('month', q.quarter, :timezone),
    (date_trunc('month', q.quarter AT TIME ZONE :timezone) - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour'), NULL::timestamptz)) AS w("window", since, after)
  JOIN unit ON unit."window" = w."window" AND unit.since = w.since
)
SELECT cell."source", cell."country", 'ever' AS "window", cell.hour AS at, value, n FROM cell
UNION ALL
SELECT cell."source", cell."country", q."window", edge.at, edge.sign * value, edge.sign * n
FROM cell
JOIN quarter_in q USING (quarter)
CROSS JOIN LATERAL (VALUES (cell.hour, 1), (q.until, -1)) AS edge(at, sign)
WHERE edge.at IS NOT NULL;

-- analytics_signups: over a range
SELECT bucket, CASE WHEN coalesce((source)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (source)::text = ANY (:kept_signup_source) THEN (source)::text ELSE 'other' END AS source, CASE WHEN coalesce((country)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (country)::text = ANY (:kept_country) THEN (country)::text ELSE 'other' END AS country, sum(n)::bigint AS n
FROM (SELECT CASE WHEN :period <> 'all' THEN date_trunc(:period, (day)::timestamp)::date END AS bucket, "source", "country", n FROM (
    SELECT day, "source", "country", n FROM rollup_signups
    WHERE grain = 2 AND day BETWEEN CASE WHEN ((:since - interval '1 microsecond') AT TIME ZONE :timezone)::date < (:since AT TIME ZONE :timezone)::date THEN (:since AT TIME ZONE :timezone)::date
    ELSE (:since AT TIME ZONE :timezone)::date + 1 END AND CASE WHEN :until > :as_of THEN (:as_of AT TIME ZONE :timezone)::date
    WHEN (:until AT TIME ZONE :timezone)::date > ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date THEN ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date
    ELSE ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date - 1 END
    UNION ALL SELECT (s.created_at AT TIME ZONE :timezone)::date AS day, s.source AS "source", s.country AS "country", 1 AS n
    FROM (SELECT u.created_at, NOT coalesce(u.is_internal, false) AS counted,
    coalesce(u.signup_source::text, '') AS source, coalesce(u.country::text, '') AS country
    FROM users u WHERE u.created_at >= :since AND u.created_at < least(:until, :since + interval '50 hours')) AS s  WHERE (s.counted) AND (s.created_at AT TIME ZONE :timezone)::date < CASE WHEN ((:since - interval '1 microsecond') AT TIME ZONE :timezone)::date < (:since AT TIME ZONE :timezone)::date THEN (:since AT TIME ZONE :timezone)::date
    ELSE (:since AT TIME ZONE :timezone)::date + 1 END
    UNION ALL SELECT (s.created_at AT TIME ZONE :timezone)::date AS day, s.source AS "source", s.country AS "country", 1 AS n
    FROM (SELECT u.created_at, NOT coalesce(u.is_internal, false) AS counted,
    coalesce(u.signup_source::text, '') AS source, coalesce(u.country::text, '') AS country
    FROM users u WHERE u.created_at >= greatest(:since, :until - interval '50 hours') AND u.created_at < :until) AS s  WHERE (s.counted) AND (s.created_at AT TIME ZONE :timezone)::date >= CASE WHEN ((:since - interval '1 microsecond') AT TIME ZONE :timezone)::date < (:since AT TIME ZONE :timezone)::date THEN (:since AT TIME ZONE :timezone)::date
    ELSE (:since AT TIME ZONE :timezone)::date + 1 END AND (s.created_at AT TIME ZONE :timezone)::date > CASE WHEN :until > :as_of THEN (:as_of AT TIME ZONE :timezone)::date
    WHEN (:until AT TIME ZONE :timezone)::date > ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date THEN ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date
    ELSE ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date - 1 END
  ) AS d) AS r
WHERE NOT :filters ?| ARRAY['tier', 'country', 'characters', 'activity']
GROUP BY 1, 2, 3
UNION ALL
SELECT CASE WHEN :period <> 'all' THEN date_trunc(:period, ((u.created_at AT TIME ZONE :timezone)::date)::timestamp)::date END, CASE WHEN coalesce((u.signup_source)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (u.signup_source)::text = ANY (:kept_signup_source) THEN (u.signup_source)::text ELSE 'other' END, CASE WHEN coalesce((u.country)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (u.country)::text = ANY (:kept_country) THEN (u.country)::text ELSE 'other' END, count(*)
FROM users u JOIN rollup_population p ON p.id = u.user_id
WHERE :filters ?| ARRAY['tier', 'country', 'characters', 'activity'] AND NOT coalesce(u.is_internal, false) AND u.created_at >= :since AND u.created_at < :until AND (NOT :filters ? 'tier' OR :filters -> 'tier' ? (CASE WHEN coalesce((p.tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (p.tier)::text = 'free' THEN 'free'
    WHEN (p.tier)::text = ANY (:kept_tier) THEN (p.tier)::text ELSE 'other' END)) AND (NOT :filters ? 'country' OR :filters -> 'country' ? (CASE WHEN coalesce((p.country)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (p.country)::text = ANY (:kept_country) THEN (p.country)::text ELSE 'other' END)) AND (NOT :filters ? 'characters' OR :filters -> 'characters' ? (p.characters)) AND (NOT :filters ? 'activity' OR :filters -> 'activity' ? (p.activity))
GROUP BY 1, 2, 3;
