-- platform_subscribers_at_start: plain SQL, which defines it
WITH subscriber AS (
  SELECT DISTINCT ON (s.user_id) s.user_id, CASE WHEN coalesce((s.tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (s.tier)::text = 'free' THEN 'free'
    WHEN (s.tier)::text = ANY (:kept_tier) THEN (s.tier)::text ELSE 'other' END AS tier
  FROM subscriptions s
  LEFT JOIN users u USING (user_id)
  WHERE NOT coalesce(u.is_internal, false) AND s.started_at <= (:as_of - interval '720 hours') AND (s.ended_at IS NULL OR s.ended_at > (:as_of - interval '720 hours')) AND s.status <> 'trialing'
  ORDER BY s.user_id, div(s.amount_minor::numeric * CASE s.interval WHEN 'month' THEN 12 WHEN 'year' THEN 1 WHEN 'week' THEN 52 END * 1e18, (12 * nullif(s.interval_count, 0)) * power(10::numeric, coalesce((:currency_decimals ->> coalesce(nullif(s.currency::text, ''), 'unknown'))::int, 2))) DESC NULLS LAST,
    s.tier::text COLLATE "C"
)
SELECT tier, '30d' AS "window", count(*) AS value
FROM subscriber
GROUP BY 1;

-- platform_subscribers_at_start: from the store
SELECT CASE WHEN coalesce((tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (tier)::text = 'free' THEN 'free'
    WHEN (tier)::text = ANY (:kept_tier) THEN (tier)::text ELSE 'other' END AS tier, '30d' AS "window", sum(n) AS value
FROM rollup_subscribers_at_start
WHERE n > 0
GROUP BY 1;

-- platform_subscribers_at_start: what changed it, for its past
WITH tier_span_subscription AS MATERIALIZED (
  SELECT * FROM (
    SELECT s.user_id, CASE WHEN coalesce((s.tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (s.tier)::text = 'free' THEN 'free'
    WHEN (s.tier)::text = ANY (:kept_tier) THEN (s.tier)::text ELSE 'other' END AS tier, 
      row_number() OVER (PARTITION BY s.user_id ORDER BY div(s.amount_minor::numeric * CASE s.interval WHEN 'month' THEN 12 WHEN 'year' THEN 1 WHEN 'week' THEN 52 END * 1e18, (12 * nullif(s.interval_count, 0)) * power(10::numeric, coalesce((:currency_decimals ->> coalesce(nullif(s.currency::text, ''), 'unknown'))::int, 2))) DESC NULLS LAST,
    s.tier::text COLLATE "C") AS place,
      date_bin('1 hour', least(greatest(s.started_at, :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS since, date_bin('1 hour', least(greatest(coalesce(s.ended_at, 'infinity'), :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS until
    FROM subscriptions s
    WHERE s.status <> 'trialing'
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
subscriber AS MATERIALIZED (
  SELECT t.user_id, t.tier, t.since + interval '720 hours' AS since, t.until + interval '720 hours' AS until
  FROM tier_span t
  LEFT JOIN users u USING (user_id)
  WHERE NOT coalesce(u.is_internal, false) AND t.tier IS NOT NULL
)
SELECT span."tier", span."window", edge.at, edge.sign * (1) AS value, edge.sign AS n
FROM (SELECT tier, '30d' AS "window", since, until FROM subscriber OFFSET 0) AS span
CROSS JOIN LATERAL (VALUES (span.since, 1), (span.until, -1)) AS edge(at, sign)
WHERE span.since < span.until;

-- platform_churned_subscribers: plain SQL, which defines it
WITH subscriber AS (
  SELECT DISTINCT ON (s.user_id) s.user_id, CASE WHEN coalesce((s.tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (s.tier)::text = 'free' THEN 'free'
    WHEN (s.tier)::text = ANY (:kept_tier) THEN (s.tier)::text ELSE 'other' END AS tier
  FROM subscriptions s
  LEFT JOIN users u USING (user_id)
  WHERE NOT coalesce(u.is_internal, false) AND s.started_at <= (:as_of - interval '720 hours') AND (s.ended_at IS NULL OR s.ended_at > (:as_of - interval '720 hours')) AND s.status <> 'trialing'
  ORDER BY s.user_id, div(s.amount_minor::numeric * CASE s.interval WHEN 'month' THEN 12 WHEN 'year' THEN 1 WHEN 'week' THEN 52 END * 1e18, (12 * nullif(s.interval_count, 0)) * power(10::numeric, coalesce((:currency_decimals ->> coalesce(nullif(s.currency::text, ''), 'unknown'))::int, 2))) DESC NULLS LAST,
    s.tier::text COLLATE "C"
)
SELECT tier, '30d' AS "window", count(*) FILTER (WHERE NOT EXISTS (
  SELECT FROM subscriptions s WHERE s.user_id = subscriber.user_id AND s.started_at <= :as_of AND (s.ended_at IS NULL OR s.ended_at > :as_of)
)) AS value
FROM subscriber
GROUP BY 1;

-- platform_churned_subscribers: from the store
SELECT CASE WHEN coalesce((tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (tier)::text = 'free' THEN 'free'
    WHEN (tier)::text = ANY (:kept_tier) THEN (tier)::text ELSE 'other' END AS tier, '30d' AS "window", sum(churned) AS value
FROM rollup_subscribers_at_start
WHERE n > 0
GROUP BY 1;

-- platform_churned_subscribers: what changed it, for its past
WITH tier_span_subscription AS MATERIALIZED (
  SELECT * FROM (
    SELECT s.user_id, CASE WHEN coalesce((s.tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (s.tier)::text = 'free' THEN 'free'
    WHEN (s.tier)::text = ANY (:kept_tier) THEN (s.tier)::text ELSE 'other' END AS tier, 
      row_number() OVER (PARTITION BY s.user_id ORDER BY div(s.amount_minor::numeric * CASE s.interval WHEN 'month' THEN 12 WHEN 'year' THEN 1 WHEN 'week' THEN 52 END * 1e18, (12 * nullif(s.interval_count, 0)) * power(10::numeric, coalesce((:currency_decimals ->> coalesce(nullif(s.currency::text, ''), 'unknown'))::int, 2))) DESC NULLS LAST,
    s.tier::text COLLATE "C") AS place,
      date_bin('1 hour', least(greatest(s.started_at, :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS since, date_bin('1 hour', least(greatest(coalesce(s.ended_at, 'infinity'), :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS until
    FROM subscriptions s
    WHERE s.status <> 'trialing'
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
subscriber AS MATERIALIZED (
  SELECT t.user_id, t.tier, t.since + interval '720 hours' AS since, t.until + interval '720 hours' AS until
  FROM tier_span t
  LEFT JOIN users u USING (user_id)
  WHERE NOT coalesce(u.is_internal, false) AND t.tier IS NOT NULL
),
ended AS MATERIALIZED (
  SELECT user_id, reached AS since, lead(since, 1, :end) OVER (PARTITION BY user_id ORDER BY since, reached) AS until
  FROM (
    SELECT user_id, since, max(until) OVER (PARTITION BY user_id ORDER BY since, until) AS reached
    FROM (
      SELECT * FROM (
      SELECT user_id, date_bin('1 hour', least(greatest(started_at, :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS since, date_bin('1 hour', least(greatest(coalesce(ended_at, 'infinity'), :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS until
      FROM subscriptions
    ) AS run
    WHERE since < until
    UNION ALL SELECT DISTINCT user_id, :epoch, :epoch FROM subscriptions
    ) AS runs
  ) AS reaching
)
SELECT tier, "window", at, 0 AS value, n FROM (
  SELECT span."tier", span."window", edge.at, edge.sign * (1) AS value, edge.sign AS n
FROM (SELECT tier, '30d' AS "window", since, until FROM subscriber OFFSET 0) AS span
CROSS JOIN LATERAL (VALUES (span.since, 1), (span.until, -1)) AS edge(at, sign)
WHERE span.since < span.until
) AS subscribing
UNION ALL
SELECT tier, "window", at, value, 0 FROM (
  SELECT span."tier", span."window", edge.at, edge.sign * (1) AS value, edge.sign AS n
FROM (SELECT s.tier, '30d' AS "window", greatest(s.since, e.since) AS since, least(s.until, e.until) AS until
    FROM subscriber s JOIN ended e USING (user_id) OFFSET 0) AS span
CROSS JOIN LATERAL (VALUES (span.since, 1), (span.until, -1)) AS edge(at, sign)
WHERE span.since < span.until
) AS churning;
