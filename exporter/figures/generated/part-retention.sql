-- build: a stretch
WITH fresh(id, counted, day, d1, d7, d30, next_at) AS MATERIALIZED (
SELECT d.id, NOT coalesce(u.is_internal, false) AND u.created_at <= :as_of AS counted, cohort.day,
  EXISTS (
    SELECT FROM sessions
    WHERE user_id = d.id AND started_at <= :as_of AND (started_at AT TIME ZONE :timezone)::date = cohort.day + 1
      AND started_at > (cohort.day + 1)::timestamp AT TIME ZONE 'UTC' - interval '16 hours'
      AND started_at < (cohort.day + 2)::timestamp AT TIME ZONE 'UTC' + interval '16 hours'
  ) AS d1,
  EXISTS (
    SELECT FROM sessions
    WHERE user_id = d.id AND started_at <= :as_of AND (started_at AT TIME ZONE :timezone)::date = cohort.day + 7
      AND started_at > (cohort.day + 7)::timestamp AT TIME ZONE 'UTC' - interval '16 hours'
      AND started_at < (cohort.day + 8)::timestamp AT TIME ZONE 'UTC' + interval '16 hours'
  ) AS d7,
  EXISTS (
    SELECT FROM sessions
    WHERE user_id = d.id AND started_at <= :as_of AND (started_at AT TIME ZONE :timezone)::date = cohort.day + 30
      AND started_at > (cohort.day + 30)::timestamp AT TIME ZONE 'UTC' - interval '16 hours'
      AND started_at < (cohort.day + 31)::timestamp AT TIME ZONE 'UTC' + interval '16 hours'
  ) AS d30,
  CASE WHEN u.created_at > :as_of THEN u.created_at END AS next_at
FROM (SELECT * FROM "users" WHERE user_id > 'after'::text AND user_id <= 'through'::text) AS u CROSS JOIN LATERAL (SELECT u.user_id) AS d(id)
CROSS JOIN LATERAL (SELECT (u.created_at AT TIME ZONE :timezone)::date AS day) AS cohort
),
delta AS (SELECT 1 AS sign, * FROM fresh),
stored AS (INSERT INTO rollup_retention (id, counted, day, d1, d7, d30, next_at) SELECT * FROM fresh),
added_cohorts AS (INSERT INTO rollup_cohorts AS c ("day", n, d1, d7, d30) SELECT (s.day), sum(s.sign), coalesce(sum(s.sign * (s.d1::int)), 0), coalesce(sum(s.sign * (s.d7::int)), 0), coalesce(sum(s.sign * (s.d30::int)), 0)
    FROM delta AS s  WHERE s.counted
    GROUP BY 1
    HAVING sum(s.sign) <> 0 OR coalesce(sum(s.sign * (s.d1::int)), 0) <> 0 OR coalesce(sum(s.sign * (s.d7::int)), 0) <> 0 OR coalesce(sum(s.sign * (s.d30::int)), 0) <> 0
    ON CONFLICT ("day") DO UPDATE SET n = c.n + excluded.n, d1 = c.d1 + excluded.d1, d7 = c.d7 + excluded.d7, d30 = c.d30 + excluded.d30)
SELECT count(*) AS entities FROM fresh;

-- refresh: what changed, is due, or whose user turned internal or back
WITH picked AS (
  DELETE FROM rollup_retention_dirty WHERE id IN (SELECT id FROM rollup_retention_dirty LIMIT 20000) RETURNING id
),
due AS MATERIALIZED (SELECT * FROM rollup_retention WHERE next_at <= :as_of LIMIT 20000),
dirty(id) AS MATERIALIZED (SELECT id FROM picked UNION SELECT s.id FROM due AS s ),
old AS MATERIALIZED (
  SELECT s.id, s.counted, s.day, s.d1, s.d7, s.d30, s.next_at FROM dirty AS d CROSS JOIN LATERAL (SELECT * FROM rollup_retention WHERE id = d.id OFFSET 0) AS s
),
fresh(id, counted, day, d1, d7, d30, next_at) AS MATERIALIZED (
SELECT d.id, NOT coalesce(u.is_internal, false) AND u.created_at <= :as_of AS counted, cohort.day,
  EXISTS (
    SELECT FROM sessions
    WHERE user_id = d.id AND started_at <= :as_of AND (started_at AT TIME ZONE :timezone)::date = cohort.day + 1
      AND started_at > (cohort.day + 1)::timestamp AT TIME ZONE 'UTC' - interval '16 hours'
      AND started_at < (cohort.day + 2)::timestamp AT TIME ZONE 'UTC' + interval '16 hours'
  ) AS d1,
  EXISTS (
    SELECT FROM sessions
    WHERE user_id = d.id AND started_at <= :as_of AND (started_at AT TIME ZONE :timezone)::date = cohort.day + 7
      AND started_at > (cohort.day + 7)::timestamp AT TIME ZONE 'UTC' - interval '16 hours'
      AND started_at < (cohort.day + 8)::timestamp AT TIME ZONE 'UTC' + interval '16 hours'
  ) AS d7,
  EXISTS (
    SELECT FROM sessions
    WHERE user_id = d.id AND started_at <= :as_of AND (started_at AT TIME ZONE :timezone)::date = cohort.day + 30
      AND started_at > (cohort.day + 30)::timestamp AT TIME ZONE 'UTC' - interval '16 hours'
      AND started_at < (cohort.day + 31)::timestamp AT TIME ZONE 'UTC' + interval '16 hours'
  ) AS d30,
  CASE WHEN u.created_at > :as_of THEN u.created_at END AS next_at
FROM dirty AS d CROSS JOIN LATERAL (SELECT * FROM "users" WHERE user_id = d.id OFFSET 0) AS u
CROSS JOIN LATERAL (SELECT (u.created_at AT TIME ZONE :timezone)::date AS day) AS cohort
),
delta AS MATERIALIZED (
  SELECT -1 AS sign, s.id, s.counted, s.day, s.d1, s.d7, s.d30, s.next_at FROM old AS s UNION ALL SELECT 1, s.id, s.counted, s.day, s.d1, s.d7, s.d30, s.next_at FROM fresh AS s
),
gone AS (
  DELETE FROM rollup_retention AS s USING old WHERE s.id = old.id AND NOT EXISTS (SELECT FROM fresh WHERE fresh.id = old.id)
),
stored AS (
  INSERT INTO rollup_retention AS s (id, counted, day, d1, d7, d30, next_at)
  SELECT s.id, s.counted, s.day, s.d1, s.d7, s.d30, s.next_at FROM fresh AS s 
  ON CONFLICT (id) DO UPDATE SET counted = excluded.counted, day = excluded.day, d1 = excluded.d1, d7 = excluded.d7, d30 = excluded.d30, next_at = excluded.next_at
  WHERE (s.counted, s.day, s.d1, s.d7, s.d30, s.next_at) IS DISTINCT FROM (excluded.counted, excluded.day, excluded.d1, excluded.d7, excluded.d30, excluded.next_at)
),
added_cohorts AS (INSERT INTO rollup_cohorts AS c ("day", n, d1, d7, d30) SELECT (s.day), sum(s.sign), coalesce(sum(s.sign * (s.d1::int)), 0), coalesce(sum(s.sign * (s.d7::int)), 0), coalesce(sum(s.sign * (s.d30::int)), 0)
    FROM delta AS s  WHERE s.counted
    GROUP BY 1
    HAVING sum(s.sign) <> 0 OR coalesce(sum(s.sign * (s.d1::int)), 0) <> 0 OR coalesce(sum(s.sign * (s.d7::int)), 0) <> 0 OR coalesce(sum(s.sign * (s.d30::int)), 0) <> 0
    ON CONFLICT ("day") DO UPDATE SET n = c.n + excluded.n, d1 = c.d1 + excluded.d1, d7 = c.d7 + excluded.d7, d30 = c.d30 + excluded.d30),
differing AS (
  SELECT coalesce(old.id, fresh.id)::text AS id FROM old FULL JOIN fresh ON fresh.id = old.id
  WHERE old.id IS NULL OR fresh.id IS NULL OR (old.counted, old.day, old.d1, old.d7, old.d30) IS DISTINCT FROM (fresh.counted, fresh.day, fresh.d1, fresh.d7, fresh.d30)
)
SELECT (SELECT count(*) FROM dirty) AS entities, count(*) AS differing, (array_agg(id))[1:5] AS examples FROM differing;
