-- build: a stretch
WITH fresh(id, level, newest_at, changes_at, next_at) AS MATERIALIZED (
SELECT d.id, CASE WHEN NOT u.is_internal AND u.created_at <= :as_of AND (u.deleted_at IS NULL OR u.deleted_at > :as_of) THEN CASE WHEN newest.at > :as_of - interval '24 hours' THEN 3
  WHEN newest.at > :as_of - interval '168 hours' THEN 2
  WHEN newest.at > :as_of - interval '720 hours' THEN 1 ELSE 0 END::smallint ELSE 0 END::smallint AS level, newest.at AS newest_at, later.at AS changes_at,
  least(later.at, CASE
  WHEN newest.at > :as_of - interval '24 hours' THEN newest.at + interval '24 hours'
  WHEN newest.at > :as_of - interval '168 hours' THEN newest.at + interval '168 hours'
  WHEN newest.at > :as_of - interval '720 hours' THEN newest.at + interval '720 hours' END) AS next_at
FROM (SELECT * FROM "users" WHERE user_id > 'after'::text AND user_id <= 'through'::text) AS u CROSS JOIN LATERAL (SELECT u.user_id) AS d(id) CROSS JOIN LATERAL (
  SELECT max(created_at) AS at FROM generations WHERE user_id = d.id AND created_at <= :as_of
) AS newest
CROSS JOIN LATERAL (SELECT min(created_at) AS at FROM generations WHERE user_id = d.id AND created_at > :as_of) AS g_next
CROSS JOIN LATERAL (SELECT least(CASE WHEN u.created_at > :as_of THEN u.created_at END, CASE WHEN u.deleted_at > :as_of THEN u.deleted_at END, g_next.at) AS at) AS later
),
delta AS (SELECT 1 AS sign, * FROM fresh),
stored AS (INSERT INTO rollup_generating (id, level, newest_at, changes_at, next_at) SELECT * FROM fresh),
added_generating_users AS (INSERT INTO rollup_generating_users AS c ("level", n) SELECT (s.level), sum(s.sign)
    FROM delta AS s  WHERE s.level > 0
    GROUP BY 1
    HAVING sum(s.sign) <> 0
    ON CONFLICT ("level") DO UPDATE SET n = c.n + excluded.n)
SELECT count(*) AS entities FROM fresh;

-- refresh: what changed, is due, or whose user turned internal or back
WITH picked AS (
  DELETE FROM rollup_generating_dirty WHERE id IN (SELECT id FROM rollup_generating_dirty LIMIT 20000) RETURNING id
),
due AS MATERIALIZED (SELECT * FROM rollup_generating WHERE next_at <= :as_of LIMIT 20000),
dirty(id) AS MATERIALIZED (SELECT id FROM picked UNION SELECT s.id FROM due AS s WHERE NOT (s.changes_at IS NULL OR s.changes_at > :as_of)),
aged AS MATERIALIZED (SELECT s.* FROM due AS s WHERE (s.changes_at IS NULL OR s.changes_at > :as_of) AND NOT EXISTS (SELECT FROM dirty WHERE dirty.id = s.id)),
old AS MATERIALIZED (
  SELECT s.id, s.level, s.newest_at, s.changes_at, s.next_at FROM dirty AS d CROSS JOIN LATERAL (SELECT * FROM rollup_generating WHERE id = d.id OFFSET 0) AS s
  UNION ALL SELECT s.id, s.level, s.newest_at, s.changes_at, s.next_at FROM aged AS s
),
fresh(id, level, newest_at, changes_at, next_at) AS MATERIALIZED (
SELECT d.id, CASE WHEN NOT u.is_internal AND u.created_at <= :as_of AND (u.deleted_at IS NULL OR u.deleted_at > :as_of) THEN CASE WHEN newest.at > :as_of - interval '24 hours' THEN 3
  WHEN newest.at > :as_of - interval '168 hours' THEN 2
  WHEN newest.at > :as_of - interval '720 hours' THEN 1 ELSE 0 END::smallint ELSE 0 END::smallint AS level, newest.at AS newest_at, later.at AS changes_at,
  least(later.at, CASE
  WHEN newest.at > :as_of - interval '24 hours' THEN newest.at + interval '24 hours'
  WHEN newest.at > :as_of - interval '168 hours' THEN newest.at + interval '168 hours'
  WHEN newest.at > :as_of - interval '720 hours' THEN newest.at + interval '720 hours' END) AS next_at
FROM dirty AS d CROSS JOIN LATERAL (SELECT * FROM "users" WHERE user_id = d.id OFFSET 0) AS u CROSS JOIN LATERAL (
  SELECT max(created_at) AS at FROM generations WHERE user_id = d.id AND created_at <= :as_of
) AS newest
CROSS JOIN LATERAL (SELECT min(created_at) AS at FROM generations WHERE user_id = d.id AND created_at > :as_of) AS g_next
CROSS JOIN LATERAL (SELECT least(CASE WHEN u.created_at > :as_of THEN u.created_at END, CASE WHEN u.deleted_at > :as_of THEN u.deleted_at END, g_next.at) AS at) AS later
  UNION ALL SELECT s.id, CASE WHEN s.level = 0 THEN 0 ELSE CASE WHEN s.newest_at > :as_of - interval '24 hours' THEN 3
  WHEN s.newest_at > :as_of - interval '168 hours' THEN 2
  WHEN s.newest_at > :as_of - interval '720 hours' THEN 1 ELSE 0 END::smallint END::smallint, s.newest_at, s.changes_at, least(s.changes_at, CASE
  WHEN s.newest_at > :as_of - interval '24 hours' THEN s.newest_at + interval '24 hours'
  WHEN s.newest_at > :as_of - interval '168 hours' THEN s.newest_at + interval '168 hours'
  WHEN s.newest_at > :as_of - interval '720 hours' THEN s.newest_at + interval '720 hours' END) FROM aged AS s
),
delta AS MATERIALIZED (
  SELECT -1 AS sign, s.id, s.level, s.newest_at, s.changes_at, s.next_at FROM old AS s UNION ALL SELECT 1, s.id, s.level, s.newest_at, s.changes_at, s.next_at FROM fresh AS s
),
gone AS (
  DELETE FROM rollup_generating AS s USING old WHERE s.id = old.id AND NOT EXISTS (SELECT FROM fresh WHERE fresh.id = old.id)
),
stored AS (
  INSERT INTO rollup_generating AS s (id, level, newest_at, changes_at, next_at)
  SELECT s.id, s.level, s.newest_at, s.changes_at, s.next_at FROM fresh AS s 
  ON CONFLICT (id) DO UPDATE SET level = excluded.level, newest_at = excluded.newest_at, changes_at = excluded.changes_at, next_at = excluded.next_at
  WHERE (s.level, s.newest_at, s.changes_at, s.next_at) IS DISTINCT FROM (excluded.level, excluded.newest_at, excluded.changes_at, excluded.next_at)
),
added_generating_users AS (INSERT INTO rollup_generating_users AS c ("level", n) SELECT (s.level), sum(s.sign)
    FROM delta AS s  WHERE s.level > 0
    GROUP BY 1
    HAVING sum(s.sign) <> 0
    ON CONFLICT ("level") DO UPDATE SET n = c.n + excluded.n),
differing AS (
  SELECT coalesce(old.id, fresh.id)::text AS id FROM old FULL JOIN fresh ON fresh.id = old.id
  WHERE old.id IS NULL OR fresh.id IS NULL OR (old.level, old.newest_at, old.changes_at) IS DISTINCT FROM (fresh.level, fresh.newest_at, fresh.changes_at)
)
SELECT (SELECT count(*) FROM dirty) + (SELECT count(*) FROM aged) AS entities, count(*) AS differing, (array_agg(id))[1:5] AS examples FROM differing;
