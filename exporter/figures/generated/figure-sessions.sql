-- platform_sessions: plain SQL, which defines it
SELECT w."window", count(*) AS value
FROM sessions x
LEFT JOIN users u USING (user_id)
CROSS JOIN (VALUES ('1d', NULL::timestamptz, :as_of - interval '24 hours'), ('7d', NULL::timestamptz, :as_of - interval '168 hours'), ('30d', NULL::timestamptz, :as_of - interval '720 hours'), ('ever', NULL::timestamptz, NULL::timestamptz)) AS w("window", since, after)
WHERE NOT coalesce(u.is_internal, false) AND x.started_at <= :as_of AND (w.since IS NULL OR x.started_at >= w.since) AND (w.after IS NULL OR x.started_at > w.after)
GROUP BY 1;

-- platform_sessions: from the store
SELECT "window", sum(n) AS value
FROM (SELECT '1d' AS "window", n FROM rollup_sessions WHERE grain = 2 AND day > ((date_trunc('hour', (:as_of - interval '24 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date 
  UNION ALL SELECT '1d' AS "window", n FROM rollup_sessions WHERE grain = 3 AND day = ((date_trunc('hour', (:as_of - interval '24 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date AND hour >= (date_trunc('hour', (:as_of - interval '24 hours'), 'UTC') + interval '1 hour')
  UNION ALL SELECT '1d' AS "window", n FROM rollup_sessions WHERE grain = 4 AND (day, hour) >= (((date_bin('1 minutes', (:as_of - interval '24 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '1 minutes') AT TIME ZONE :timezone)::date, (date_bin('1 minutes', (:as_of - interval '24 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '1 minutes')) AND (day, hour) < (((date_trunc('hour', (:as_of - interval '24 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date, (date_trunc('hour', (:as_of - interval '24 hours'), 'UTC') + interval '1 hour'))
  UNION ALL SELECT '1d' AS "window", 1 AS n
    FROM (SELECT 1 AS sign, v."session_id", v."user_id", v."started_at", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "sessions" WHERE started_at > (:as_of - interval '24 hours') AND started_at < (date_bin('1 minutes', (:as_of - interval '24 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '1 minutes')) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id) AS s  WHERE s.counted
  UNION ALL SELECT '7d' AS "window", n FROM rollup_sessions WHERE grain = 2 AND day > ((date_trunc('hour', (:as_of - interval '168 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date 
  UNION ALL SELECT '7d' AS "window", n FROM rollup_sessions WHERE grain = 3 AND day = ((date_trunc('hour', (:as_of - interval '168 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date AND hour >= (date_trunc('hour', (:as_of - interval '168 hours'), 'UTC') + interval '1 hour')
  UNION ALL SELECT '7d' AS "window", n FROM rollup_sessions WHERE grain = 4 AND (day, hour) >= (((date_bin('1 minutes', (:as_of - interval '168 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '1 minutes') AT TIME ZONE :timezone)::date, (date_bin('1 minutes', (:as_of - interval '168 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '1 minutes')) AND (day, hour) < (((date_trunc('hour', (:as_of - interval '168 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date, (date_trunc('hour', (:as_of - interval '168 hours'), 'UTC') + interval '1 hour'))
  UNION ALL SELECT '7d' AS "window", 1 AS n
    FROM (SELECT 1 AS sign, v."session_id", v."user_id", v."started_at", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "sessions" WHERE started_at > (:as_of - interval '168 hours') AND started_at < (date_bin('1 minutes', (:as_of - interval '168 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '1 minutes')) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id) AS s  WHERE s.counted
  UNION ALL SELECT '30d' AS "window", n FROM rollup_sessions WHERE grain = 2 AND day > ((date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date 
  UNION ALL SELECT '30d' AS "window", n FROM rollup_sessions WHERE grain = 3 AND day = ((date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date AND hour >= (date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour')
  UNION ALL SELECT '30d' AS "window", n FROM rollup_sessions WHERE grain = 4 AND (day, hour) >= (((date_bin('1 minutes', (:as_of - interval '720 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '1 minutes') AT TIME ZONE :timezone)::date, (date_bin('1 minutes', (:as_of - interval '720 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '1 minutes')) AND (day, hour) < (((date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour') AT TIME ZONE :timezone)::date, (date_trunc('hour', (:as_of - interval '720 hours'), 'UTC') + interval '1 hour'))
  UNION ALL SELECT '30d' AS "window", 1 AS n
    FROM (SELECT 1 AS sign, v."session_id", v."user_id", v."started_at", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "sessions" WHERE started_at > (:as_of - interval '720 hours') AND started_at < (date_bin('1 minutes', (:as_of - interval '720 hours'), '2000-01-01 00:00:00Z'::timestamptz) + interval '1 minutes')) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id) AS s  WHERE s.counted
  UNION ALL SELECT 'ever' AS "window", n FROM rollup_sessions WHERE grain = 0) AS r
GROUP BY 1;

-- platform_sessions: what changed it, for its past
WITH cell AS MATERIALIZED (
  SELECT date_bin('15 minutes', greatest(at, :epoch), :epoch) AS quarter, date_bin('1 hour', least(greatest(at, :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch) AS hour,
    sum(value) AS value, count(*) AS n
  FROM (
SELECT x.started_at AS at, 1 AS value
FROM sessions x
LEFT JOIN users u USING (user_id)
WHERE NOT coalesce(u.is_internal, false)) AS fact
  WHERE at <= :to
  GROUP BY quarter, hour)
SELECT 'ever' AS "window", cell.hour AS at, value, n FROM cell
UNION ALL
SELECT edge."window", cell.hour + edge.shift, edge.sign * value, edge.sign * n
FROM cell CROSS JOIN (VALUES ('1d', interval '0', 1), ('1d', interval '24 hours', -1), ('7d', interval '0', 1), ('7d', interval '168 hours', -1), ('30d', interval '0', 1), ('30d', interval '720 hours', -1)) AS edge("window", shift, sign);

-- analytics_sessions: over a range
SELECT bucket, sum(n)::bigint AS n
FROM (SELECT CASE WHEN :period <> 'all' THEN date_trunc(:period, (day)::timestamp)::date END AS bucket, n FROM (
    SELECT day, n FROM rollup_sessions
    WHERE grain = 2 AND day BETWEEN CASE WHEN ((:since - interval '1 microsecond') AT TIME ZONE :timezone)::date < (:since AT TIME ZONE :timezone)::date THEN (:since AT TIME ZONE :timezone)::date
    ELSE (:since AT TIME ZONE :timezone)::date + 1 END AND CASE WHEN :until > :as_of THEN (:as_of AT TIME ZONE :timezone)::date
    WHEN (:until AT TIME ZONE :timezone)::date > ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date THEN ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date
    ELSE ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date - 1 END
    UNION ALL SELECT (s.started_at AT TIME ZONE :timezone)::date AS day, 1 AS n
    FROM (SELECT 1 AS sign, v."session_id", v."user_id", v."started_at", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "sessions" WHERE started_at >= :since AND started_at < least(:until, :since + interval '50 hours')) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id) AS s  WHERE (s.counted) AND (s.started_at AT TIME ZONE :timezone)::date < CASE WHEN ((:since - interval '1 microsecond') AT TIME ZONE :timezone)::date < (:since AT TIME ZONE :timezone)::date THEN (:since AT TIME ZONE :timezone)::date
    ELSE (:since AT TIME ZONE :timezone)::date + 1 END
    UNION ALL SELECT (s.started_at AT TIME ZONE :timezone)::date AS day, 1 AS n
    FROM (SELECT 1 AS sign, v."session_id", v."user_id", v."started_at", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "sessions" WHERE started_at >= greatest(:since, :until - interval '50 hours') AND started_at < :until) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id) AS s  WHERE (s.counted) AND (s.started_at AT TIME ZONE :timezone)::date >= CASE WHEN ((:since - interval '1 microsecond') AT TIME ZONE :timezone)::date < (:since AT TIME ZONE :timezone)::date THEN (:since AT TIME ZONE :timezone)::date
    ELSE (:since AT TIME ZONE :timezone)::date + 1 END AND (s.started_at AT TIME ZONE :timezone)::date > CASE WHEN :until > :as_of THEN (:as_of AT TIME ZONE :timezone)::date
    WHEN (:until AT TIME ZONE :timezone)::date > ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date THEN ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date
    ELSE ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date - 1 END
  ) AS d) AS r
WHERE NOT :filters ?| ARRAY['tier', 'country', 'characters', 'activity']
GROUP BY 1
UNION ALL
SELECT CASE WHEN :period <> 'all' THEN date_trunc(:period, ((x.started_at AT TIME ZONE :timezone)::date)::timestamp)::date END, count(*)
FROM sessions x JOIN users u USING (user_id) JOIN rollup_population p ON p.id = x.user_id
WHERE :filters ?| ARRAY['tier', 'country', 'characters', 'activity'] AND NOT coalesce(u.is_internal, false) AND x.started_at >= :since AND x.started_at < :until AND (NOT :filters ? 'tier' OR :filters -> 'tier' ? (CASE WHEN coalesce((p.tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (p.tier)::text = 'free' THEN 'free'
    WHEN (p.tier)::text = ANY (:kept_tier) THEN (p.tier)::text ELSE 'other' END)) AND (NOT :filters ? 'country' OR :filters -> 'country' ? (CASE WHEN coalesce((p.country)::text, '') IN ('', 'unknown') THEN 'unknown'
    WHEN (p.country)::text = ANY (:kept_country) THEN (p.country)::text ELSE 'other' END)) AND (NOT :filters ? 'characters' OR :filters -> 'characters' ? (p.characters)) AND (NOT :filters ? 'activity' OR :filters -> 'activity' ? (p.activity))
GROUP BY 1;
