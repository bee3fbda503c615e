-- build: a stretch
WITH fresh(id, counted, tier, country, characters, activity, next_at) AS MATERIALIZED (
SELECT d.id, NOT u.is_internal AND u.created_at <= :as_of AND (u.deleted_at IS NULL OR u.deleted_at > :as_of) AS counted, coalesce(t.tier, 'free') AS tier, coalesce(u.country::text, '') AS country,
  CASE WHEN coalesce(c.n, 0) <= 0 THEN '0' WHEN coalesce(c.n, 0) <= 1 THEN '1' WHEN coalesce(c.n, 0) <= 5 THEN '2-5' WHEN coalesce(c.n, 0) <= 20 THEN '6-20' ELSE '21+' END AS characters,
  CASE WHEN g.n >= :power THEN 'power' WHEN g.n >= :regular THEN 'regular' WHEN g.n >= :casual THEN 'casual' ELSE 'dormant' END AS activity,
  least(CASE WHEN u.created_at > :as_of THEN u.created_at END, CASE WHEN u.deleted_at > :as_of THEN u.deleted_at END, t.next_at, c.next_at, g_next.at, CASE WHEN g.n >= :power THEN g.at[:power] WHEN g.n >= :regular
    THEN g.at[:regular] WHEN g.n >= :casual THEN g.at[:casual] END + interval '720 hours') AS next_at
FROM (SELECT * FROM "users" WHERE user_id > 'after'::text AND user_id <= 'through'::text) AS u CROSS JOIN LATERAL (SELECT u.user_id) AS d(id) CROSS JOIN LATERAL (
  SELECT (array_agg(s.tier::text ORDER BY div(s.amount_minor::numeric * CASE s.interval WHEN 'month' THEN 12 WHEN 'year' THEN 1 WHEN 'week' THEN 52 END * 1e18, (12 * nullif(s.interval_count, 0)) * power(10::numeric, coalesce((:currency_decimals ->> coalesce(nullif(s.currency::text, ''), 'unknown'))::int, 2))) DESC NULLS LAST,
    s.tier::text COLLATE "C") FILTER (WHERE s.started_at <= :as_of AND (s.ended_at IS NULL OR s.ended_at > :as_of) AND s.status IN ('active', 'past_due', 'trialing')))[1] AS tier,
    min(least(CASE WHEN s.started_at > :as_of THEN s.started_at END, CASE WHEN s.ended_at > :as_of THEN s.ended_at END)) AS next_at
  FROM subscriptions s WHERE s.user_id = d.id
) AS t
CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE created_at <= :as_of AND (deleted_at IS NULL OR deleted_at > :as_of)) AS n,
    min(least(CASE WHEN created_at > :as_of THEN created_at END, CASE WHEN deleted_at > :as_of THEN deleted_at END)) AS next_at
  FROM characters WHERE user_id = d.id
) AS c
CROSS JOIN LATERAL (
  SELECT count(*) AS n, array_agg(created_at ORDER BY created_at DESC) AS at FROM (
    SELECT created_at FROM generations
    WHERE user_id = d.id AND created_at > :as_of - interval '720 hours' AND created_at <= :as_of
    ORDER BY created_at DESC LIMIT :power
  ) AS newest
) AS g
CROSS JOIN LATERAL (SELECT min(created_at) AS at FROM generations WHERE user_id = d.id AND created_at > :as_of) AS g_next
),
delta AS (SELECT 1 AS sign, * FROM fresh),
stored AS (INSERT INTO rollup_population (id, counted, tier, country, characters, activity, next_at) SELECT * FROM fresh),
added_users AS (INSERT INTO rollup_users AS c ("tier", "country", "characters", "activity", n) SELECT (s.tier), (s.country), (s.characters), (s.activity), sum(s.sign)
    FROM delta AS s  WHERE s.counted
    GROUP BY 1, 2, 3, 4
    HAVING sum(s.sign) <> 0
    ON CONFLICT ("tier", "country", "characters", "activity") DO UPDATE SET n = c.n + excluded.n)
SELECT count(*) AS entities FROM fresh;

-- refresh: what changed, is due, or whose user turned internal or back
WITH picked AS (
  DELETE FROM rollup_population_dirty WHERE id IN (SELECT id FROM rollup_population_dirty LIMIT 20000) RETURNING id
),
due AS MATERIALIZED (SELECT * FROM rollup_population WHERE next_at <= :as_of LIMIT 20000),
dirty(id) AS MATERIALIZED (SELECT id FROM picked UNION SELECT s.id FROM due AS s ),
old AS MATERIALIZED (
  SELECT s.id, s.counted, s.tier, s.country, s.characters, s.activity, s.next_at FROM dirty AS d CROSS JOIN LATERAL (SELECT * FROM rollup_population WHERE id = d.id OFFSET 0) AS s
),
fresh(id, counted, tier, country, characters, activity, next_at) AS MATERIALIZED (
SELECT d.id, NOT u.is_internal AND u.created_at <= :as_of AND (u.deleted_at IS NULL OR u.deleted_at > :as_of) AS counted, coalesce(t.tier, 'free') AS tier, coalesce(u.country::text, '') AS country,
  CASE WHEN coalesce(c.n, 0) <= 0 THEN '0' WHEN coalesce(c.n, 0) <= 1 THEN '1' WHEN coalesce(c.n, 0) <= 5 THEN '2-5' WHEN coalesce(c.n, 0) <= 20 THEN '6-20' ELSE '21+' END AS characters,
  CASE WHEN g.n >= :power THEN 'power' WHEN g.n >= :regular THEN 'regular' WHEN g.n >= :casual THEN 'casual' ELSE 'dormant' END AS activity,
  least(CASE WHEN u.created_at > :as_of THEN u.created_at END, CASE WHEN u.deleted_at > :as_of THEN u.deleted_at END, t.next_at, c.next_at, g_next.at, CASE WHEN g.n >= :power THEN g.at[:power] WHEN g.n >= :regular
    THEN g.at[:regular] WHEN g.n >= :casual THEN g.at[:casual] END + interval '720 hours') AS next_at
FROM dirty AS d CROSS JOIN LATERAL (SELECT * FROM "users" WHERE user_id = d.id OFFSET 0) AS u CROSS JOIN LATERAL (
  SELECT (array_agg(s.tier::text ORDER BY div(s.amount_minor::numeric * CASE s.interval WHEN 'month' THEN 12 WHEN 'year' THEN 1 WHEN 'week' THEN 52 END * 1e18, (12 * nullif(s.interval_count, 0)) * power(10::numeric, coalesce((:currency_decimals ->> coalesce(nullif(s.currency::text, ''), 'unknown'))::int, 2))) DESC NULLS LAST,
    s.tier::text COLLATE "C") FILTER (WHERE s.started_at <= :as_of AND (s.ended_at IS NULL OR s.ended_at > :as_of) AND s.status IN ('active', 'past_due', 'trialing')))[1] AS tier,
    min(least(CASE WHEN s.started_at > :as_of THEN s.started_at END, CASE WHEN s.ended_at > :as_of THEN s.ended_at END)) AS next_at
  FROM subscriptions s WHERE s.user_id = d.id
) AS t
CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE created_at <= :as_of AND (deleted_at IS NULL OR deleted_at > :as_of)) AS n,
    min(least(CASE WHEN created_at > :as_of THEN created_at END, CASE WHEN deleted_at > :as_of THEN deleted_at END)) AS next_at
  FROM characters WHERE user_id = d.id
) AS c
CROSS JOIN LATERAL (
  SELECT count(*) AS n, array_agg(created_at ORDER BY created_at DESC) AS at FROM (
    SELECT created_at FROM generations
    WHERE user_id = d.id AND created_at > :as_of - interval '720 hours' AND created_at <= :as_of
    ORDER BY created_at DESC LIMIT :power
  ) AS newest
) AS g
CROSS JOIN LATERAL (SELECT min(created_at) AS at FROM generations WHERE user_id = d.id AND created_at > :as_of) AS g_next
),
delta AS MATERIALIZED (
  SELECT -1 AS sign, s.id, s.counted, s.tier, s.country, s.characters, s.activity, s.next_at FROM old AS s UNION ALL SELECT 1, s.id, s.counted, s.tier, s.country, s.characters, s.activity, s.next_at FROM fresh AS s
),
gone AS (
  DELETE FROM rollup_population AS s USING old WHERE s.id = old.id AND NOT EXISTS (SELECT FROM fresh WHERE fresh.id = old.id)
),
stored AS (
  INSERT INTO rollup_population AS s (id, counted, tier, country, characters, activity, next_at)
  SELECT s.id, s.counted, s.tier, s.country, s.characters, s.activity, s.next_at FROM fresh AS s 
  ON CONFLICT (id) DO UPDATE SET counted = excluded.counted, tier = excluded.tier, country = excluded.country, characters = excluded.characters, activity = excluded.activity, next_at = excluded.next_at
  WHERE (s.counted, s.tier, s.country, s.characters, s.activity, s.next_at) IS DISTINCT FROM (excluded.counted, excluded.tier, excluded.country, excluded.characters, excluded.activity, excluded.next_at)
),
added_users AS (INSERT INTO rollup_users AS c ("tier", "country", "characters", "activity", n) SELECT (s.tier), (s.country), (s.characters), (s.activity), sum(s.sign)
    FROM delta AS s  WHERE s.counted
    GROUP BY 1, 2, 3, 4
    HAVING sum(s.sign) <> 0
    ON CONFLICT ("tier", "country", "characters", "activity") DO UPDATE SET n = c.n + excluded.n),
differing AS (
  SELECT coalesce(old.id, fresh.id)::text AS id FROM old FULL JOIN fresh ON fresh.id = old.id
  WHERE old.id IS NULL OR fresh.id IS NULL OR (old.counted, old.tier, old.country, old.characters, old.activity) IS DISTINCT FROM (fresh.counted, fresh.tier, fresh.country, fresh.characters, fresh.activity)
)
SELECT (SELECT count(*) FROM dirty) AS entities, count(*) AS differing, (array_agg(id))[1:5] AS examples FROM differing;
