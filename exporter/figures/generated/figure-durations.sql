-- platform_generation_duration_seconds: plain SQL, which defines it
SELECT CASE WHEN (g.type)::text IN ('studio', 'base_image', 'profile_picture') THEN (g.type)::text ELSE 'other' END AS type, CASE WHEN (g.quality)::text IN ('draft', 'hq') THEN (g.quality)::text ELSE 'other' END AS quality, ARRAY[count(*) FILTER (WHERE g.seconds <= 1), count(*) FILTER (WHERE g.seconds <= 2), count(*) FILTER (WHERE g.seconds <= 5), count(*) FILTER (WHERE g.seconds <= 10), count(*) FILTER (WHERE g.seconds <= 20), count(*) FILTER (WHERE g.seconds <= 30), count(*) FILTER (WHERE g.seconds <= 60), count(*) FILTER (WHERE g.seconds <= 120), count(*) FILTER (WHERE g.seconds <= 300), count(*) FILTER (WHERE g.seconds <= 600)] AS buckets, sum(g.seconds) AS sum, count(*) AS count
FROM (
  SELECT type, quality, extract(epoch FROM finished_at - started_at) AS seconds
  FROM generations
  WHERE status = 'succeeded' AND finished_at <= :as_of AND started_at IS NOT NULL
) AS g
GROUP BY 1, 2;

-- platform_generation_duration_seconds: from the store
SELECT CASE WHEN (g.type)::text IN ('studio', 'base_image', 'profile_picture') THEN (g.type)::text ELSE 'other' END AS type, CASE WHEN (g.quality)::text IN ('draft', 'hq') THEN (g.quality)::text ELSE 'other' END AS quality, ARRAY[coalesce(sum(g.n) FILTER (WHERE g.bucket <= 0), 0), coalesce(sum(g.n) FILTER (WHERE g.bucket <= 1), 0), coalesce(sum(g.n) FILTER (WHERE g.bucket <= 2), 0), coalesce(sum(g.n) FILTER (WHERE g.bucket <= 3), 0), coalesce(sum(g.n) FILTER (WHERE g.bucket <= 4), 0), coalesce(sum(g.n) FILTER (WHERE g.bucket <= 5), 0), coalesce(sum(g.n) FILTER (WHERE g.bucket <= 6), 0), coalesce(sum(g.n) FILTER (WHERE g.bucket <= 7), 0), coalesce(sum(g.n) FILTER (WHERE g.bucket <= 8), 0), coalesce(sum(g.n) FILTER (WHERE g.bucket <= 9), 0)] AS buckets, sum(g.seconds) AS sum, sum(g.n) AS count
FROM rollup_durations g
WHERE n > 0
GROUP BY 1, 2;

-- platform_generation_duration_seconds: what changed it, for its past
SELECT CASE WHEN (g.type)::text IN ('studio', 'base_image', 'profile_picture') THEN (g.type)::text ELSE 'other' END AS type, CASE WHEN (g.quality)::text IN ('draft', 'hq') THEN (g.quality)::text ELSE 'other' END AS quality, g.at, g.seconds, 1 AS count, 1 AS n,
  (g.seconds <= 1)::int AS bucket_0, (g.seconds <= 2)::int AS bucket_1, (g.seconds <= 5)::int AS bucket_2, (g.seconds <= 10)::int AS bucket_3, (g.seconds <= 20)::int AS bucket_4, (g.seconds <= 30)::int AS bucket_5, (g.seconds <= 60)::int AS bucket_6, (g.seconds <= 120)::int AS bucket_7, (g.seconds <= 300)::int AS bucket_8, (g.seconds <= 600)::int AS bucket_9
FROM (
  SELECT type, quality, finished_at AS at, extract(epoch FROM finished_at - started_at) AS seconds
  FROM generations
  WHERE status = 'succeeded' AND finished_at IS NOT NULL AND started_at IS NOT NULL
) AS g;

-- analytics_performance: over a range
SELECT bucket, part,
  count(*) FILTER (WHERE status = 'succeeded' AND counted), count(*) FILTER (WHERE status = 'failed' AND counted),
  count(*) FILTER (WHERE status = 'cancelled' AND counted), count(seconds), avg(seconds),
  percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds), percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds)
FROM (
  SELECT CASE WHEN :period <> 'all' THEN date_trunc(:period, ((g.finished_at AT TIME ZONE :timezone)::date)::timestamp)::date END AS bucket, CASE :filters ->> 'by' WHEN 'type' THEN CASE WHEN (g.type)::text IN ('studio', 'base_image', 'profile_picture') THEN (g.type)::text ELSE 'other' END WHEN 'quality' THEN CASE WHEN (g.quality)::text IN ('draft', 'hq') THEN (g.quality)::text ELSE 'other' END WHEN 'rating' THEN CASE WHEN g.is_nsfw THEN 'nsfw' ELSE 'sfw' END WHEN 'aspect_ratio' THEN CASE WHEN coalesce((g.aspect_ratio)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (g.aspect_ratio)::text = ANY (:kept_aspect_ratio) THEN (g.aspect_ratio)::text ELSE 'other' END ELSE 'all' END AS part, g.status, NOT coalesce(u.is_internal, false) AS counted,
    CASE WHEN g.status = 'succeeded' THEN extract(epoch FROM g.finished_at - g.started_at)::double precision END AS seconds
  FROM generations g LEFT JOIN rollup_account u ON u.id = g.user_id
  WHERE g.status IN ('succeeded', 'failed', 'cancelled') AND g.finished_at >= :since AND g.finished_at < :until AND (NOT :filters ? 'type' OR :filters -> 'type' ? (CASE WHEN (g.type)::text IN ('studio', 'base_image', 'profile_picture') THEN (g.type)::text ELSE 'other' END)) AND (NOT :filters ? 'quality' OR :filters -> 'quality' ? (CASE WHEN (g.quality)::text IN ('draft', 'hq') THEN (g.quality)::text ELSE 'other' END)) AND (NOT :filters ? 'rating' OR :filters -> 'rating' ? (CASE WHEN g.is_nsfw THEN 'nsfw' ELSE 'sfw' END))
) AS ended
GROUP BY 1, 2;
