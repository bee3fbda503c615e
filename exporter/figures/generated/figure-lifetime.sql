-- platform_user_lifetime_users: plain SQL, which defines it
WITH reached AS (
  SELECT week, u.user_id, u.created_at + week * interval '168 hours' AS begins_at
  FROM users u
  CROSS JOIN generate_series(0, 26) AS week
  WHERE NOT coalesce(u.is_internal, false) AND u.created_at + week * interval '168 hours' <= :as_of
),
last_session AS (
  SELECT user_id, max(started_at) AS at
  FROM sessions
  WHERE started_at <= :as_of
  GROUP BY user_id
)
SELECT week, count(*) AS value
FROM reached
GROUP BY 1;

-- platform_user_lifetime_users: from the store
SELECT reached.week, sum(n) AS value
FROM generate_series(0, 26) AS reached(week)
JOIN rollup_lifetime_begun AS begun ON begun.week >= reached.week
GROUP BY 1
HAVING sum(n) > 0;

-- platform_user_lifetime_users: what changed it, for its past
SELECT week, at, n AS value, n FROM (
SELECT week, u.created_at + week * interval '168 hours' AS at, 1 AS n
FROM users u
CROSS JOIN generate_series(0, 26) AS week
WHERE NOT coalesce(u.is_internal, false) AND u.created_at <= :to) AS reached;

-- platform_user_lifetime_survivors: plain SQL, which defines it
WITH reached AS (
  SELECT week, u.user_id, u.created_at + week * interval '168 hours' AS begins_at
  FROM users u
  CROSS JOIN generate_series(0, 26) AS week
  WHERE NOT coalesce(u.is_internal, false) AND u.created_at + week * interval '168 hours' <= :as_of
),
last_session AS (
  SELECT user_id, max(started_at) AS at
  FROM sessions
  WHERE started_at <= :as_of
  GROUP BY user_id
)
SELECT week, count(*) FILTER (WHERE l.at >= reached.begins_at) AS value
FROM reached
LEFT JOIN last_session l USING (user_id)
GROUP BY 1;

-- platform_user_lifetime_survivors: from the store
SELECT reached.week, (
  SELECT coalesce(sum(n), 0) FROM rollup_lifetime_survived AS survived WHERE survived.week >= reached.week
) AS value
FROM generate_series(0, 26) AS reached(week)
WHERE EXISTS (SELECT FROM rollup_lifetime_begun AS begun WHERE begun.week >= reached.week AND n > 0);

-- platform_user_lifetime_survivors: what changed it, for its past
SELECT week, at, 0 AS value, n FROM (
SELECT week, u.created_at + week * interval '168 hours' AS at, 1 AS n
FROM users u
CROSS JOIN generate_series(0, 26) AS week
WHERE NOT coalesce(u.is_internal, false) AND u.created_at <= :to) AS reached
UNION ALL SELECT week, date_bin('1 hour', least(greatest(at, :epoch), :end) + interval '59 minutes 59.999999 seconds', :epoch), 1, 0 FROM (
SELECT week, x.at
FROM (
  SELECT user_id, started_at AS at, lag(started_at) OVER (PARTITION BY user_id ORDER BY started_at) AS before
  FROM sessions
) AS x
JOIN users u USING (user_id)
CROSS JOIN LATERAL generate_series(
  greatest(coalesce(floor(extract(epoch FROM x.before - u.created_at) / 604800)::int + 1, 0), 0), least(floor(extract(epoch FROM x.at - u.created_at) / 604800)::int, 26)
) AS week
WHERE NOT coalesce(u.is_internal, false) AND x.at >= u.created_at AND x.at <= :to) AS survived;
