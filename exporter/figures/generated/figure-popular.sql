-- platform_popular_generations: plain SQL, which defines it
WITH counts AS (
SELECT i.category, i.item::text AS item, w."window", count(*) AS value
FROM generations g
LEFT JOIN users u USING (user_id)
CROSS JOIN LATERAL (VALUES ('scene', g.scene), ('environment', g.environment), ('outfit', g.outfit), ('pose', g.pose)) AS i(category, item)
CROSS JOIN (VALUES ('1d', NULL::timestamptz, :as_of - interval '24 hours'), ('7d', NULL::timestamptz, :as_of - interval '168 hours'), ('30d', NULL::timestamptz, :as_of - interval '720 hours')) AS w("window", since, after)
WHERE NOT coalesce(u.is_internal, false) AND g.status = 'succeeded' AND i.item <> '' AND g.finished_at <= :as_of AND (w.since IS NULL OR g.finished_at >= w.since) AND (w.after IS NULL OR g.finished_at > w.after)
GROUP BY 1, 2, 3),
chosen AS (
  SELECT category, item, "window"
  FROM jsonb_to_recordset(:popular_items) AS chosen(category text, item text, "window" text)
)
SELECT
  coalesce(chosen.category, counts.category) AS category,
  coalesce(chosen.item, 'other') AS item,
  coalesce(chosen."window", counts."window") AS "window",
  coalesce(sum(counts.value), 0) AS value
FROM chosen
FULL JOIN counts
  ON counts.category = chosen.category AND counts.item = chosen.item AND counts."window" = chosen."window"
GROUP BY 1, 2, 3;

-- platform_popular_generations: from the store
WITH counts AS (
SELECT category, item, "window", sum(n) AS value
FROM (SELECT '1d' AS "window", "category", "item", n FROM rollup_popular WHERE grain = 1 AND day >= date_trunc('week', ((date_trunc('hour', (:as_of - interval '24 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date::timestamp)::date + 7
  UNION ALL SELECT '1d' AS "window", "category", "item", n FROM rollup_popular WHERE grain = 2 AND day > ((date_trunc('hour', (:as_of - interval '24 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date AND day < date_trunc('week', ((date_trunc('hour', (:as_of - interval '24 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date::timestamp)::date + 7
  UNION ALL SELECT '1d' AS "window", "category", "item", n FROM rollup_popular WHERE grain = 3 AND day = ((date_trunc('hour', (:as_of - interval '24 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date AND hour >= (date_trunc('hour', (:as_of - interval '24 hours'), 'UTC') + interval '1 hour')
  UNION ALL SELECT '1d' AS "window", "category", "item", n FROM rollup_popular WHERE grain = 4 AND (day, hour) >= (((date_bin('10 minutes', (:as_of - interval '24 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '10 minutes') AT TIME ZONE :timezone)::date, (date_bin('10 minutes', (:as_of - interval '24 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '10 minutes')) AND (day, hour) < (((date_trunc('hour', (:as_of - interval '24 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date, (date_trunc('hour', (:as_of - interval '24 hours'), 'UTC') + interval '1 hour'))
  UNION ALL SELECT '1d' AS "window", i.category AS "category", i.item AS "item", 1 AS n
    FROM (SELECT 1 AS sign, v."generation_id", v."user_id", v."created_at", v."started_at", v."finished_at", v."updated_at", v."status", v."type", v."quality", v."aspect_ratio", v."is_nsfw", v."image_count", v."failure_reason", v."scene", v."environment", v."outfit", v."pose", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "generations" WHERE finished_at > (:as_of - interval '24 hours') AND finished_at < (date_bin('10 minutes', (:as_of - interval '24 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '10 minutes')) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id) AS s CROSS JOIN LATERAL (VALUES ('scene', s.scene), ('environment', s.environment), ('outfit', s.outfit), ('pose', s.pose)) AS i(category, item) WHERE s.counted AND s.finished_at IS NOT NULL AND s.status = 'succeeded' AND i.item <> ''
  UNION ALL SELECT '7d' AS "window", "category", "item", n FROM rollup_popular WHERE grain = 1 AND day >= date_trunc('week', ((date_trunc('hour', (:as_of - interval '168 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date::timestamp)::date + 7
  UNION ALL SELECT '7d' AS "window", "category", "item", n FROM rollup_popular WHERE grain = 2 AND day > ((date_trunc('hour', (:as_of - interval '168 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date AND day < date_trunc('week', ((date_trunc('hour', (:as_of - interval '168 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date::timestamp)::date + 7
  UNION ALL SELECT '7d' AS "window", "category", "item", n FROM rollup_popular WHERE grain = 3 AND day = ((date_trunc('hour', (:as_of - interval '168 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date AND hour >= (date_trunc('hour', (:as_of - interval '168 hours'), 'UTC') + interval '1 hour')
  UNION ALL SELECT '7d' AS "window", "category", "item", n FROM rollup_popular WHERE grain = 4 AND (day, hour) >= (((date_bin('10 minutes', (:as_of - interval '168 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '10 minutes') AT TIME ZONE :timezone)::date, (date_bin('10 minutes', (:as_of - interval '168 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '10 minutes')) AND (day, hour) < (((date_trunc('hour', (:as_of - interval '168 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date, (date_trunc('hour', (:as_of - interval '168 hours'), 'UTC') + interval '1 hour'))
  UNION ALL SELECT '7d' AS "window", i.category AS "category", i.item AS "item", 1 AS n
    FROM (SELECT 1 AS sign, v."generation_id", v."user_id", v."created_at", v."started_at", v."finished_at", v."updated_at", v."status", v."type", v."quality", v."aspect_ratio", v."is_nsfw", v."image_count", v."failure_reason", v."scene", v."environment", v."outfit", v."pose", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "generations" WHERE finished_at > (:as_of - interval '168 hours') AND finished_at < (date_bin('10 minutes', (:as_of - interval '168 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '10 minutes')) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id) AS s CROSS JOIN LATERAL (VALUES ('scene', s.scene), ('environment', s.environment), ('outfit', s.outfit), ('pose', s.pose)) AS i(category, item) WHERE s.counted AND s.finished_at IS NOT NULL AND s.status = 'succeeded' AND i.item <> ''
  UNION ALL SELECT '30d' AS "window", "category", "item", n FROM rollup_popular WHERE grain = 1 AND day >= date_trunc('week', ((date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date::timestamp)::date + 7
  UNION ALL SELECT '30d' AS "window", "category", "item", n FROM rollup_popular WHERE grain = 2 AND day > ((date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date AND day < date_trunc('week', ((date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date::timestamp)::date + 7
  UNION ALL SELECT '30d' AS "window", "category", "item", n FROM rollup_popular WHERE grain = 3 AND day = ((date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date AND hour >= (date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour')
  UNION ALL SELECT '30d' AS "window", "category", "item", n FROM rollup_popular WHERE grain = 4 AND (day, hour) >= (((date_bin('10 minutes', (:as_of - interval '720 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '10 minutes') AT TIME ZONE :timezone)::date, (date_bin('10 minutes', (:as_of - interval '720 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '10 minutes')) AND (day, hour) < (((date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date, (date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour'))
  UNION ALL SELECT '30d' AS "window", i.category AS "category", i.item AS "item", 1 AS n
    FROM (SELECT 1 AS sign, v."generation_id", v."user_id", v."created_at", v."started_at", v."finished_at", v."updated_at", v."status", v."type", v."quality", v."aspect_ratio", v."is_nsfw", v."image_count", v."failure_reason", v."scene", v."environment", v."outfit", v."pose", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "generations" WHERE finished_at > (:as_of - interval '720 hours') AND finished_at < (date_bin('10 minutes', (:as_of - interval '720 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '10 minutes')) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id) AS s CROSS JOIN LATERAL (VALUES ('scene', s.scene), ('environment', s.environment), ('outfit', s.outfit), ('pose', s.pose)) AS i(category, item) WHERE s.counted AND s.finished_at IS NOT NULL AND s.status = 'succeeded' AND i.item <> '') AS r
GROUP BY 1, 2, 3
HAVING sum(n) > 0),
chosen AS (
  SELECT category, item, "window"
  FROM jsonb_to_recordset(:popular_items) AS chosen(category text, item text, "window" text)
)
SELECT
  coalesce(chosen.category, counts.category) AS category,
  coalesce(chosen.item, 'other') AS item,
  coalesce(chosen."window", counts."window") AS "window",
  coalesce(sum(counts.value), 0) AS value
FROM chosen
FULL JOIN counts
  ON counts.category = chosen.category AND counts.item = chosen.item AND counts."window" = chosen."window"
GROUP BY 1, 2, 3;

-- analytics_popular: over a range
SELECT category, item, sum(n)::bigint AS n
FROM (SELECT CASE WHEN :period <> 'all' THEN date_trunc(:period, (day)::timestamp)::date END AS bucket, "category", "item", n FROM (
    SELECT day, "category", "item", n FROM rollup_popular
    WHERE grain = 2 AND day BETWEEN CASE WHEN ((:since - interval '1 microsecond') AT TIME ZONE :timezone)::date < (:since AT TIME ZONE :timezone)::date THEN (:since AT TIME ZONE :timezone)::date
    ELSE (:since AT TIME ZONE :timezone)::date + 1 END AND CASE WHEN :until > :as_of THEN (:as_of AT TIME ZONE :timezone)::date
    WHEN (:until AT TIME ZONE :timezone)::date > ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date THEN ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date
    ELSE ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date - 1 END
    UNION ALL SELECT (s.finished_at AT TIME ZONE :timezone)::date AS day, i.category AS "category", i.item AS "item", 1 AS n
    FROM (SELECT 1 AS sign, v."generation_id", v."user_id", v."created_at", v."started_at", v."finished_at", v."updated_at", v."status", v."type", v."quality", v."aspect_ratio", v."is_nsfw", v."image_count", v."failure_reason", v."scene", v."environment", v."outfit", v."pose", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "generations" WHERE finished_at >= :since AND finished_at < least(:until, :since + interval '50 hours')) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id) AS s CROSS JOIN LATERAL (VALUES ('scene', s.scene), ('environment', s.environment), ('outfit', s.outfit), ('pose', s.pose)) AS i(category, item) WHERE (s.counted AND s.finished_at IS NOT NULL AND s.status = 'succeeded' AND i.item <> '') AND (s.finished_at AT TIME ZONE :timezone)::date < CASE WHEN ((:since - interval '1 microsecond') AT TIME ZONE :timezone)::date < (:since AT TIME ZONE :timezone)::date THEN (:since AT TIME ZONE :timezone)::date
    ELSE (:since AT TIME ZONE :timezone)::date + 1 END
    UNION ALL SELECT (s.finished_at AT TIME ZONE :timezone)::date AS day, i.category AS "category", i.item AS "item", 1 AS n
    FROM (SELECT 1 AS sign, v."generation_id", v."user_id", v."created_at", v."started_at", v."finished_at", v."updated_at", v."status", v."type", v."quality", v."aspect_ratio", v."is_nsfw", v."image_count", v."failure_reason", v."scene", v."environment", v."outfit", v."pose", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "generations" WHERE finished_at >= greatest(:since, :until - interval '50 hours') AND finished_at < :until) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id) AS s CROSS JOIN LATERAL (VALUES ('scene', s.scene), ('environment', s.environment), ('outfit', s.outfit), ('pose', s.pose)) AS i(category, item) WHERE (s.counted AND s.finished_at IS NOT NULL AND s.status = 'succeeded' AND i.item <> '') AND (s.finished_at AT TIME ZONE :timezone)::date >= CASE WHEN ((:since - interval '1 microsecond') AT TIME ZONE :timezone)::date < (:since AT TIME ZONE :timezone)::date THEN (:since AT TIME ZONE :timezone)::date
    ELSE (:since AT TIME ZONE :timezone)::date + 1 END AND (s.finished_at AT TIME ZONE :timezone)::date > CASE WHEN :until > :as_of THEN (:as_of AT TIME ZONE :timezone)::date
    WHEN (:until AT TIME ZONE :timezone)::date > ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date THEN ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date
    ELSE ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date - 1 END
  ) AS d) AS r
WHERE :since > :as_of - interval '720 hours' AND NOT :filters ?| ARRAY['type', 'quality', 'rating'] AND (NOT :filters ? 'category' OR :filters -> 'category' ? (category))
GROUP BY 1, 2
HAVING sum(n) > 0
UNION ALL
SELECT i.category, i.item::text, count(*)
FROM generations g
LEFT JOIN rollup_account u ON u.id = g.user_id
CROSS JOIN LATERAL (VALUES ('scene', g.scene), ('environment', g.environment), ('outfit', g.outfit), ('pose', g.pose)) AS i(category, item)
WHERE NOT (:since > :as_of - interval '720 hours' AND NOT :filters ?| ARRAY['type', 'quality', 'rating']) AND NOT coalesce(u.is_internal, false) AND (NOT :filters ? 'type' OR :filters -> 'type' ? (CASE WHEN (g.type)::text IN ('studio', 'base_image', 'profile_picture') THEN (g.type)::text ELSE 'other' END)) AND (NOT :filters ? 'quality' OR :filters -> 'quality' ? (CASE WHEN (g.quality)::text IN ('draft', 'hq') THEN (g.quality)::text ELSE 'other' END)) AND (NOT :filters ? 'rating' OR :filters -> 'rating' ? (CASE WHEN g.is_nsfw THEN 'nsfw' ELSE 'sfw' END)) AND g.status = 'succeeded' AND i.item <> ''
  AND g.finished_at >= :since AND g.finished_at < :until AND (NOT :filters ? 'category' OR :filters -> 'category' ? (i.category))
GROUP BY 1, 2;
