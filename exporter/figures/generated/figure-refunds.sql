-- platform_refunds: plain SQL, which defines it
SELECT coalesce(nullif(r.currency::text, ''), 'unknown') AS currency, w."window", count(*) AS value 
FROM refunds r
LEFT JOIN users u USING (user_id)
CROSS JOIN (VALUES ('today', least(
    date_trunc('day', :as_of, :timezone),
    (date_trunc('day', :as_of AT TIME ZONE :timezone) - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour'), NULL::timestamptz), ('week', least(
    date_trunc('week', :as_of, :timezone),
    (date_trunc('week', :as_of AT TIME ZONE :timezone) - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour'), NULL::timestamptz), ('month', least(
    date_trunc('month', :as_of, :timezone),
    (date_trunc('month', :as_of AT TIME ZONE :timezone) - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour'), NULL::timestamptz), ('30d', NULL::timestamptz, :as_of - interval '720 hours'), ('ever', NULL::timestamptz, NULL::timestamptz)) AS w("window", since, after)
WHERE NOT coalesce(u.is_internal, false) AND r.refunded_at <= :as_of AND (w.since IS NULL OR r.refunded_at >= w.since) AND (w.after IS NULL OR r.refunded_at > w.after)
GROUP BY coalesce(nullif(r.currency::text, ''), 'unknown'), w."window";

-- platform_refunds: from the store
SELECT currency, "window", sum(n) AS value 
FROM (SELECT 'today' AS "window", "currency", n, amount_minor FROM rollup_refunds WHERE grain = 2 AND day >= date_trunc('day', :as_of AT TIME ZONE :timezone)::date
  UNION ALL SELECT 'week' AS "window", "currency", n, amount_minor FROM rollup_refunds WHERE grain = 2 AND day >= date_trunc('week', :as_of AT TIME ZONE :timezone)::date
  UNION ALL SELECT 'month' AS "window", "currency", n, amount_minor FROM rollup_refunds WHERE grain = 2 AND day >= date_trunc('month', :as_of AT TIME ZONE :timezone)::date
  UNION ALL SELECT '30d' AS "window", "currency", n, amount_minor FROM rollup_refunds WHERE grain = 2 AND day > ((date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date 
  UNION ALL SELECT '30d' AS "window", "currency", n, amount_minor FROM rollup_refunds WHERE grain = 3 AND day = ((date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date AND hour >= (date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour')
  UNION ALL SELECT '30d' AS "window", coalesce(nullif(s.currency::text, ''), 'unknown') AS "currency", 1 AS n, coalesce(s.amount_minor, 0) AS amount_minor
    FROM (SELECT 1 AS sign, v."refund_id", v."payment_id", v."user_id", v."refunded_at", v."amount_minor", v."currency", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "refunds" WHERE refunded_at > (:as_of - interval '720 hours') AND refunded_at < (date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour')) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id) AS s  WHERE s.counted
  UNION ALL SELECT 'ever' AS "window", "currency", n, amount_minor FROM rollup_refunds WHERE grain = 0) AS r
WHERE n > 0
GROUP BY currency, "window";

-- platform_refunds: what changed it, for its past
WITH cell AS MATERIALIZED (
  SELECT "currency", date_bin('15 minutes', greatest(at, :epoch), :epoch) AS quarter, date_bin('1 hour', least(greatest(at, :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS hour,
    sum(value) AS value, count(*) AS n
  FROM (
SELECT coalesce(nullif(r.currency::text, ''), 'unknown') AS currency, r.refunded_at AS at, 1 AS value
FROM refunds r
LEFT JOIN users u USING (user_id)
WHERE NOT coalesce(u.is_internal, false)) AS fact
  WHERE at <= :to
  GROUP BY "currency", quarter, hour),
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
SELECT cell."currency", 'ever' AS "window", cell.hour AS at, value, n FROM cell
UNION ALL
SELECT cell."currency", edge."window", cell.hour + edge.shift, edge.sign * value, edge.sign * n
FROM cell CROSS JOIN (VALUES ('30d', interval '0', 1), ('30d', interval '720 hours', -1)) AS edge("window", shift, sign)
UNION ALL
SELECT cell."currency", q."window", edge.at, edge.sign * value, edge.sign * n
FROM cell
JOIN quarter_in q USING (quarter)
CROSS JOIN LATERAL (VALUES (cell.hour, 1), (q.until, -1)) AS edge(at, sign)
WHERE edge.at IS NOT NULL;

-- platform_refund_amount: plain SQL, which defines it
SELECT coalesce(nullif(r.currency::text, ''), 'unknown') AS currency, w."window", sum(r.amount_minor) / power(10::numeric, coalesce((:currency_decimals ->> coalesce(nullif(r.currency::text, ''), 'unknown'))::int, 2)) AS value 
FROM refunds r
LEFT JOIN users u USING (user_id)
CROSS JOIN (VALUES ('today', least(
    date_trunc('day', :as_of, :timezone),
    (date_trunc('day', :as_of AT TIME ZONE :timezone) - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour'), NULL::timestamptz), ('week', least(
    date_trunc('week', :as_of, :timezone),
    (date_trunc('week', :as_of AT TIME ZONE :timezone) - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour'), NULL::timestamptz), ('month', least(
    date_trunc('month', :as_of, :timezone),
    (date_trunc('month', :as_of AT TIME ZONE :timezone) - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour'), NULL::timestamptz), ('30d', NULL::timestamptz, :as_of - interval '720 hours'), ('ever', NULL::timestamptz, NULL::timestamptz)) AS w("window", since, after)
WHERE NOT coalesce(u.is_internal, false) AND r.refunded_at <= :as_of AND (w.since IS NULL OR r.refunded_at >= w.since) AND (w.after IS NULL OR r.refunded_at > w.after)
GROUP BY coalesce(nullif(r.currency::text, ''), 'unknown'), w."window";

-- platform_refund_amount: from the store
SELECT currency, "window", sum(amount_minor) / power(10::numeric, coalesce((:currency_decimals ->> currency)::int, 2)) AS value 
FROM (SELECT 'today' AS "window", "currency", n, amount_minor FROM rollup_refunds WHERE grain = 2 AND day >= date_trunc('day', :as_of AT TIME ZONE :timezone)::date
  UNION ALL SELECT 'week' AS "window", "currency", n, amount_minor FROM rollup_refunds WHERE grain = 2 AND day >= date_trunc('week', :as_of AT TIME ZONE :timezone)::date
  UNION ALL SELECT 'month' AS "window", "currency", n, amount_minor FROM rollup_refunds WHERE grain = 2 AND day >= date_trunc('month', :as_of AT TIME ZONE :timezone)::date
  UNION ALL SELECT '30d' AS "window", "currency", n, amount_minor FROM rollup_refunds WHERE grain = 2 AND day > ((date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date 
  UNION ALL SELECT '30d' AS "window", "currency", n, amount_minor FROM rollup_refunds WHERE grain = 3 AND day = ((date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date AND hour >= (date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour')
  UNION ALL SELECT '30d' AS "window", coalesce(nullif(s.currency::text, ''), 'unknown') AS "currency", 1 AS n, coalesce(s.amount_minor, 0) AS amount_minor
    FROM (SELECT 1 AS sign, v."refund_id", v."payment_id", v."user_id", v."refunded_at", v."amount_minor", v."currency", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "refunds" WHERE refunded_at > (:as_of - interval '720 hours') AND refunded_at < (date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour')) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id) AS s  WHERE s.counted
  UNION ALL SELECT 'ever' AS "window", "currency", n, amount_minor FROM rollup_refunds WHERE grain = 0) AS r
WHERE n > 0
GROUP BY currency, "window";

-- platform_refund_amount: what changed it, for its past
WITH cell AS MATERIALIZED (
  SELECT "currency", date_bin('15 minutes', greatest(at, :epoch), :epoch) AS quarter, date_bin('1 hour', least(greatest(at, :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS hour,
    sum(value) AS value, count(*) AS n
  FROM (
SELECT coalesce(nullif(r.currency::text, ''), 'unknown') AS currency, r.refunded_at AS at, r.amount_minor AS value
FROM refunds r
LEFT JOIN users u USING (user_id)
WHERE NOT coalesce(u.is_internal, false)) AS fact
  WHERE at <= :to
  GROUP BY "currency", quarter, hour),
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
SELECT cell."currency", 'ever' AS "window", cell.hour AS at, value, n FROM cell
UNION ALL
SELECT cell."currency", edge."window", cell.hour + edge.shift, edge.sign * value, edge.sign * n
FROM cell CROSS JOIN (VALUES ('30d', interval '0', 1), ('30d', interval '720 hours', -1)) AS edge("window", shift, sign)
UNION ALL
SELECT cell."currency", q."window", edge.at, edge.sign * value, edge.sign * n
FROM cell
JOIN quarter_in q USING (quarter)
CROSS JOIN LATERAL (VALUES (cell.hour, 1), (q.until, -1)) AS edge(at, sign)
WHERE edge.at IS NOT NULL;

-- analytics_refunds: over a range
SELECT bucket, currency, sum(n)::bigint AS n, sum(amount_minor) / power(10::numeric, coalesce((:currency_decimals ->> currency)::int, 2)) AS amount
FROM (SELECT CASE WHEN :period <> 'all' THEN date_trunc(:period, (day)::timestamp)::date END AS bucket, "currency", n, amount_minor FROM (
    SELECT day, "currency", n, amount_minor FROM rollup_refunds
    WHERE grain = 2 AND day BETWEEN CASE WHEN ((:since - interval '1 microsecond') AT TIME ZONE :timezone)::date < (:since AT TIME ZONE :timezone)::date THEN (:since AT TIME ZONE :timezone)::date
    ELSE (:since AT TIME ZONE :timezone)::date + 1 END AND CASE WHEN :until > :as_of THEN (:as_of AT TIME ZONE :timezone)::date
    WHEN (:until AT TIME ZONE :timezone)::date > ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date THEN ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date
    ELSE ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date - 1 END
    UNION ALL SELECT (s.refunded_at AT TIME ZONE :timezone)::date AS day, coalesce(nullif(s.currency::text, ''), 'unknown') AS "currency", 1 AS n, coalesce(s.amount_minor, 0) AS amount_minor
    FROM (SELECT 1 AS sign, v."refund_id", v."payment_id", v."user_id", v."refunded_at", v."amount_minor", v."currency", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "refunds" WHERE refunded_at >= :since AND refunded_at < least(:until, :since + interval '50 hours')) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id) AS s  WHERE (s.counted) AND (s.refunded_at AT TIME ZONE :timezone)::date < CASE WHEN ((:since - interval '1 microsecond') AT TIME ZONE :timezone)::date < (:since AT TIME ZONE :timezone)::date THEN (:since AT TIME ZONE :timezone)::date
    ELSE (:since AT TIME ZONE :timezone)::date + 1 END
    UNION ALL SELECT (s.refunded_at AT TIME ZONE :timezone)::date AS day, coalesce(nullif(s.currency::text, ''), 'unknown') AS "currency", 1 AS n, coalesce(s.amount_minor, 0) AS amount_minor
    FROM (SELECT 1 AS sign, v."refund_id", v."payment_id", v."user_id", v."refunded_at", v."amount_minor", v."currency", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "refunds" WHERE refunded_at >= greatest(:since, :until - interval '50 hours') AND refunded_at < :until) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id) AS s  WHERE (s.counted) AND (s.refunded_at AT TIME ZONE :timezone)::date >= CASE WHEN ((:since - interval '1 microsecond') AT TIME ZONE :timezone)::date < (:since AT TIME ZONE :timezone)::date THEN (:since AT TIME ZONE :timezone)::date
    ELSE (:since AT TIME ZONE :timezone)::date + 1 END AND (s.refunded_at AT TIME ZONE :timezone)::date > CASE WHEN :until > :as_of THEN (:as_of AT TIME ZONE :timezone)::date
    WHEN (:until AT TIME ZONE :timezone)::date > ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date THEN ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date
    ELSE ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date - 1 END
  ) AS d) AS r
WHERE (NOT :filters ? 'currency' OR :filters -> 'currency' ? (currency))
GROUP BY 1, 2;
