-- build: a stretch
WITH fact AS (SELECT 1 AS sign, v."session_id", v."user_id", v."started_at", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "sessions" WHERE started_at <= least('through'::timestamptz, :as_of)
    AND started_at > 'after'::timestamptz) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id),
added_sessions AS (INSERT INTO rollup_sessions AS c (grain, day, hour, n) SELECT g.grain, g.day, g.hour, sum(n)
    FROM (SELECT (s.started_at AT TIME ZONE :timezone)::date, date_bin('1 minutes', s.started_at, '2000-01-01 00:00:00Z'::timestamptz), sum(s.sign)
    FROM fact AS s  WHERE s.counted
    GROUP BY 1, 2
    HAVING sum(s.sign) <> 0) AS a(day, hour, n)
    CROSS JOIN LATERAL (VALUES (0::smallint, '-infinity'::date, '-infinity'::timestamptz), (2::smallint, a.day, '-infinity'::timestamptz), (3::smallint, a.day, date_trunc('hour', a.hour, 'UTC')), (4::smallint, a.day, a.hour)) AS g(grain, day, hour)
    WHERE (g.grain < 3 OR g.day >= (:as_of AT TIME ZONE :timezone)::date - 40) 
    GROUP BY 1, 2, 3
    ON CONFLICT (grain, day, hour) DO UPDATE SET n = c.n + excluded.n)
SELECT;

-- refresh: users who turned internal or back
WITH turned AS (DELETE FROM rollup_sessions_turned RETURNING user_id, is_internal),
fact AS MATERIALIZED (
  SELECT CASE WHEN turned.is_internal THEN -1 ELSE 1 END AS sign, v."session_id", v."user_id", v."started_at", true AS counted
  FROM turned JOIN "sessions" AS v ON v.user_id = turned.user_id
  WHERE v.started_at <= :as_of
    AND (v.started_at <= 'watermark'::timestamptz OR EXISTS (SELECT FROM rollup_sessions_seen AS seen WHERE seen.id = v.session_id))
),
added_sessions AS (INSERT INTO rollup_sessions AS c (grain, day, hour, n) SELECT g.grain, g.day, g.hour, sum(n)
    FROM (SELECT (s.started_at AT TIME ZONE :timezone)::date, date_bin('1 minutes', s.started_at, '2000-01-01 00:00:00Z'::timestamptz), sum(s.sign)
    FROM fact AS s  WHERE s.counted
    GROUP BY 1, 2
    HAVING sum(s.sign) <> 0) AS a(day, hour, n)
    CROSS JOIN LATERAL (VALUES (0::smallint, '-infinity'::date, '-infinity'::timestamptz), (2::smallint, a.day, '-infinity'::timestamptz), (3::smallint, a.day, date_trunc('hour', a.hour, 'UTC')), (4::smallint, a.day, a.hour)) AS g(grain, day, hour)
    WHERE (g.grain < 3 OR g.day >= (:as_of AT TIME ZONE :timezone)::date - 40) 
    GROUP BY 1, 2, 3
    ON CONFLICT (grain, day, hour) DO UPDATE SET n = c.n + excluded.n)
SELECT count(*) AS moved FROM fact;

-- refresh: what changed
WITH hot AS MATERIALIZED (
  SELECT v."session_id", v."user_id", v."started_at", 0::bigint AS version FROM "sessions" AS v
  WHERE v.started_at > 'watermark'::timestamptz - interval '2 hours' AND v.started_at <= :as_of
),
differing AS MATERIALIZED (
  SELECT hot.*, seen.id IS NULL AS is_new FROM hot LEFT JOIN rollup_sessions_seen AS seen ON seen.id = hot.session_id
  
  WHERE seen.version IS DISTINCT FROM hot.version
),
changed AS MATERIALIZED (SELECT * FROM differing LIMIT 50000),
noted AS (
  INSERT INTO rollup_sessions_seen (id, version, stamp) SELECT session_id, version, started_at FROM changed
  WHERE "session_id" IS NOT NULL AND "user_id" IS NOT NULL AND "started_at" IS NOT NULL
  ON CONFLICT (id) DO UPDATE SET version = excluded.version, stamp = excluded.stamp
),
dirtied_active AS (INSERT INTO rollup_active_dirty SELECT DISTINCT dirty.id FROM (SELECT user_id FROM changed) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING),
dirtied_retention AS (INSERT INTO rollup_retention_dirty SELECT DISTINCT dirty.id FROM (SELECT c.user_id FROM changed AS c
      LEFT JOIN LATERAL (SELECT created_at FROM rollup_account WHERE id = c.user_id OFFSET 0) AS u ON true
      WHERE u.created_at IS NULL OR (c.started_at AT TIME ZONE :timezone)::date - (u.created_at AT TIME ZONE :timezone)::date IN (1, 7, 30)) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING),
dirtied_lifetime AS (INSERT INTO rollup_lifetime_dirty SELECT DISTINCT dirty.id FROM (SELECT c.user_id FROM changed AS c
      LEFT JOIN LATERAL (SELECT created_at FROM rollup_account WHERE id = c.user_id OFFSET 0) AS u ON true
      LEFT JOIN LATERAL (SELECT survived FROM rollup_lifetime WHERE id = c.user_id OFFSET 0) AS s ON true
      WHERE u.created_at IS NULL OR s.survived IS NULL OR least(26, floor(extract(epoch FROM c.started_at - u.created_at) / 604800))::smallint > s.survived) AS dirty(id)
        WHERE dirty.id IS NOT NULL ON CONFLICT DO NOTHING),
fact AS MATERIALIZED (SELECT 1 AS sign, v."session_id", v."user_id", v."started_at", NOT coalesce(u.is_internal, false) AS counted
    FROM changed AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id),
added_sessions AS (INSERT INTO rollup_sessions AS c (grain, day, hour, n) SELECT g.grain, g.day, g.hour, sum(n)
    FROM (SELECT (s.started_at AT TIME ZONE :timezone)::date, date_bin('1 minutes', s.started_at, '2000-01-01 00:00:00Z'::timestamptz), sum(s.sign)
    FROM fact AS s  WHERE s.counted
    GROUP BY 1, 2
    HAVING sum(s.sign) <> 0) AS a(day, hour, n)
    CROSS JOIN LATERAL (VALUES (0::smallint, '-infinity'::date, '-infinity'::timestamptz), (2::smallint, a.day, '-infinity'::timestamptz), (3::smallint, a.day, date_trunc('hour', a.hour, 'UTC')), (4::smallint, a.day, a.hour)) AS g(grain, day, hour)
    WHERE (g.grain < 3 OR g.day >= (:as_of AT TIME ZONE :timezone)::date - 40) 
    GROUP BY 1, 2, 3
    ON CONFLICT (grain, day, hour) DO UPDATE SET n = c.n + excluded.n)
SELECT count(*) AS changed, greatest((SELECT count(*) FROM differing) - 50000, 0) AS waiting, coalesce(bool_or("session_id" IS NULL), false) AS "null_session_id", coalesce(bool_or("user_id" IS NULL), false) AS "null_user_id", coalesce(bool_or("started_at" IS NULL), false) AS "null_started_at" FROM changed;

-- refresh: forget what is not read again
DELETE FROM rollup_sessions_seen WHERE stamp <= :as_of - interval '2 hours';
