-- build: a stretch
WITH fresh(id, user_id, counted, created_at, finished_at, seconds, image_count, is_nsfw, status, type, quality, aspect_ratio, failure_reason, scene, environment, outfit, pose, next_at) AS MATERIALIZED (
SELECT d.id, g.user_id, NOT coalesce(u.is_internal, false) AS counted, CASE WHEN g.created_at <= :as_of THEN g.created_at END AS created_at,
  CASE WHEN g.status IN ('succeeded', 'failed', 'cancelled') AND g.finished_at <= :as_of THEN g.finished_at END AS finished_at,
  CASE WHEN g.status = 'succeeded' AND g.finished_at <= :as_of THEN extract(epoch FROM g.finished_at - g.started_at) END
    AS seconds,
  g.image_count, g.is_nsfw, g.status::text, g.type::text, g.quality::text, g.aspect_ratio::text,
  coalesce(g.failure_reason::text, '') AS failure_reason, g.scene::text, g.environment::text, g.outfit::text, g.pose::text,
  least(CASE WHEN g.created_at > :as_of THEN g.created_at END, CASE WHEN g.status IN ('succeeded', 'failed', 'cancelled') THEN CASE WHEN g.finished_at > :as_of THEN g.finished_at END END) AS next_at
FROM (SELECT * FROM "generations" WHERE created_at > 'after'::text AND created_at <= 'through'::text) AS g CROSS JOIN LATERAL (SELECT g.generation_id) AS d(id)
LEFT JOIN LATERAL (SELECT is_internal FROM rollup_account WHERE id = g.user_id OFFSET 0) AS u ON true
),
delta AS (SELECT 1 AS sign, * FROM fresh),
stored AS (INSERT INTO rollup_generation (id, user_id, counted, created_at, finished_at, seconds, image_count, is_nsfw, status, type, quality, aspect_ratio, failure_reason, scene, environment, outfit, pose, next_at, told)
  SELECT fresh.id, fresh.user_id, fresh.counted, fresh.created_at, fresh.finished_at, fresh.seconds, fresh.image_count, fresh.is_nsfw, fresh.status, fresh.type, fresh.quality, fresh.aspect_ratio, fresh.failure_reason, fresh.scene, fresh.environment, fresh.outfit, fresh.pose, fresh.next_at, v.version FROM fresh
  LEFT JOIN LATERAL (SELECT hash_record_extended(ROW(v."generation_id", v."user_id", v."created_at", v."started_at", v."finished_at", v."status", v."type", v."quality", v."aspect_ratio", v."is_nsfw", v."image_count", v."failure_reason", v."scene", v."environment", v."outfit", v."pose"), 0) AS version FROM "generations" AS v WHERE v.generation_id = fresh.id AND v.updated_at <= (SELECT watermark - interval '2 hours' FROM rollup_part WHERE name = 'feed generations') OFFSET 0) AS v ON true),
added_aspect_ratios AS (INSERT INTO rollup_aspect_ratios AS c ("aspect_ratio", n) SELECT (s.aspect_ratio), sum(s.sign)
    FROM delta AS s  WHERE s.counted AND s.created_at IS NOT NULL
    GROUP BY 1
    HAVING sum(s.sign) <> 0
    ON CONFLICT ("aspect_ratio") DO UPDATE SET n = c.n + excluded.n),
added_images AS (INSERT INTO rollup_images AS c (grain, day, hour, n, images) SELECT g.grain, g.day, g.hour, sum(n), sum(images)
    FROM (SELECT (s.finished_at AT TIME ZONE :timezone)::date, '-infinity'::timestamptz, sum(s.sign), coalesce(sum(s.sign * (s.image_count)), 0)
    FROM delta AS s  WHERE s.counted AND s.finished_at IS NOT NULL AND s.status = 'succeeded'
    GROUP BY 1, 2
    HAVING sum(s.sign) <> 0 OR coalesce(sum(s.sign * (s.image_count)), 0) <> 0) AS a(day, hour, n, images)
    CROSS JOIN LATERAL (VALUES (0::smallint, '-infinity'::date, '-infinity'::timestamptz), (2::smallint, a.day, '-infinity'::timestamptz)) AS g(grain, day, hour)
    WHERE true 
    GROUP BY 1, 2, 3
    ON CONFLICT (grain, day, hour) DO UPDATE SET n = c.n + excluded.n, images = c.images + excluded.images),
added_generations_created AS (INSERT INTO rollup_generations_created AS c (grain, day, hour, n) SELECT g.grain, g.day, g.hour, sum(n)
    FROM (SELECT (s.created_at AT TIME ZONE :timezone)::date, date_bin('1 minutes', s.created_at, '2000-01-01 00:00:00Z'::timestamptz), sum(s.sign)
    FROM delta AS s  WHERE s.counted AND s.created_at IS NOT NULL
    GROUP BY 1, 2
    HAVING sum(s.sign) <> 0) AS a(day, hour, n)
    CROSS JOIN LATERAL (VALUES (0::smallint, '-infinity'::date, '-infinity'::timestamptz), (2::smallint, a.day, '-infinity'::timestamptz), (3::smallint, a.day, date_trunc('hour', a.hour, 'UTC')), (4::smallint, a.day, a.hour)) AS g(grain, day, hour)
    WHERE (g.grain < 3 OR g.day >= (:as_of AT TIME ZONE :timezone)::date - 40) 
    GROUP BY 1, 2, 3
    ON CONFLICT (grain, day, hour) DO UPDATE SET n = c.n + excluded.n),
added_generations_finished AS (INSERT INTO rollup_generations_finished AS c ("type", "quality", "rating", "aspect_ratio", "status", n) SELECT (s.type), (s.quality), (CASE WHEN s.is_nsfw THEN 'nsfw' ELSE 'sfw' END), (s.aspect_ratio), (s.status), sum(s.sign)
    FROM delta AS s  WHERE s.counted AND s.finished_at IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5
    HAVING sum(s.sign) <> 0
    ON CONFLICT ("type", "quality", "rating", "aspect_ratio", "status") DO UPDATE SET n = c.n + excluded.n),
added_generation_failures AS (INSERT INTO rollup_generation_failures AS c ("type", "reason", n) SELECT (s.type), (s.failure_reason), sum(s.sign)
    FROM delta AS s  WHERE s.counted AND s.finished_at IS NOT NULL AND s.status = 'failed'
    GROUP BY 1, 2
    HAVING sum(s.sign) <> 0
    ON CONFLICT ("type", "reason") DO UPDATE SET n = c.n + excluded.n),
added_durations AS (INSERT INTO rollup_durations AS c ("type", "quality", "bucket", n, seconds) SELECT (s.type), (s.quality), (CASE WHEN s.seconds <= 1 THEN 0 WHEN s.seconds <= 2 THEN 1 WHEN s.seconds <= 5 THEN 2 WHEN s.seconds <= 10 THEN 3 WHEN s.seconds <= 20 THEN 4 WHEN s.seconds <= 30 THEN 5 WHEN s.seconds <= 60 THEN 6 WHEN s.seconds <= 120 THEN 7 WHEN s.seconds <= 300 THEN 8 WHEN s.seconds <= 600 THEN 9 ELSE 10 END), sum(s.sign), coalesce(sum(s.sign * (s.seconds)), 0)
    FROM delta AS s  WHERE s.seconds IS NOT NULL
    GROUP BY 1, 2, 3
    HAVING sum(s.sign) <> 0 OR coalesce(sum(s.sign * (s.seconds)), 0) <> 0
    ON CONFLICT ("type", "quality", "bucket") DO UPDATE SET n = c.n + excluded.n, seconds = c.seconds + excluded.seconds),
added_popular AS (INSERT INTO rollup_popular AS c (grain, day, hour, "category", "item", n) SELECT g.grain, g.day, g.hour, "category", "item", sum(n)
    FROM (SELECT (s.finished_at AT TIME ZONE :timezone)::date, date_bin('10 minutes', s.finished_at, '2000-01-01 00:00:00Z'::timestamptz), (i.category), (i.item), sum(s.sign)
    FROM delta AS s CROSS JOIN LATERAL (VALUES ('scene', s.scene), ('environment', s.environment), ('outfit', s.outfit), ('pose', s.pose)) AS i(category, item) WHERE s.counted AND s.finished_at IS NOT NULL AND s.status = 'succeeded' AND i.item <> '' AND s.finished_at > :as_of - interval '768 hours'
    GROUP BY 1, 2, 3, 4
    HAVING sum(s.sign) <> 0) AS a(day, hour, "category", "item", n)
    CROSS JOIN LATERAL (VALUES (1::smallint, date_trunc('week', a.day::timestamp)::date, '-infinity'::timestamptz), (2::smallint, a.day, '-infinity'::timestamptz), (3::smallint, a.day, date_trunc('hour', a.hour, 'UTC')), (4::smallint, a.day, a.hour)) AS g(grain, day, hour)
    WHERE (g.grain < 3 OR g.day >= (:as_of AT TIME ZONE :timezone)::date - 40) 
    GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (grain, day, hour, "category", "item") DO UPDATE SET n = c.n + excluded.n)
SELECT count(*) AS entities FROM fresh;

-- refresh: what changed, is due, or whose user turned internal or back
WITH picked AS (
  DELETE FROM rollup_generation_dirty WHERE id IN (SELECT id FROM rollup_generation_dirty LIMIT 20000) RETURNING id
),
due AS MATERIALIZED (SELECT * FROM rollup_generation WHERE next_at <= :as_of LIMIT 20000),
turned AS (DELETE FROM rollup_generation_turned RETURNING user_id),
dirty(id) AS MATERIALIZED (SELECT id FROM picked UNION SELECT s.id FROM due AS s  UNION (SELECT g.generation_id FROM turned JOIN generations g USING (user_id))),
old AS MATERIALIZED (
  SELECT s.id, s.user_id, s.counted, s.created_at, s.finished_at, s.seconds, s.image_count, s.is_nsfw, s.status, s.type, s.quality, s.aspect_ratio, s.failure_reason, s.scene, s.environment, s.outfit, s.pose, s.next_at FROM dirty AS d CROSS JOIN LATERAL (SELECT * FROM rollup_generation WHERE id = d.id OFFSET 0) AS s
),
fresh(id, user_id, counted, created_at, finished_at, seconds, image_count, is_nsfw, status, type, quality, aspect_ratio, failure_reason, scene, environment, outfit, pose, next_at) AS MATERIALIZED (
SELECT d.id, g.user_id, NOT coalesce(u.is_internal, false) AS counted, CASE WHEN g.created_at <= :as_of THEN g.created_at END AS created_at,
  CASE WHEN g.status IN ('succeeded', 'failed', 'cancelled') AND g.finished_at <= :as_of THEN g.finished_at END AS finished_at,
  CASE WHEN g.status = 'succeeded' AND g.finished_at <= :as_of THEN extract(epoch FROM g.finished_at - g.started_at) END
    AS seconds,
  g.image_count, g.is_nsfw, g.status::text, g.type::text, g.quality::text, g.aspect_ratio::text,
  coalesce(g.failure_reason::text, '') AS failure_reason, g.scene::text, g.environment::text, g.outfit::text, g.pose::text,
  least(CASE WHEN g.created_at > :as_of THEN g.created_at END, CASE WHEN g.status IN ('succeeded', 'failed', 'cancelled') THEN CASE WHEN g.finished_at > :as_of THEN g.finished_at END END) AS next_at
FROM dirty AS d CROSS JOIN LATERAL (SELECT * FROM "generations" WHERE generation_id = d.id OFFSET 0) AS g
LEFT JOIN LATERAL (SELECT is_internal FROM rollup_account WHERE id = g.user_id OFFSET 0) AS u ON true
),
delta AS MATERIALIZED (
  SELECT -1 AS sign, s.id, s.user_id, s.counted, s.created_at, s.finished_at, s.seconds, s.image_count, s.is_nsfw, s.status, s.type, s.quality, s.aspect_ratio, s.failure_reason, s.scene, s.environment, s.outfit, s.pose, s.next_at FROM old AS s UNION ALL SELECT 1, s.id, s.user_id, s.counted, s.created_at, s.finished_at, s.seconds, s.image_count, s.is_nsfw, s.status, s.type, s.quality, s.aspect_ratio, s.failure_reason, s.scene, s.environment, s.outfit, s.pose, s.next_at FROM fresh AS s
),
gone AS (
  DELETE FROM rollup_generation AS s USING old WHERE s.id = old.id AND NOT EXISTS (SELECT FROM fresh WHERE fresh.id = old.id)
),
stored AS (
  INSERT INTO rollup_generation AS s (id, user_id, counted, created_at, finished_at, seconds, image_count, is_nsfw, status, type, quality, aspect_ratio, failure_reason, scene, environment, outfit, pose, next_at, told)
  SELECT s.id, s.user_id, s.counted, s.created_at, s.finished_at, s.seconds, s.image_count, s.is_nsfw, s.status, s.type, s.quality, s.aspect_ratio, s.failure_reason, s.scene, s.environment, s.outfit, s.pose, s.next_at, seen.version FROM fresh AS s LEFT JOIN rollup_generations_seen AS seen ON seen.id = s.id
  ON CONFLICT (id) DO UPDATE SET user_id = excluded.user_id, counted = excluded.counted, created_at = excluded.created_at, finished_at = excluded.finished_at, seconds = excluded.seconds, image_count = excluded.image_count, is_nsfw = excluded.is_nsfw, status = excluded.status, type = excluded.type, quality = excluded.quality, aspect_ratio = excluded.aspect_ratio, failure_reason = excluded.failure_reason, scene = excluded.scene, environment = excluded.environment, outfit = excluded.outfit, pose = excluded.pose, next_at = excluded.next_at
  WHERE (s.user_id, s.counted, s.created_at, s.finished_at, s.seconds, s.image_count, s.is_nsfw, s.status, s.type, s.quality, s.aspect_ratio, s.failure_reason, s.scene, s.environment, s.outfit, s.pose, s.next_at) IS DISTINCT FROM (excluded.user_id, excluded.counted, excluded.created_at, excluded.finished_at, excluded.seconds, excluded.image_count, excluded.is_nsfw, excluded.status, excluded.type, excluded.quality, excluded.aspect_ratio, excluded.failure_reason, excluded.scene, excluded.environment, excluded.outfit, excluded.pose, excluded.next_at)
),
added_aspect_ratios AS (INSERT INTO rollup_aspect_ratios AS c ("aspect_ratio", n) SELECT (s.aspect_ratio), sum(s.sign)
    FROM delta AS s  WHERE s.counted AND s.created_at IS NOT NULL
    GROUP BY 1
    HAVING sum(s.sign) <> 0
    ON CONFLICT ("aspect_ratio") DO UPDATE SET n = c.n + excluded.n),
added_images AS (INSERT INTO rollup_images AS c (grain, day, hour, n, images) SELECT g.grain, g.day, g.hour, sum(n), sum(images)
    FROM (SELECT (s.finished_at AT TIME ZONE :timezone)::date, '-infinity'::timestamptz, sum(s.sign), coalesce(sum(s.sign * (s.image_count)), 0)
    FROM delta AS s  WHERE s.counted AND s.finished_at IS NOT NULL AND s.status = 'succeeded'
    GROUP BY 1, 2
    HAVING sum(s.sign) <> 0 OR coalesce(sum(s.sign * (s.image_count)), 0) <> 0) AS a(day, hour, n, images)
    CROSS JOIN LATERAL (VALUES (0::smallint, '-infinity'::date, '-infinity'::timestamptz), (2::smallint, a.day, '-infinity'::timestamptz)) AS g(grain, day, hour)
    WHERE true 
    GROUP BY 1, 2, 3
    ON CONFLICT (grain, day, hour) DO UPDATE SET n = c.n + excluded.n, images = c.images + excluded.images),
added_generations_created AS (INSERT INTO rollup_generations_created AS c (grain, day, hour, n) SELECT g.grain, g.day, g.hour, sum(n)
    FROM (SELECT (s.created_at AT TIME ZONE :timezone)::date, date_bin('1 minutes', s.created_at, '2000-01-01 00:00:00Z'::timestamptz), sum(s.sign)
    FROM delta AS s  WHERE s.counted AND s.created_at IS NOT NULL
    GROUP BY 1, 2
    HAVING sum(s.sign) <> 0) AS a(day, hour, n)
    CROSS JOIN LATERAL (VALUES (0::smallint, '-infinity'::date, '-infinity'::timestamptz), (2::smallint, a.day, '-infinity'::timestamptz), (3::smallint, a.day, date_trunc('hour', a.hour, 'UTC')), (4::smallint, a.day, a.hour)) AS g(grain, day, hour)
    WHERE (g.grain < 3 OR g.day >= (:as_of AT TIME ZONE :timezone)::date - 40) 
    GROUP BY 1, 2, 3
    ON CONFLICT (grain, day, hour) DO UPDATE SET n = c.n + excluded.n),
added_generations_finished AS (INSERT INTO rollup_generations_finished AS c ("type", "quality", "rating", "aspect_ratio", "status", n) SELECT (s.type), (s.quality), (CASE WHEN s.is_nsfw THEN 'nsfw' ELSE 'sfw' END), (s.aspect_ratio), (s.status), sum(s.sign)
    FROM delta AS s  WHERE s.counted AND s.finished_at IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5
    HAVING sum(s.sign) <> 0
    ON CONFLICT ("type", "quality", "rating", "aspect_ratio", "status") DO UPDATE SET n = c.n + excluded.n),
added_generation_failures AS (INSERT INTO rollup_generation_failures AS c ("type", "reason", n) SELECT (s.type), (s.failure_reason), sum(s.sign)
    FROM delta AS s  WHERE s.counted AND s.finished_at IS NOT NULL AND s.status = 'failed'
    GROUP BY 1, 2
    HAVING sum(s.sign) <> 0
    ON CONFLICT ("type", "reason") DO UPDATE SET n = c.n + excluded.n),
added_durations AS (INSERT INTO rollup_durations AS c ("type", "quality", "bucket", n, seconds) SELECT (s.type), (s.quality), (CASE WHEN s.seconds <= 1 THEN 0 WHEN s.seconds <= 2 THEN 1 WHEN s.seconds <= 5 THEN 2 WHEN s.seconds <= 10 THEN 3 WHEN s.seconds <= 20 THEN 4 WHEN s.seconds <= 30 THEN 5 WHEN s.seconds <= 60 THEN 6 WHEN s.seconds <= 120 THEN 7 WHEN s.seconds <= 300 THEN 8 WHEN s.seconds <= 600 THEN 9 ELSE 10 END), sum(s.sign), coalesce(sum(s.sign * (s.seconds)), 0)
    FROM delta AS s  WHERE s.seconds IS NOT NULL
    GROUP BY 1, 2, 3
    HAVING sum(s.sign) <> 0 OR coalesce(sum(s.sign * (s.seconds)), 0) <> 0
    ON CONFLICT ("type", "quality", "bucket") DO UPDATE SET n = c.n + excluded.n, seconds = c.seconds + excluded.seconds),
added_popular AS (INSERT INTO rollup_popular AS c (grain, day, hour, "category", "item", n) SELECT g.grain, g.day, g.hour, "category", "item", sum(n)
    FROM (SELECT (s.finished_at AT TIME ZONE :timezone)::date, date_bin('10 minutes', s.finished_at, '2000-01-01 00:00:00Z'::timestamptz), (i.category), (i.item), sum(s.sign)
    FROM delta AS s CROSS JOIN LATERAL (VALUES ('scene', s.scene), ('environment', s.environment), ('outfit', s.outfit), ('pose', s.pose)) AS i(category, item) WHERE s.counted AND s.finished_at IS NOT NULL AND s.status = 'succeeded' AND i.item <> ''
    GROUP BY 1, 2, 3, 4
    HAVING sum(s.sign) <> 0) AS a(day, hour, "category", "item", n)
    CROSS JOIN LATERAL (VALUES (1::smallint, date_trunc('week', a.day::timestamp)::date, '-infinity'::timestamptz), (2::smallint, a.day, '-infinity'::timestamptz), (3::smallint, a.day, date_trunc('hour', a.hour, 'UTC')), (4::smallint, a.day, a.hour)) AS g(grain, day, hour)
    WHERE (g.grain < 3 OR g.day >= (:as_of AT TIME ZONE :timezone)::date - 40) 
    GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (grain, day, hour, "category", "item") DO UPDATE SET n = c.n + excluded.n),
differing AS (
  SELECT coalesce(old.id, fresh.id)::text AS id FROM old FULL JOIN fresh ON fresh.id = old.id
  WHERE old.id IS NULL OR fresh.id IS NULL OR (old.user_id, old.counted, old.created_at, old.finished_at, old.seconds, old.image_count, old.is_nsfw, old.status, old.type, old.quality, old.aspect_ratio, old.failure_reason, old.scene, old.environment, old.outfit, old.pose) IS DISTINCT FROM (fresh.user_id, fresh.counted, fresh.created_at, fresh.finished_at, fresh.seconds, fresh.image_count, fresh.is_nsfw, fresh.status, fresh.type, fresh.quality, fresh.aspect_ratio, fresh.failure_reason, fresh.scene, fresh.environment, fresh.outfit, fresh.pose)
)
SELECT (SELECT count(*) FROM dirty) AS entities, count(*) AS differing, (array_agg(id))[1:5] AS examples FROM differing;
