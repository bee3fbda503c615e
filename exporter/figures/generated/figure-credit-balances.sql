-- platform_credit_balance_users: plain SQL, which defines it
WITH balance AS (
  SELECT u.user_id, coalesce(sum(CASE
    WHEN l.kind IN ('purchased', 'granted', 'refunded') THEN l.credits
    WHEN l.kind IN ('consumed', 'expired') THEN -l.credits
  END), 0) AS credits
  FROM users u
  LEFT JOIN credit_ledger l ON l.user_id = u.user_id AND l.created_at <= :as_of
  WHERE NOT u.is_internal AND u.created_at <= :as_of AND (u.deleted_at IS NULL OR u.deleted_at > :as_of)
  GROUP BY u.user_id
)
SELECT
  CASE WHEN credits <= -1 THEN 'debt' WHEN credits <= 0 THEN '0' WHEN credits <= 10 THEN '1-10' WHEN credits <= 50 THEN '11-50' WHEN credits <= 100 THEN '51-100' WHEN credits <= 500 THEN '101-500' WHEN credits <= 1000 THEN '501-1000' WHEN credits <= 5000 THEN '1001-5000' ELSE '5001+' END AS balance,
  count(*) AS value
FROM balance
GROUP BY 1;

-- platform_credit_balance_users: from the store
SELECT balance, n AS value
FROM rollup_balances
WHERE n > 0;

-- platform_credit_balance_users: what changed it, for its past
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
entry AS MATERIALIZED (
  SELECT user_id, hour, sum(credits) AS credits
  FROM (
    SELECT user_id, date_bin('1 hour', least(greatest(created_at, :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS hour, CASE
      WHEN kind IN ('purchased', 'granted', 'refunded') THEN credits
      WHEN kind IN ('consumed', 'expired') THEN -credits
      ELSE 0
    END AS credits
    FROM credit_ledger
    WHERE created_at <= :to
    UNION ALL
    SELECT user_id, since, 0 FROM live
  ) AS entries
  GROUP BY user_id, hour
),
counted AS MATERIALIZED (
  SELECT user_id, sum(credits) OVER earlier AS credits, hour AS since, lead(hour, 1, :end) OVER earlier AS until
  FROM entry
  WINDOW earlier AS (PARTITION BY user_id ORDER BY hour)
),
balance AS MATERIALIZED (
  SELECT c.credits, greatest(c.since, l.since) AS since, least(c.until, l.until) AS until
  FROM counted c JOIN live l USING (user_id)
)
SELECT span."balance", edge.at, edge.sign * (1) AS value, edge.sign AS n
FROM (SELECT since, until,
        CASE WHEN credits <= -1 THEN 'debt' WHEN credits <= 0 THEN '0' WHEN credits <= 10 THEN '1-10' WHEN credits <= 50 THEN '11-50' WHEN credits <= 100 THEN '51-100' WHEN credits <= 500 THEN '101-500' WHEN credits <= 1000 THEN '501-1000' WHEN credits <= 5000 THEN '1001-5000' ELSE '5001+' END AS balance
  FROM balance OFFSET 0) AS span
CROSS JOIN LATERAL (VALUES (span.since, 1), (span.until, -1)) AS edge(at, sign)
WHERE span.since < span.until;

-- platform_credits_outstanding: plain SQL, which defines it
WITH balance AS (
  SELECT u.user_id, coalesce(sum(CASE
    WHEN l.kind IN ('purchased', 'granted', 'refunded') THEN l.credits
    WHEN l.kind IN ('consumed', 'expired') THEN -l.credits
  END), 0) AS credits
  FROM users u
  LEFT JOIN credit_ledger l ON l.user_id = u.user_id AND l.created_at <= :as_of
  WHERE NOT u.is_internal AND u.created_at <= :as_of AND (u.deleted_at IS NULL OR u.deleted_at > :as_of)
  GROUP BY u.user_id
)
SELECT coalesce(sum(credits), 0) AS value
FROM balance;

-- platform_credits_outstanding: from the store
SELECT coalesce(sum(credits), 0) AS value
FROM rollup_balances;

-- platform_credits_outstanding: what changed it, for its past
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
entry AS MATERIALIZED (
  SELECT user_id, hour, sum(credits) AS credits
  FROM (
    SELECT user_id, date_bin('1 hour', least(greatest(created_at, :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS hour, CASE
      WHEN kind IN ('purchased', 'granted', 'refunded') THEN credits
      WHEN kind IN ('consumed', 'expired') THEN -credits
      ELSE 0
    END AS credits
    FROM credit_ledger
    WHERE created_at <= :to
    UNION ALL
    SELECT user_id, since, 0 FROM live
  ) AS entries
  GROUP BY user_id, hour
),
counted AS MATERIALIZED (
  SELECT user_id, sum(credits) OVER earlier AS credits, hour AS since, lead(hour, 1, :end) OVER earlier AS until
  FROM entry
  WINDOW earlier AS (PARTITION BY user_id ORDER BY hour)
),
balance AS MATERIALIZED (
  SELECT c.credits, greatest(c.since, l.since) AS since, least(c.until, l.until) AS until
  FROM counted c JOIN live l USING (user_id)
)
SELECT edge.at, edge.sign * (span.credits) AS value, edge.sign AS n
FROM (SELECT credits, since, until FROM balance OFFSET 0) AS span
CROSS JOIN LATERAL (VALUES (span.since, 1), (span.until, -1)) AS edge(at, sign)
WHERE span.since < span.until;
