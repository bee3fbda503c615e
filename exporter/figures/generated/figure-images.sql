-- platform_images: plain SQL, which defines it
SELECT w."window", sum(g.image_count) AS value
FROM generations g
LEFT JOIN users u USING (user_id)
CROSS JOIN (VALUES ('today', least(
    date_trunc('day', :as_of, :timezone),
    (date_trunc('day', :as_of AT TIME ZONE :timezone) - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour'), NULL::timestamptz), ('week', least(
    date_trunc('week', :as_of, :timezone),
    (date_trunc('week', :as_of AT TIME ZONE :timezone) - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour'), NULL::timestamptz), ('month', least(
    date_trunc('month', :as_of, :timezone),
    (date_trunc('month', :as_of AT TIME ZONE :timezone) - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour'), NULL::timestamptz), ('ever', NULL::timestamptz, NULL::timestamptz)) AS w("window", since, after)
WHERE NOT coalesce(u.is_internal, false) AND g.status = 'succeeded' AND g.finished_at <= :as_of AND (w.since IS NULL OR g.finished_at >= w.since) AND (w.after IS NULL OR g.finished_at > w.after)
GROUP BY 1;

-- platform_images: from the store
SELECT "window", sum(images) AS value
FROM (SELECT 'today' AS "window", n, images FROM rollup_images WHERE grain = 2 AND day >= date_trunc('day', :as_of AT TIME ZONE :timezone)::date
  UNION ALL SELECT 'week' AS "window", n, images FROM rollup_images WHERE grain = 2 AND day >= date_trunc('week', :as_of AT TIME ZONE :timezone)::date
  UNION ALL SELECT 'month' AS "window", n, images FROM rollup_images WHERE grain = 2 AND day >= date_trunc('month', :as_of AT TIME ZONE :timezone)::date
  UNION ALL SELECT 'ever' AS "window", n, images FROM rollup_images WHERE grain = 0) AS r
GROUP BY 1;

-- platform_images: what changed it, for its past
WITH cell AS MATERIALIZED (
  SELECT date_bin('15 minutes', greatest(at, :epoch), :epoch) AS quarter, date_bin('1 hour', least(greatest(at, :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS hour,
    sum(value) AS value, count(*) AS n
  FROM (
SELECT g.finished_at AS at, g.image_count AS value
FROM generations g
LEFT JOIN users u USING (user_id)
WHERE NOT coalesce(u.is_internal, false) AND g.status = 'succeeded' AND g.finished_at IS NOT NULL) AS fact
  WHERE at <= :to
  GROUP BY quarter, hour),
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
SELECT 'ever' AS "window", cell.hour AS at, value, n FROM cell
UNION ALL
SELECT q."window", edge.at, edge.sign * value, edge.sign * n
FROM cell
JOIN quarter_in q USING (quarter)
CROSS JOIN LATERAL (VALUES (cell.hour, 1), (q.until, -1)) AS edge(at, sign)
WHERE edge.at IS NOT NULL;
