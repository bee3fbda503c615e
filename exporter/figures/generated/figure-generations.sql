-- platform_generations_created: plain SQL, which defines it
SELECT w."window", count(*) AS value
FROM generations g
LEFT JOIN users u USING (user_id)
CROSS JOIN (VALUES ('today', least(
    date_trunc('day', :as_of, :timezone),
    (date_trunc('day', :as_of AT TIME ZONE :timezone) - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour'), NULL::timestamptz), ('week', least(
    date_trunc('week', :as_of, :timezone),
    (date_trunc('week', :as_of AT TIME ZONE :timezone) - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour'), NULL::timestamptz), ('month', least(
    date_trunc('month', :as_of, :timezone),
    (date_trunc('month', :as_of AT TIME ZONE :timezone) - interval '1 hour') AT TIME ZONE :timezone + interval '1 hour'), NULL::timestamptz), ('1d', NULL::timestamptz, :as_of - interval '24 hours'), ('7d', NULL::timestamptz, :as_of - interval '168 hours'), ('30d', NULL::timestamptz, :as_of - interval '720 hours'), ('ever', NULL::timestamptz, NULL::timestamptz)) AS w("window", since, after)
WHERE NOT coalesce(u.is_internal, false) AND g.created_at <= :as_of AND (w.since IS NULL OR g.created_at >= w.since) AND (w.after IS NULL OR g.created_at > w.after)
GROUP BY 1;

-- platform_generations_created: from the store
SELECT "window", sum(n) AS value
FROM (SELECT 'today' AS "window", n FROM rollup_generations_created WHERE grain = 2 AND day >= date_trunc('day', :as_of AT TIME ZONE :timezone)::date
  UNION ALL SELECT 'week' AS "window", n FROM rollup_generations_created WHERE grain = 2 AND day >= date_trunc('week', :as_of AT TIME ZONE :timezone)::date
  UNION ALL SELECT 'month' AS "window", n FROM rollup_generations_created WHERE grain = 2 AND day >= date_trunc('month', :as_of AT TIME ZONE :timezone)::date
  UNION ALL SELECT '1d' AS "window", n FROM rollup_generations_created WHERE grain = 2 AND day > ((date_trunc('hour', (:as_of - interval '24 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date 
  UNION ALL SELECT '1d' AS "window", n FROM rollup_generations_created WHERE grain = 3 AND day = ((date_trunc('hour', (:as_of - interval '24 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date AND hour >= (date_trunc('hour', (:as_of - interval '24 hours'), 'UTC') + interval '1 hour')
  UNION ALL SELECT '1d' AS "window", n FROM rollup_generations_created WHERE grain = 4 AND (day, hour) >= (((date_bin('1 minutes', (:as_of - interval '24 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '1 minutes') AT TIME ZONE :timezone)::date, (date_bin('1 minutes', (:as_of - interval '24 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '1 minutes')) AND (day, hour) < (((date_trunc('hour', (:as_of - interval '24 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date, (date_trunc('hour', (:as_of - interval '24 hours'), 'UTC') + interval '1 hour'))
  UNION ALL SELECT '1d' AS "window", 1 AS n
    FROM (SELECT 1 AS sign, v."generation_id", v."user_id", v."created_at", v."started_at", v."finished_at", v."updated_at", v."status", v."type", v."quality", v."aspect_ratio", v."is_nsfw", v."image_count", v."failure_reason", v."scene", v."environment", v."outfit", v."pose", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "generations" WHERE created_at > (:as_of - interval '24 hours') AND created_at < (date_bin('1 minutes', (:as_of - interval '24 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '1 minutes')) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id) AS s  WHERE s.counted AND s.created_at IS NOT NULL
  UNION ALL SELECT '7d' AS "window", n FROM rollup_generations_created WHERE grain = 2 AND day > ((date_trunc('hour', (:as_of - interval '168 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date 
  UNION ALL SELECT '7d' AS "window", n FROM rollup_generations_created WHERE grain = 3 AND day = ((date_trunc('hour', (:as_of - interval '168 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date AND hour >= (date_trunc('hour', (:as_of - interval '168 hours'), 'UTC') + interval '1 hour')
  UNION ALL SELECT '7d' AS "window", n FROM rollup_generations_created WHERE grain = 4 AND (day, hour) >= (((date_bin('1 minutes', (:as_of - interval '168 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '1 minutes') AT TIME ZONE :timezone)::date, (date_bin('1 minutes', (:as_of - interval '168 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '1 minutes')) AND (day, hour) < (((date_trunc('hour', (:as_of - interval '168 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date, (date_trunc('hour', (:as_of - interval '168 hours'), 'UTC') + interval '1 hour'))
  UNION ALL SELECT '7d' AS "window", 1 AS n
    FROM (SELECT 1 AS sign, v."generation_id", v."user_id", v."created_at", v."started_at", v."finished_at", v."updated_at", v."status", v."type", v."quality", v."aspect_ratio", v."is_nsfw", v."image_count", v."failure_reason", v."scene", v."environment", v."outfit", v."pose", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "generations" WHERE created_at > (:as_of - interval '168 hours') AND created_at < (date_bin('1 minutes', (:as_of - interval '168 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '1 minutes')) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id) AS s  WHERE s.counted AND s.created_at IS NOT NULL
  UNION ALL SELECT '30d' AS "window", n FROM rollup_generations_created WHERE grain = 2 AND day > ((date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date 
  UNION ALL SELECT '30d' AS "window", n FROM rollup_generations_created WHERE grain = 3 AND day = ((date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date AND hour >= (date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour')
  UNION ALL SELECT '30d' AS "window", n FROM rollup_generations_created WHERE grain = 4 AND (day, hour) >= (((date_bin('1 minutes', (:as_of - interval '720 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '1 minutes') AT TIME ZONE :timezone)::date, (date_bin('1 minutes', (:as_of - interval '720 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '1 minutes')) AND (day, hour) < (((date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date, (date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour'))
  UNION ALL SELECT '30d' AS "window", 1 AS n
    FROM (SELECT 1 AS sign, v."generation_id", v."user_id", v."created_at", v."started_at", v."finished_at", v."updated_at", v."status", v."type", v."quality", v."aspect_ratio", v."is_nsfw", v."image_count", v."failure_reason", v."scene", v."environment", v."outfit", v."pose", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "generations" WHERE created_at > (:as_of - interval '720 hours') AND created_at < (date_bin('1 minutes', (:as_of - interval '720 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '1 minutes')) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id) AS s  WHERE s.counted AND s.created_at IS NOT NULL
  UNION ALL SELECT 'ever' AS "window", n FROM rollup_generations_created WHERE grain = 0) AS r
GROUP BY 1;

-- platform_generations_created: what changed it, for its past
WITH cell AS MATERIALIZED (
  SELECT date_bin('15 minutes', greatest(at, :epoch), :epoch) AS quarter, date_bin('1 hour', least(greatest(at, :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS hour,
    sum(value) AS value, count(*) AS n
  FROM (
SELECT g.created_at AS at, 1 AS value
FROM generations g
LEFT JOIN users u USING (user_id)
WHERE NOT coalesce(u.is_internal, false) AND true) AS fact
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
SELECT edge."window", cell.hour + edge.shift, edge.sign * value, edge.sign * n
FROM cell CROSS JOIN (VALUES ('1d', interval '0', 1), ('1d', interval '24 hours', -1), ('7d', interval '0', 1), ('7d', interval '168 hours', -1), ('30d', interval '0', 1), ('30d', interval '720 hours', -1)) AS edge("window", shift, sign)
UNION ALL
SELECT q."window", edge.at, edge.sign * value, edge.sign * n
FROM cell
JOIN quarter_in q USING (quarter)
CROSS JOIN LATERAL (VALUES (cell.hour, 1), (q.until, -1)) AS edge(at, sign)
WHERE edge.at IS NOT NULL;

-- platform_generations_finished: plain SQL, which defines it
SELECT
  CASE WHEN (g.type)::text IN ('studio', 'base_image', 'profile_picture') THEN (g.type)::text ELSE 'other' END AS type,
  CASE WHEN (g.quality)::text IN ('draft', 'hq') THEN (g.quality)::text ELSE 'other' END AS quality,
  CASE WHEN g.is_nsfw THEN 'nsfw' ELSE 'sfw' END AS rating,
  CASE WHEN coalesce((g.aspect_ratio)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (g.aspect_ratio)::text = ANY (:kept_aspect_ratio) THEN (g.aspect_ratio)::text ELSE 'other' END AS aspect_ratio,
  g.status,
  count(*) AS value
FROM generations g
LEFT JOIN users u USING (user_id)
WHERE NOT coalesce(u.is_internal, false) AND g.status IN ('succeeded', 'failed', 'cancelled') AND g.finished_at <= :as_of
GROUP BY 1, 2, 3, 4, 5;

-- platform_generations_finished: from the store
SELECT CASE WHEN (g.type)::text IN ('studio', 'base_image', 'profile_picture') THEN (g.type)::text ELSE 'other' END AS type, CASE WHEN (g.quality)::text IN ('draft', 'hq') THEN (g.quality)::text ELSE 'other' END AS quality, g.rating, CASE WHEN coalesce((g.aspect_ratio)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (g.aspect_ratio)::text = ANY (:kept_aspect_ratio) THEN (g.aspect_ratio)::text ELSE 'other' END AS aspect_ratio, g.status,
  sum(n) AS value
FROM rollup_generations_finished g
WHERE n > 0
GROUP BY 1, 2, 3, 4, 5;

-- platform_generations_finished: what changed it, for its past
SELECT "type", "quality", "rating", "aspect_ratio", "status", at, value, 1 AS n FROM (
SELECT CASE WHEN (g.type)::text IN ('studio', 'base_image', 'profile_picture') THEN (g.type)::text ELSE 'other' END AS type, CASE WHEN (g.quality)::text IN ('draft', 'hq') THEN (g.quality)::text ELSE 'other' END AS quality, CASE WHEN g.is_nsfw THEN 'nsfw' ELSE 'sfw' END AS rating,
  CASE WHEN coalesce((g.aspect_ratio)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (g.aspect_ratio)::text = ANY (:kept_aspect_ratio) THEN (g.aspect_ratio)::text ELSE 'other' END AS aspect_ratio, g.status, g.finished_at AS at, 1 AS value
FROM generations g
LEFT JOIN users u USING (user_id)
WHERE NOT coalesce(u.is_internal, false) AND g.status IN ('succeeded', 'failed', 'cancelled') AND g.finished_at IS NOT NULL) AS fact;

-- platform_generations_in_progress: plain SQL, which defines it
SELECT g.status, count(*) AS value
FROM generations g
JOIN users u USING (user_id)
WHERE NOT u.is_internal AND u.created_at <= :as_of AND (u.deleted_at IS NULL OR u.deleted_at > :as_of) AND g.status IN ('queued', 'running') AND g.created_at <= :as_of
GROUP BY 1;

-- platform_generations_in_progress: from the store
SELECT g.status, count(*) AS value
FROM rollup_generation g
JOIN rollup_account u ON u.id = g.user_id
WHERE g.status IN ('queued', 'running') AND g.created_at <= :as_of AND NOT u.is_internal AND u.created_at <= :as_of AND (u.deleted_at IS NULL OR u.deleted_at > :as_of)
GROUP BY 1;

-- platform_generation_failures: plain SQL, which defines it
SELECT CASE WHEN (g.type)::text IN ('studio', 'base_image', 'profile_picture') THEN (g.type)::text ELSE 'other' END AS type, CASE WHEN coalesce((g.failure_reason)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (g.failure_reason)::text = ANY (:kept_failure_reason) THEN (g.failure_reason)::text ELSE 'other' END AS reason, count(*) AS value
FROM generations g
LEFT JOIN users u USING (user_id)
WHERE NOT coalesce(u.is_internal, false) AND g.status = 'failed' AND g.finished_at <= :as_of
GROUP BY 1, 2;

-- platform_generation_failures: from the store
SELECT CASE WHEN (g.type)::text IN ('studio', 'base_image', 'profile_picture') THEN (g.type)::text ELSE 'other' END AS type, CASE WHEN coalesce((g.reason)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (g.reason)::text = ANY (:kept_failure_reason) THEN (g.reason)::text ELSE 'other' END AS reason, sum(n) AS value
FROM rollup_generation_failures g
WHERE n > 0
GROUP BY 1, 2;

-- platform_generation_failures: what changed it, for its past
SELECT "type", "reason", at, value, 1 AS n FROM (
SELECT CASE WHEN (g.type)::text IN ('studio', 'base_image', 'profile_picture') THEN (g.type)::text ELSE 'other' END AS type, CASE WHEN coalesce((g.failure_reason)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (g.failure_reason)::text = ANY (:kept_failure_reason) THEN (g.failure_reason)::text ELSE 'other' END AS reason, g.finished_at AS at, 1 AS value
FROM generations g
LEFT JOIN users u USING (user_id)
WHERE NOT coalesce(u.is_internal, false) AND g.status = 'failed' AND g.finished_at IS NOT NULL) AS fact;

-- analytics_generations: over a range
SELECT bucket, part, sum(created)::bigint, sum(succeeded)::bigint, sum(failed)::bigint, sum(cancelled)::bigint,
  sum(images)::bigint
FROM (
  SELECT CASE WHEN :period <> 'all' THEN date_trunc(:period, ((g.created_at AT TIME ZONE :timezone)::date)::timestamp)::date END AS bucket, CASE :filters ->> 'by' WHEN 'type' THEN CASE WHEN (g.type)::text IN ('studio', 'base_image', 'profile_picture') THEN (g.type)::text ELSE 'other' END WHEN 'quality' THEN CASE WHEN (g.quality)::text IN ('draft', 'hq') THEN (g.quality)::text ELSE 'other' END WHEN 'rating' THEN CASE WHEN g.is_nsfw THEN 'nsfw' ELSE 'sfw' END WHEN 'aspect_ratio' THEN CASE WHEN coalesce((g.aspect_ratio)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (g.aspect_ratio)::text = ANY (:kept_aspect_ratio) THEN (g.aspect_ratio)::text ELSE 'other' END ELSE 'all' END AS part, count(*) AS created, 0 AS succeeded,
    0 AS failed, 0 AS cancelled, 0 AS images
  FROM generations g LEFT JOIN rollup_account u ON u.id = g.user_id
  WHERE NOT coalesce(u.is_internal, false) AND (NOT :filters ? 'type' OR :filters -> 'type' ? (CASE WHEN (g.type)::text IN ('studio', 'base_image', 'profile_picture') THEN (g.type)::text ELSE 'other' END)) AND (NOT :filters ? 'quality' OR :filters -> 'quality' ? (CASE WHEN (g.quality)::text IN ('draft', 'hq') THEN (g.quality)::text ELSE 'other' END)) AND (NOT :filters ? 'rating' OR :filters -> 'rating' ? (CASE WHEN g.is_nsfw THEN 'nsfw' ELSE 'sfw' END)) AND g.created_at >= :since AND g.created_at < :until
  GROUP BY 1, 2
  UNION ALL
  SELECT CASE WHEN :period <> 'all' THEN date_trunc(:period, ((g.finished_at AT TIME ZONE :timezone)::date)::timestamp)::date END, CASE :filters ->> 'by' WHEN 'type' THEN CASE WHEN (g.type)::text IN ('studio', 'base_image', 'profile_picture') THEN (g.type)::text ELSE 'other' END WHEN 'quality' THEN CASE WHEN (g.quality)::text IN ('draft', 'hq') THEN (g.quality)::text ELSE 'other' END WHEN 'rating' THEN CASE WHEN g.is_nsfw THEN 'nsfw' ELSE 'sfw' END WHEN 'aspect_ratio' THEN CASE WHEN coalesce((g.aspect_ratio)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (g.aspect_ratio)::text = ANY (:kept_aspect_ratio) THEN (g.aspect_ratio)::text ELSE 'other' END ELSE 'all' END, 0, count(*) FILTER (WHERE g.status = 'succeeded'),
    count(*) FILTER (WHERE g.status = 'failed'), count(*) FILTER (WHERE g.status = 'cancelled'),
    coalesce(sum(g.image_count) FILTER (WHERE g.status = 'succeeded'), 0)
  FROM generations g LEFT JOIN rollup_account u ON u.id = g.user_id
  WHERE NOT coalesce(u.is_internal, false) AND (NOT :filters ? 'type' OR :filters -> 'type' ? (CASE WHEN (g.type)::text IN ('studio', 'base_image', 'profile_picture') THEN (g.type)::text ELSE 'other' END)) AND (NOT :filters ? 'quality' OR :filters -> 'quality' ? (CASE WHEN (g.quality)::text IN ('draft', 'hq') THEN (g.quality)::text ELSE 'other' END)) AND (NOT :filters ? 'rating' OR :filters -> 'rating' ? (CASE WHEN g.is_nsfw THEN 'nsfw' ELSE 'sfw' END)) AND g.status IN ('succeeded', 'failed', 'cancelled') AND g.finished_at >= :since AND g.finished_at < :until
  GROUP BY 1, 2
) AS counts
GROUP BY 1, 2;

-- analytics_failures: over a range
SELECT CASE WHEN :period <> 'all' THEN date_trunc(:period, ((g.finished_at AT TIME ZONE :timezone)::date)::timestamp)::date END AS bucket, CASE WHEN (g.type)::text IN ('studio', 'base_image', 'profile_picture') THEN (g.type)::text ELSE 'other' END AS type,
  CASE WHEN coalesce((g.failure_reason)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (g.failure_reason)::text = ANY (:kept_failure_reason) THEN (g.failure_reason)::text ELSE 'other' END AS reason, count(*) AS n
FROM generations g LEFT JOIN rollup_account u ON u.id = g.user_id
  WHERE NOT coalesce(u.is_internal, false) AND (NOT :filters ? 'type' OR :filters -> 'type' ? (CASE WHEN (g.type)::text IN ('studio', 'base_image', 'profile_picture') THEN (g.type)::text ELSE 'other' END)) AND (NOT :filters ? 'quality' OR :filters -> 'quality' ? (CASE WHEN (g.quality)::text IN ('draft', 'hq') THEN (g.quality)::text ELSE 'other' END)) AND (NOT :filters ? 'rating' OR :filters -> 'rating' ? (CASE WHEN g.is_nsfw THEN 'nsfw' ELSE 'sfw' END)) AND g.status = 'failed' AND g.finished_at >= :since AND g.finished_at < :until
GROUP BY 1, 2, 3;
