-- platform_active_users: plain SQL, which defines it
WITH tier_of AS (
  SELECT DISTINCT ON (s.user_id) s.user_id, CASE WHEN coalesce((s.tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (s.tier)::text = 'free' THEN 'free'
    WHEN (s.tier)::text = ANY (:kept_tier) THEN (s.tier)::text ELSE 'other' END AS tier
  FROM subscriptions s
  WHERE s.started_at <= :as_of AND (s.ended_at IS NULL OR s.ended_at > :as_of) AND s.status IN ('active', 'past_due', 'trialing')
  ORDER BY s.user_id, div(s.amount_minor::numeric * CASE s.interval WHEN 'month' THEN 12 WHEN 'year' THEN 1 WHEN 'week' THEN 52 END * 1e18, (12 * nullif(s.interval_count, 0)) * power(10::numeric, coalesce((:currency_decimals ->> coalesce(nullif(s.currency::text, ''), 'unknown'))::int, 2))) DESC NULLS LAST,
    s.tier::text COLLATE "C"
)
SELECT
  w."window",
  coalesce(t.tier, 'free') AS tier,
  CASE WHEN coalesce((u.country)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (u.country)::text = ANY (:kept_country) THEN (u.country)::text ELSE 'other' END AS country,
  count(DISTINCT x.user_id) AS value
FROM sessions x
JOIN users u USING (user_id)
LEFT JOIN tier_of t USING (user_id)
CROSS JOIN (VALUES ('1d', NULL::timestamptz, :as_of - interval '24 hours'), ('7d', NULL::timestamptz, :as_of - interval '168 hours'), ('30d', NULL::timestamptz, :as_of - interval '720 hours')) AS w("window", since, after)
WHERE NOT u.is_internal AND u.created_at <= :as_of AND (u.deleted_at IS NULL OR u.deleted_at > :as_of) AND x.started_at <= :as_of AND (w.since IS NULL OR x.started_at >= w.since) AND (w.after IS NULL OR x.started_at > w.after)
GROUP BY 1, 2, 3;

-- platform_active_users: from the store
SELECT w."window", CASE WHEN coalesce((tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (tier)::text = 'free' THEN 'free'
    WHEN (tier)::text = ANY (:kept_tier) THEN (tier)::text ELSE 'other' END AS tier, CASE WHEN coalesce((country)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (country)::text = ANY (:kept_country) THEN (country)::text ELSE 'other' END AS country, sum(n) AS value
FROM rollup_active_users
JOIN (VALUES ('1d', 3), ('7d', 2), ('30d', 1)) AS w("window", level) ON rollup_active_users.level >= w.level
WHERE n > 0
GROUP BY 1, 2, 3;

-- platform_active_users: what changed it, for its past
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
tier_span_subscription AS MATERIALIZED (
  SELECT * FROM (
    SELECT s.user_id, CASE WHEN coalesce((s.tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (s.tier)::text = 'free' THEN 'free'
    WHEN (s.tier)::text = ANY (:kept_tier) THEN (s.tier)::text ELSE 'other' END AS tier, 
      row_number() OVER (PARTITION BY s.user_id ORDER BY div(s.amount_minor::numeric * CASE s.interval WHEN 'month' THEN 12 WHEN 'year' THEN 1 WHEN 'week' THEN 52 END * 1e18, (12 * nullif(s.interval_count, 0)) * power(10::numeric, coalesce((:currency_decimals ->> coalesce(nullif(s.currency::text, ''), 'unknown'))::int, 2))) DESC NULLS LAST,
    s.tier::text COLLATE "C") AS place,
      date_bin('1 hour', least(greatest(s.started_at, :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS since, date_bin('1 hour', least(greatest(coalesce(s.ended_at, 'infinity'), :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS until
    FROM subscriptions s
    WHERE s.status IN ('active', 'past_due', 'trialing')
  ) AS seen
  WHERE since < until
),
tier_span_cut AS MATERIALIZED (
  SELECT user_id, at AS since, lead(at, 1, :end) OVER (PARTITION BY user_id ORDER BY at) AS until
  FROM (
    SELECT user_id, since AS at FROM tier_span_subscription
    UNION SELECT user_id, until FROM tier_span_subscription
    UNION SELECT user_id, :epoch FROM tier_span_subscription
  ) AS edge
),
tier_span AS MATERIALIZED (
  SELECT c.user_id, (array_agg(s.tier ORDER BY s.place))[1] AS tier, c.since, c.until
    
  FROM tier_span_cut c
  LEFT JOIN tier_span_subscription s ON s.user_id = c.user_id AND s.since <= c.since AND s.until > c.since
  WHERE c.since < c.until
  GROUP BY c.user_id, c.since, c.until
),
live_tier AS MATERIALIZED (
  SELECT l.user_id, l.country, coalesce(t.tier, 'free') AS tier,
    greatest(l.since, coalesce(t.since, l.since)) AS since, least(l.until, coalesce(t.until, l.until)) AS until
  FROM live l
  LEFT JOIN tier_span t ON t.user_id = l.user_id AND t.since < l.until AND t.until > l.since
),
beat AS MATERIALIZED (
  SELECT user_id, hour, lead(hour, 1, 'infinity') OVER (PARTITION BY user_id ORDER BY hour) AS next
  FROM (
    SELECT DISTINCT user_id, date_bin('1 hour', least(greatest(started_at, :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS hour FROM sessions
    WHERE started_at > :from - interval '720 hours' AND started_at <= :to
  ) AS seen
),
active AS MATERIALIZED (
  SELECT user_id, w."window", hour AS since, least(hour + w.length, next) AS until
  FROM beat CROSS JOIN (VALUES ('1d', interval '24 hours'), ('7d', interval '168 hours'), ('30d', interval '720 hours')) AS w("window", length)
  WHERE hour + w.length > :from
)
SELECT span."window", span."tier", span."country", edge.at, edge.sign * (1) AS value, edge.sign AS n
FROM (SELECT a."window", t.tier, t.country, greatest(a.since, t.since) AS since, least(a.until, t.until) AS until
  FROM active a JOIN live_tier t USING (user_id) OFFSET 0) AS span
CROSS JOIN LATERAL (VALUES (span.since, 1), (span.until, -1)) AS edge(at, sign)
WHERE span.since < span.until;

-- analytics_active_users: over a range
SELECT x.bucket, count(*) AS users
FROM (SELECT DISTINCT CASE WHEN :period <> 'all' THEN date_trunc(:period, ((v.started_at AT TIME ZONE :timezone)::date)::timestamp)::date END AS bucket, v.user_id FROM "sessions" v WHERE v.started_at >= :since AND v.started_at < :until) AS x
JOIN rollup_account u ON u.id = x.user_id
JOIN rollup_population p ON p.id = x.user_id
WHERE NOT u.is_internal AND u.created_at <= :as_of AND (u.deleted_at IS NULL OR u.deleted_at > :as_of) AND (NOT :filters ? 'tier' OR :filters -> 'tier' ? (CASE WHEN coalesce((p.tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (p.tier)::text = 'free' THEN 'free'
    WHEN (p.tier)::text = ANY (:kept_tier) THEN (p.tier)::text ELSE 'other' END)) AND (NOT :filters ? 'country' OR :filters -> 'country' ? (CASE WHEN coalesce((p.country)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (p.country)::text = ANY (:kept_country) THEN (p.country)::text ELSE 'other' END)) AND (NOT :filters ? 'characters' OR :filters -> 'characters' ? (p.characters)) AND (NOT :filters ? 'activity' OR :filters -> 'activity' ? (p.activity))
GROUP BY 1;
