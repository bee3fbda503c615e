-- platform_retention_users: plain SQL, which defines it
WITH signup AS (
  SELECT u.user_id, (u.created_at AT TIME ZONE :timezone)::date AS day
  FROM users u
  WHERE NOT coalesce(u.is_internal, false) AND u.created_at <= :as_of
),
cohort AS (
  SELECT h.horizon, h.days, max(signup.day) AS day
  FROM (VALUES ('d1', 1), ('d7', 7), ('d30', 30)) AS h(horizon, days)
  JOIN signup ON signup.day + h.days < (:as_of AT TIME ZONE :timezone)::date
  GROUP BY 1, 2
)
SELECT cohort.horizon, count(*) AS value
FROM cohort
JOIN signup USING (day)
GROUP BY 1;

-- platform_retention_users: from the store
WITH newest AS (
  SELECT DISTINCT ON (h.horizon) h.horizon, c.n, c.d1, c.d7, c.d30
  FROM (VALUES ('d1', 1), ('d7', 7), ('d30', 30)) AS h(horizon, days)
  JOIN rollup_cohorts c ON c.day < (:as_of AT TIME ZONE :timezone)::date - h.days
  WHERE c.n > 0
  ORDER BY h.horizon, c.day DESC
)
SELECT horizon, n AS value FROM newest;

-- platform_retention_users: what changed it, for its past
WITH signup AS MATERIALIZED (
  SELECT u.user_id, u.created_at, (u.created_at AT TIME ZONE :timezone)::date AS day
  FROM users u
  WHERE NOT coalesce(u.is_internal, false) AND u.created_at <= :to
),
local_day AS MATERIALIZED (
  SELECT day, min(at) AS since, lead(min(at), 1, :end) OVER (ORDER BY day) AS until
  FROM (
    SELECT at, (at AT TIME ZONE :timezone)::date AS day FROM generate_series(:from, :to, interval '1 hour') AS hour(at)
  ) AS hours
  GROUP BY day
),
cohort AS MATERIALIZED (SELECT day, count(*) AS users FROM signup GROUP BY day),
shown AS MATERIALIZED (
  SELECT h.horizon, h.days, newest.day, newest.users, d.since, d.until
  FROM local_day d
  CROSS JOIN (VALUES ('d1', 1), ('d7', 7), ('d30', 30)) AS h(horizon, days)
  CROSS JOIN LATERAL (
    SELECT c.day, c.users FROM cohort c WHERE c.day + h.days < d.day ORDER BY c.day DESC LIMIT 1
  ) AS newest
)
SELECT span."horizon", edge.at, edge.sign * (span.users) AS value, edge.sign AS n
FROM (SELECT horizon, users, since, until FROM shown OFFSET 0) AS span
CROSS JOIN LATERAL (VALUES (span.since, 1), (span.until, -1)) AS edge(at, sign)
WHERE span.since < span.until;

-- platform_retained_users: plain SQL, which defines it
WITH signup AS (
  SELECT u.user_id, (u.created_at AT TIME ZONE :timezone)::date AS day
  FROM users u
  WHERE NOT coalesce(u.is_internal, false) AND u.created_at <= :as_of
),
cohort AS (
  SELECT h.horizon, h.days, max(signup.day) AS day
  FROM (VALUES ('d1', 1), ('d7', 7), ('d30', 30)) AS h(horizon, days)
  JOIN signup ON signup.day + h.days < (:as_of AT TIME ZONE :timezone)::date
  GROUP BY 1, 2
)
SELECT cohort.horizon, count(*) FILTER (WHERE EXISTS (
  SELECT FROM sessions x
  WHERE x.user_id = signup.user_id AND x.started_at <= :as_of
    AND (x.started_at AT TIME ZONE :timezone)::date = cohort.day + cohort.days
)) AS value
FROM cohort
JOIN signup USING (day)
GROUP BY 1;

-- platform_retained_users: from the store
WITH newest AS (
  SELECT DISTINCT ON (h.horizon) h.horizon, c.n, c.d1, c.d7, c.d30
  FROM (VALUES ('d1', 1), ('d7', 7), ('d30', 30)) AS h(horizon, days)
  JOIN rollup_cohorts c ON c.day < (:as_of AT TIME ZONE :timezone)::date - h.days
  WHERE c.n > 0
  ORDER BY h.horizon, c.day DESC
)
SELECT horizon, CASE horizon WHEN 'd1' THEN d1 WHEN 'd7' THEN d7 WHEN 'd30' THEN d30 END AS value FROM newest;

-- platform_retained_users: what changed it, for its past
WITH signup AS MATERIALIZED (
  SELECT u.user_id, u.created_at, (u.created_at AT TIME ZONE :timezone)::date AS day
  FROM users u
  WHERE NOT coalesce(u.is_internal, false) AND u.created_at <= :to
),
local_day AS MATERIALIZED (
  SELECT day, min(at) AS since, lead(min(at), 1, :end) OVER (ORDER BY day) AS until
  FROM (
    SELECT at, (at AT TIME ZONE :timezone)::date AS day FROM generate_series(:from, :to, interval '1 hour') AS hour(at)
  ) AS hours
  GROUP BY day
),
cohort AS MATERIALIZED (SELECT day, count(*) AS users FROM signup GROUP BY day),
shown AS MATERIALIZED (
  SELECT h.horizon, h.days, newest.day, newest.users, d.since, d.until
  FROM local_day d
  CROSS JOIN (VALUES ('d1', 1), ('d7', 7), ('d30', 30)) AS h(horizon, days)
  CROSS JOIN LATERAL (
    SELECT c.day, c.users FROM cohort c WHERE c.day + h.days < d.day ORDER BY c.day DESC LIMIT 1
  ) AS newest
),
came AS MATERIALIZED (
  SELECT s.day, (x.started_at AT TIME ZONE :timezone)::date - s.day AS days, count(DISTINCT s.user_id) AS users
  FROM signup s
  JOIN sessions x ON x.user_id = s.user_id AND x.started_at BETWEEN s.created_at - interval '2 days' AND s.created_at + interval '33 days'
  WHERE x.started_at <= :to
  GROUP BY 1, 2
)
SELECT span."horizon", edge.at, edge.sign * (span.users) AS value, edge.sign AS n
FROM (SELECT shown.horizon, coalesce(came.users, 0) AS users, shown.since, shown.until
  FROM shown LEFT JOIN came ON came.day = shown.day AND came.days = shown.days OFFSET 0) AS span
CROSS JOIN LATERAL (VALUES (span.since, 1), (span.until, -1)) AS edge(at, sign)
WHERE span.since < span.until;

-- analytics_retention: over a range
WITH signup AS MATERIALIZED (
  SELECT u.user_id, u.created_at, CASE WHEN :period <> 'all' THEN date_trunc(:period, ((u.created_at AT TIME ZONE :timezone)::date)::timestamp)::date END AS cohort
  FROM users u JOIN rollup_population p ON p.id = u.user_id
  WHERE NOT coalesce(u.is_internal, false) AND u.created_at >= :since AND u.created_at < :until + interval '33 days'
    AND u.created_at <= :as_of AND (NOT :filters ? 'tier' OR :filters -> 'tier' ? (CASE WHEN coalesce((p.tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (p.tier)::text = 'free' THEN 'free'
    WHEN (p.tier)::text = ANY (:kept_tier) THEN (p.tier)::text ELSE 'other' END)) AND (NOT :filters ? 'country' OR :filters -> 'country' ? (CASE WHEN coalesce((p.country)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (p.country)::text = ANY (:kept_country) THEN (p.country)::text ELSE 'other' END)) AND (NOT :filters ? 'characters' OR :filters -> 'characters' ? (p.characters)) AND (NOT :filters ? 'activity' OR :filters -> 'activity' ? (p.activity))
),
chosen AS MATERIALIZED (
  SELECT * FROM signup WHERE least((cohort)::timestamp AT TIME ZONE :timezone,
    ((cohort)::timestamp - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour') >= :since AND least((cohort)::timestamp AT TIME ZONE :timezone,
    ((cohort)::timestamp - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour') < :until
),
came AS (
  SELECT cohort, user_id, CASE :period WHEN 'day' THEN came - cohort WHEN 'week' THEN (came - cohort) / 7
    ELSE ((extract(year FROM came) - extract(year FROM cohort)) * 12
      + extract(month FROM came) - extract(month FROM cohort))::int END AS number
  FROM (
    SELECT c.cohort, c.user_id, CASE WHEN :period <> 'all' THEN date_trunc(:period, ((x.started_at AT TIME ZONE :timezone)::date)::timestamp)::date END AS came
    FROM chosen c JOIN sessions x ON x.user_id = c.user_id
      AND x.started_at >= c.created_at - interval '33 days' AND x.started_at <= :as_of
  ) AS session
  WHERE came >= cohort
  GROUP BY 1, 2, 3
),
retained AS (SELECT cohort, number, count(*) AS n FROM came GROUP BY 1, 2)
SELECT c.cohort, c.users, i.number, coalesce(r.n, 0) AS retained
FROM (SELECT cohort, count(*) AS users FROM chosen GROUP BY 1) AS c
CROSS JOIN generate_series(0, CASE :period WHEN 'day' THEN 30 ELSE 12 END) AS i(number)
LEFT JOIN retained r ON r.cohort = c.cohort AND r.number = i.number
WHERE (c.cohort + i.number * ('1 ' || :period)::interval)::date < CASE WHEN :period <> 'all' THEN date_trunc(:period, ((:as_of AT TIME ZONE :timezone)::date)::timestamp)::date END;
