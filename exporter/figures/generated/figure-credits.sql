-- platform_credits: plain SQL, which defines it
SELECT l.kind, w."window", sum(l.credits) AS value
FROM credit_ledger l
LEFT JOIN users u USING (user_id)
CROSS JOIN (VALUES ('today', least(
    date_trunc('day', :as_of, :timezone),
    (date_trunc('day', :as_of AT TIME ZONE :timezone) - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour'), NULL::timestamptz), ('week', least(
    date_trunc('week', :as_of, :timezone),
    (date_trunc('week', :as_of AT TIME ZONE :timezone) - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour'), NULL::timestamptz), ('month', least(
    date_trunc('month', :as_of, :timezone),
    (date_trunc('month', :as_of AT TIME ZONE :timezone) - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour'), NULL::timestamptz), ('ever', NULL::timestamptz, NULL::timestamptz)) AS w("window", since, after)
WHERE NOT coalesce(u.is_internal, false) AND l.kind IN ('purchased', 'consumed', 'granted', 'refunded', 'expired') AND l.created_at <= :as_of AND (w.since IS NULL OR l.created_at >= w.since) AND (w.after IS NULL OR l.created_at > w.after)
GROUP BY 1, 2;

-- platform_credits: from the store
SELECT kind, "window", sum(credits) AS value
FROM (SELECT 'today' AS "window", "kind", n, credits FROM rollup_credits WHERE grain = 2 AND day >= date_trunc('day', :as_of AT TIME ZONE :timezone)::date
  UNION ALL SELECT 'week' AS "window", "kind", n, credits FROM rollup_credits WHERE grain = 2 AND day >= date_trunc('week', :as_of AT TIME ZONE :timezone)::date
  UNION ALL SELECT 'month' AS "window", "kind", n, credits FROM rollup_credits WHERE grain = 2 AND day >= date_trunc('month', :as_of AT TIME ZONE :timezone)::date
  UNION ALL SELECT 'ever' AS "window", "kind", n, credits FROM rollup_credits WHERE grain = 0) AS r
WHERE n > 0 AND kind IN ('purchased', 'consumed', 'granted', 'refunded', 'expired')
GROUP BY 1, 2;

-- platform_credits: what changed it, for its past
WITH cell AS MATERIALIZED (
  SELECT "kind", date_bin('15 minutes', greatest(at, :epoch), :epoch) AS quarter, date_bin('1 hour', least(greatest(at, :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS hour,
    sum(value) AS value, count(*) AS n
  FROM (
SELECT l.kind, l.created_at AS at, l.credits AS value
FROM credit_ledger l
LEFT JOIN users u USING (user_id)
WHERE NOT coalesce(u.is_internal, false) AND l.kind IN ('purchased', 'consumed', 'granted', 'refunded', 'expired')) AS fact
  WHERE at <= :to
  GROUP BY "kind", quarter, hour),
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
SELECT cell."kind", 'ever' AS "window", cell.hour AS at, value, n FROM cell
UNION ALL
SELECT cell."kind", q."window", edge.at, edge.sign * value, edge.sign * n
FROM cell
JOIN quarter_in q USING (quarter)
CROSS JOIN LATERAL (VALUES (cell.hour, 1), (q.until, -1)) AS edge(at, sign)
WHERE edge.at IS NOT NULL;

-- analytics_credits: over a range
SELECT bucket, kind, sum(credits) AS credits
FROM (SELECT CASE WHEN :period <> 'all' THEN date_trunc(:period, (day)::timestamp)::date END AS bucket, "kind", n, credits FROM (
    SELECT day, "kind", n, credits FROM rollup_credits
    WHERE grain = 2 AND day BETWEEN CASE WHEN ((:since - interval '1 microsecond') AT TIME ZONE :timezone)::date < (:since AT TIME ZONE :timezone)::date THEN (:since AT TIME ZONE :timezone)::date
    ELSE (:since AT TIME ZONE :timezone)::date + 1 END AND CASE WHEN :until > :as_of THEN (:as_of AT TIME ZONE :timezone)::date
    WHEN (:until AT TIME ZONE :timezone)::date > ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date THEN ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date
    ELSE ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date - 1 END
    UNION ALL SELECT (s.created_at AT TIME ZONE :timezone)::date AS day, s.kind AS "kind", 1 AS n, coalesce(s.credits, 0) AS credits
    FROM (SELECT 1 AS sign, v."entry_id", v."user_id", v."created_at", v."kind", v."credits", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "credit_ledger" WHERE created_at >= :since AND created_at < least(:until, :since + interval '50 hours')) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id) AS s  WHERE (s.counted) AND (s.created_at AT TIME ZONE :timezone)::date < CASE WHEN ((:since - interval '1 microsecond') AT TIME ZONE :timezone)::date < (:since AT TIME ZONE :timezone)::date THEN (:since AT TIME ZONE :timezone)::date
    ELSE (:since AT TIME ZONE :timezone)::date + 1 END
    UNION ALL SELECT (s.created_at AT TIME ZONE :timezone)::date AS day, s.kind AS "kind", 1 AS n, coalesce(s.credits, 0) AS credits
    FROM (SELECT 1 AS sign, v."entry_id", v."user_id", v."created_at", v."kind", v."credits", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "credit_ledger" WHERE created_at >= greatest(:since, :until - interval '50 hours') AND created_at < :until) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id) AS s  WHERE (s.counted) AND (s.created_at AT TIME ZONE :timezone)::date >= CASE WHEN ((:since - interval '1 microsecond') AT TIME ZONE :timezone)::date < (:since AT TIME ZONE :timezone)::date THEN (:since AT TIME ZONE :timezone)::date
    ELSE (:since AT TIME ZONE :timezone)::date + 1 END AND (s.created_at AT TIME ZONE :timezone)::date > CASE WHEN :until > :as_of THEN (:as_of AT TIME ZONE :timezone)::date
    WHEN (:until AT TIME ZONE :timezone)::date > ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date THEN ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date
    ELSE ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date - 1 END
  ) AS d) AS r
WHERE kind IN ('purchased', 'consumed', 'granted', 'refunded', 'expired')
GROUP BY 1, 2;
