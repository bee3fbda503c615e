-- platform_subscriptions: plain SQL, which defines it
SELECT
  CASE WHEN coalesce((s.tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (s.tier)::text = 'free' THEN 'free'
    WHEN (s.tier)::text = ANY (:kept_tier) THEN (s.tier)::text ELSE 'other' END AS tier,
  CASE WHEN (s.status)::text IN ('trialing', 'active', 'past_due', 'paused', 'canceled') THEN (s.status)::text ELSE 'other' END AS status,
  count(*) AS value
FROM subscriptions s
LEFT JOIN users u USING (user_id)
WHERE NOT coalesce(u.is_internal, false) AND s.started_at <= :as_of AND (s.ended_at IS NULL OR s.ended_at > :as_of)
GROUP BY 1, 2;

-- platform_subscriptions: from the store
SELECT CASE WHEN coalesce((s.tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (s.tier)::text = 'free' THEN 'free'
    WHEN (s.tier)::text = ANY (:kept_tier) THEN (s.tier)::text ELSE 'other' END AS tier,
  CASE WHEN (s.status)::text IN ('trialing', 'active', 'past_due', 'paused', 'canceled') THEN (s.status)::text ELSE 'other' END AS status, sum(n) AS value
FROM rollup_subscriptions s
WHERE n > 0
GROUP BY 1, 2;

-- platform_subscriptions: what changed it, for its past
SELECT span."tier", span."status", edge.at, edge.sign * (1) AS value, edge.sign AS n
FROM (
SELECT CASE WHEN coalesce((s.tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (s.tier)::text = 'free' THEN 'free'
    WHEN (s.tier)::text = ANY (:kept_tier) THEN (s.tier)::text ELSE 'other' END AS tier,
  CASE WHEN (s.status)::text IN ('trialing', 'active', 'past_due', 'paused', 'canceled') THEN (s.status)::text ELSE 'other' END AS status, date_bin('1 hour', least(greatest(s.started_at, :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS since, date_bin('1 hour', least(greatest(coalesce(s.ended_at, 'infinity'), :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS until
FROM subscriptions s
LEFT JOIN users u USING (user_id)
WHERE NOT coalesce(u.is_internal, false) AND true OFFSET 0) AS span
CROSS JOIN LATERAL (VALUES (span.since, 1), (span.until, -1)) AS edge(at, sign)
WHERE span.since < span.until;

-- platform_paying_users: plain SQL, which defines it
WITH tier_of AS (
  SELECT DISTINCT ON (s.user_id) s.user_id, CASE WHEN coalesce((s.tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (s.tier)::text = 'free' THEN 'free'
    WHEN (s.tier)::text = ANY (:kept_tier) THEN (s.tier)::text ELSE 'other' END AS tier
  FROM subscriptions s
  WHERE s.started_at <= :as_of AND (s.ended_at IS NULL OR s.ended_at > :as_of) AND s.status IN ('active', 'past_due', 'trialing')
  ORDER BY s.user_id, div(s.amount_minor::numeric * CASE s.interval WHEN 'month' THEN 12 WHEN 'year' THEN 1 WHEN 'week' THEN 52 END * 1e18, (12 * nullif(s.interval_count, 0)) * power(10::numeric, coalesce((:currency_decimals ->> coalesce(nullif(s.currency::text, ''), 'unknown'))::int, 2))) DESC NULLS LAST,
    s.tier::text COLLATE "C"
)
SELECT t.tier, count(DISTINCT s.user_id) AS value
FROM subscriptions s
JOIN tier_of t USING (user_id)
LEFT JOIN users u USING (user_id)
WHERE NOT coalesce(u.is_internal, false) AND s.started_at <= :as_of AND (s.ended_at IS NULL OR s.ended_at > :as_of) AND s.status IN ('active', 'past_due') AND s.amount_minor > 0
GROUP BY 1;

-- platform_paying_users: from the store
SELECT CASE WHEN coalesce((tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (tier)::text = 'free' THEN 'free'
    WHEN (tier)::text = ANY (:kept_tier) THEN (tier)::text ELSE 'other' END AS tier, sum(n) AS value
FROM rollup_paying_users
WHERE n > 0
GROUP BY 1;

-- platform_paying_users: what changed it, for its past
WITH tier_span_subscription AS MATERIALIZED (
  SELECT * FROM (
    SELECT s.user_id, CASE WHEN coalesce((s.tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (s.tier)::text = 'free' THEN 'free'
    WHEN (s.tier)::text = ANY (:kept_tier) THEN (s.tier)::text ELSE 'other' END AS tier, s.status IN ('active', 'past_due') AND s.amount_minor > 0 AS pays, 
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
    , coalesce(bool_or(s.pays), false) AS pays
  FROM tier_span_cut c
  LEFT JOIN tier_span_subscription s ON s.user_id = c.user_id AND s.since <= c.since AND s.until > c.since
  WHERE c.since < c.until
  GROUP BY c.user_id, c.since, c.until
)
SELECT span."tier", edge.at, edge.sign * (1) AS value, edge.sign AS n
FROM (SELECT t.tier, t.since, t.until FROM tier_span t LEFT JOIN users u USING (user_id) WHERE NOT coalesce(u.is_internal, false) AND t.pays OFFSET 0) AS span
CROSS JOIN LATERAL (VALUES (span.since, 1), (span.until, -1)) AS edge(at, sign)
WHERE span.since < span.until;

-- platform_mrr: plain SQL, which defines it
SELECT
  coalesce(nullif(s.currency::text, ''), 'unknown') AS currency,
  CASE WHEN coalesce((s.tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (s.tier)::text = 'free' THEN 'free'
    WHEN (s.tier)::text = ANY (:kept_tier) THEN (s.tier)::text ELSE 'other' END AS tier,
  sum(round(s.amount_minor::numeric * CASE s.interval WHEN 'month' THEN 12 WHEN 'year' THEN 1 WHEN 'week' THEN 52 END / (12 * nullif(s.interval_count, 0)))) / power(10::numeric, coalesce((:currency_decimals ->> coalesce(nullif(s.currency::text, ''), 'unknown'))::int, 2)) AS value
FROM subscriptions s
LEFT JOIN users u USING (user_id)
WHERE NOT coalesce(u.is_internal, false) AND s.started_at <= :as_of AND (s.ended_at IS NULL OR s.ended_at > :as_of) AND s.status IN ('active', 'past_due')
GROUP BY coalesce(nullif(s.currency::text, ''), 'unknown'), 2;

-- platform_mrr: from the store
SELECT s.currency, CASE WHEN coalesce((s.tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (s.tier)::text = 'free' THEN 'free'
    WHEN (s.tier)::text = ANY (:kept_tier) THEN (s.tier)::text ELSE 'other' END AS tier, sum(s.monthly_minor) / power(10::numeric, coalesce((:currency_decimals ->> s.currency)::int, 2)) AS value
FROM rollup_mrr s
WHERE n > 0
GROUP BY 1, 2;

-- platform_mrr: what changed it, for its past
SELECT span."currency", span."tier", edge.at, edge.sign * (span.minor) AS value, edge.sign AS n
FROM (
SELECT coalesce(nullif(s.currency::text, ''), 'unknown') AS currency, CASE WHEN coalesce((s.tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (s.tier)::text = 'free' THEN 'free'
    WHEN (s.tier)::text = ANY (:kept_tier) THEN (s.tier)::text ELSE 'other' END AS tier, coalesce(round(s.amount_minor::numeric * CASE s.interval WHEN 'month' THEN 12 WHEN 'year' THEN 1 WHEN 'week' THEN 52 END / (12 * nullif(s.interval_count, 0))), 0) AS minor, date_bin('1 hour', least(greatest(s.started_at, :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS since, date_bin('1 hour', least(greatest(coalesce(s.ended_at, 'infinity'), :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS until
FROM subscriptions s
LEFT JOIN users u USING (user_id)
WHERE NOT coalesce(u.is_internal, false) AND s.status IN ('active', 'past_due') OFFSET 0) AS span
CROSS JOIN LATERAL (VALUES (span.since, 1), (span.until, -1)) AS edge(at, sign)
WHERE span.since < span.until;
