-- build: a stretch
WITH fresh(id, characters, next_at) AS MATERIALIZED (
SELECT d.id, CASE WHEN NOT u.is_internal AND u.created_at <= :as_of AND (u.deleted_at IS NULL OR u.deleted_at > :as_of) THEN c.n ELSE 0 END AS characters, least(CASE WHEN u.created_at > :as_of THEN u.created_at END, CASE WHEN u.deleted_at > :as_of THEN u.deleted_at END, c.next_at) AS next_at
FROM (SELECT * FROM "users" WHERE user_id > 'after'::text AND user_id <= 'through'::text) AS u CROSS JOIN LATERAL (SELECT u.user_id) AS d(id)
CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE created_at <= :as_of AND (deleted_at IS NULL OR deleted_at > :as_of)) AS n,
    min(least(CASE WHEN created_at > :as_of THEN created_at END, CASE WHEN deleted_at > :as_of THEN deleted_at END)) AS next_at
  FROM characters WHERE user_id = d.id
) AS c
),
delta AS (SELECT 1 AS sign, * FROM fresh),
stored AS (INSERT INTO rollup_character_owner (id, characters, next_at) SELECT * FROM fresh),
added_characters AS (INSERT INTO rollup_characters AS c (n, characters) SELECT sum(s.sign), coalesce(sum(s.sign * (s.characters)), 0)
    FROM delta AS s  WHERE s.characters > 0
    
    HAVING sum(s.sign) <> 0 OR coalesce(sum(s.sign * (s.characters)), 0) <> 0
    ON CONFLICT (only_row) DO UPDATE SET n = c.n + excluded.n, characters = c.characters + excluded.characters)
SELECT count(*) AS entities FROM fresh;

-- refresh: what changed, is due, or whose user turned internal or back
WITH picked AS (
  DELETE FROM rollup_character_owner_dirty WHERE id IN (SELECT id FROM rollup_character_owner_dirty LIMIT 20000) RETURNING id
),
due AS MATERIALIZED (SELECT * FROM rollup_character_owner WHERE next_at <= :as_of LIMIT 20000),
dirty(id) AS MATERIALIZED (SELECT id FROM picked UNION SELECT s.id FROM due AS s ),
old AS MATERIALIZED (
  SELECT s.id, s.characters, s.next_at FROM dirty AS d CROSS JOIN LATERAL (SELECT * FROM rollup_character_owner WHERE id = d.id OFFSET 0) AS s
),
fresh(id, characters, next_at) AS MATERIALIZED (
SELECT d.id, CASE WHEN NOT u.is_internal AND u.created_at <= :as_of AND (u.deleted_at IS NULL OR u.deleted_at > :as_of) THEN c.n ELSE 0 END AS characters, least(CASE WHEN u.created_at > :as_of THEN u.created_at END, CASE WHEN u.deleted_at > :as_of THEN u.deleted_at END, c.next_at) AS next_at
FROM dirty AS d CROSS JOIN LATERAL (SELECT * FROM "users" WHERE user_id = d.id OFFSET 0) AS u
CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE created_at <= :as_of AND (deleted_at IS NULL OR deleted_at > :as_of)) AS n,
    min(least(CASE WHEN created_at > :as_of THEN created_at END, CASE WHEN deleted_at > :as_of THEN deleted_at END)) AS next_at
  FROM characters WHERE user_id = d.id
) AS c
),
delta AS MATERIALIZED (
  SELECT -1 AS sign, s.id, s.characters, s.next_at FROM old AS s UNION ALL SELECT 1, s.id, s.characters, s.next_at FROM fresh AS s
),
gone AS (
  DELETE FROM rollup_character_owner AS s USING old WHERE s.id = old.id AND NOT EXISTS (SELECT FROM fresh WHERE fresh.id = old.id)
),
stored AS (
  INSERT INTO rollup_character_owner AS s (id, characters, next_at)
  SELECT s.id, s.characters, s.next_at FROM fresh AS s 
  ON CONFLICT (id) DO UPDATE SET characters = excluded.characters, next_at = excluded.next_at
  WHERE (s.characters, s.next_at) IS DISTINCT FROM (excluded.characters, excluded.next_at)
),
added_characters AS (INSERT INTO rollup_characters AS c (n, characters) SELECT sum(s.sign), coalesce(sum(s.sign * (s.characters)), 0)
    FROM delta AS s  WHERE s.characters > 0
    
    HAVING sum(s.sign) <> 0 OR coalesce(sum(s.sign * (s.characters)), 0) <> 0
    ON CONFLICT (only_row) DO UPDATE SET n = c.n + excluded.n, characters = c.characters + excluded.characters),
differing AS (
  SELECT coalesce(old.id, fresh.id)::text AS id FROM old FULL JOIN fresh ON fresh.id = old.id
  WHERE old.id IS NULL OR fresh.id IS NULL OR (old.characters) IS DISTINCT FROM (fresh.characters)
)
SELECT (SELECT count(*) FROM dirty) AS entities, count(*) AS differing, (array_agg(id))[1:5] AS examples FROM differing;
