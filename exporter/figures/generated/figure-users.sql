-- platform_users: plain SQL, which defines it
WITH tier_of AS (
  SELECT DISTINCT ON (s.user_id) s.user_id, CASE WHEN coalesce((s.tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (s.tier)::text = 'free' THEN 'free'
    WHEN (s.tier)::text = ANY (:kept_tier) THEN (s.tier)::text ELSE 'other' END AS tier
  FROM subscriptions s
  WHERE s.started_at <= :as_of AND (s.ended_at IS NULL OR s.ended_at > :as_of) AND s.status IN ('active', 'past_due', 'trialing')
  ORDER BY s.user_id, div(s.amount_minor::numeric * CASE s.interval WHEN 'month' THEN 12 WHEN 'year' THEN 1 WHEN 'week' THEN 52 END * 1e18, (12 * nullif(s.interval_count, 0)) * power(10::numeric, coalesce((:currency_decimals ->> coalesce(nullif(s.currency::text, ''), 'unknown'))::int, 2))) DESC NULLS LAST,
    s.tier::text COLLATE "C"
),
characters_of AS (
  SELECT user_id, count(*) AS n
  FROM characters
  WHERE created_at <= :as_of AND (deleted_at IS NULL OR deleted_at > :as_of)
  GROUP BY user_id
),
generations_of AS (
  SELECT user_id, count(*) AS n
  FROM generations
  WHERE created_at > :as_of - interval '720 hours' AND created_at <= :as_of
  GROUP BY user_id
)
SELECT
  coalesce(t.tier, 'free') AS tier,
  CASE WHEN coalesce((u.country)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (u.country)::text = ANY (:kept_country) THEN (u.country)::text ELSE 'other' END AS country,
  CASE WHEN coalesce(c.n, 0) <= 0 THEN '0' WHEN coalesce(c.n, 0) <= 1 THEN '1' WHEN coalesce(c.n, 0) <= 5 THEN '2-5' WHEN coalesce(c.n, 0) <= 20 THEN '6-20' ELSE '21+' END AS characters,
  CASE WHEN g.n >= :power THEN 'power' WHEN g.n >= :regular THEN 'regular' WHEN g.n >= :casual THEN 'casual' ELSE 'dormant' END AS activity,
  count(*) AS value
FROM users u
LEFT JOIN tier_of t USING (user_id)
LEFT JOIN characters_of c USING (user_id)
LEFT JOIN generations_of g USING (user_id)
WHERE NOT u.is_internal AND u.created_at <= :as_of AND (u.deleted_at IS NULL OR u.deleted_at > :as_of)
GROUP BY 1, 2, 3, 4;

-- platform_users: from the store
SELECT CASE WHEN coalesce((tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (tier)::text = 'free' THEN 'free'
    WHEN (tier)::text = ANY (:kept_tier) THEN (tier)::text ELSE 'other' END AS tier, CASE WHEN coalesce((country)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (country)::text = ANY (:kept_country) THEN (country)::text ELSE 'other' END AS country, characters, activity, sum(n) AS value
FROM rollup_users
WHERE n > 0
GROUP BY 1, 2, 3, 4;

-- platform_users: what changed it, for its past
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
change AS MATERIALIZED (
  SELECT user_id, hour, sum(characters) AS characters, sum(generations) AS generations
  FROM (
    SELECT c.user_id, edge.hour, edge.sign AS characters, 0 AS generations
    FROM (
      SELECT user_id, date_bin('1 hour', least(greatest(created_at, :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS since, date_bin('1 hour', least(greatest(coalesce(deleted_at, 'infinity'), :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS until
      FROM characters
    ) AS c
    CROSS JOIN LATERAL (VALUES (c.since, 1), (c.until, -1)) AS edge(hour, sign)
    WHERE c.since < c.until
    UNION ALL
    SELECT g.user_id, g.hour + edge.shift, 0, edge.sign
    FROM (
      SELECT user_id, date_bin('1 hour', least(greatest(created_at, :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS hour FROM generations
      WHERE created_at > :from - interval '720 hours' AND created_at <= :to
    ) AS g
    CROSS JOIN (VALUES (interval '0', 1), (interval '720 hours', -1)) AS edge(shift, sign)
    UNION ALL
    SELECT user_id, since, 0, 0 FROM live
  ) AS edges
  GROUP BY user_id, hour
),
counted AS MATERIALIZED (
  SELECT user_id, hour, sum(characters) OVER earlier AS characters, nullif(sum(generations) OVER earlier, 0) AS generations
  FROM change
  WINDOW earlier AS (PARTITION BY user_id ORDER BY hour)
),
named AS MATERIALIZED (
  SELECT user_id, hour,
    CASE WHEN coalesce(characters, 0) <= 0 THEN '0' WHEN coalesce(characters, 0) <= 1 THEN '1' WHEN coalesce(characters, 0) <= 5 THEN '2-5' WHEN coalesce(characters, 0) <= 20 THEN '6-20' ELSE '21+' END AS characters,
    CASE WHEN generations >= :power THEN 'power' WHEN generations >= :regular THEN 'regular' WHEN generations >= :casual THEN 'casual' ELSE 'dormant' END AS activity
  FROM counted
),
turned AS MATERIALIZED (
  SELECT *, (lag(characters) OVER earlier, lag(activity) OVER earlier) IS DISTINCT FROM (characters, activity) AS turns
  FROM named
  WINDOW earlier AS (PARTITION BY user_id ORDER BY hour)
),
state AS MATERIALIZED (
  SELECT user_id, characters, activity, hour AS since, lead(hour, 1, :end) OVER (PARTITION BY user_id ORDER BY hour) AS until
  FROM turned
  WHERE turns
)
SELECT span."tier", span."country", span."characters", span."activity", edge.at, edge.sign * (1) AS value, edge.sign AS n
FROM (SELECT t.tier, t.country, s.characters, s.activity, greatest(s.since, t.since) AS since, least(s.until, t.until) AS until
  FROM state s JOIN live_tier t USING (user_id) OFFSET 0) AS span
CROSS JOIN LATERAL (VALUES (span.since, 1), (span.until, -1)) AS edge(at, sign)
WHERE span.since < span.until;
