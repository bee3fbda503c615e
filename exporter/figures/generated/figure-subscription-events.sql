-- platform_mrr_movement: plain SQL, which defines it
SELECT
  CASE e.kind WHEN 'new' THEN 'new' WHEN 'upgrade' THEN 'expansion' WHEN 'downgrade' THEN 'contraction' WHEN 'cancel' THEN 'churn' WHEN 'reactivate' THEN 'reactivation' END AS movement,
  coalesce(nullif(e.currency::text, ''), 'unknown') AS currency,
  sum(CASE WHEN e.kind IN ('downgrade', 'cancel') THEN -1 ELSE 1 END * (e.mrr_after_minor - e.mrr_before_minor))
    / power(10::numeric, coalesce((:currency_decimals ->> coalesce(nullif(e.currency::text, ''), 'unknown'))::int, 2)) AS value
FROM subscription_events e
LEFT JOIN users u USING (user_id)
WHERE NOT coalesce(u.is_internal, false) AND e.occurred_at <= :as_of
  AND e.kind IN ('new', 'upgrade', 'downgrade', 'cancel', 'reactivate')
GROUP BY 1, coalesce(nullif(e.currency::text, ''), 'unknown');

-- platform_mrr_movement: from the store
SELECT
  CASE r.kind WHEN 'new' THEN 'new' WHEN 'upgrade' THEN 'expansion' WHEN 'downgrade' THEN 'contraction' WHEN 'cancel' THEN 'churn' WHEN 'reactivate' THEN 'reactivation' END AS movement,
  r.currency,
  sum(CASE WHEN r.kind IN ('downgrade', 'cancel') THEN -1 ELSE 1 END * (r.moved_minor)) / power(10::numeric, coalesce((:currency_decimals ->> r.currency)::int, 2)) AS value
FROM (SELECT 'ever' AS "window", "kind", "currency", n, moved_minor FROM rollup_mrr_movement WHERE grain = 0) AS r
WHERE n > 0
GROUP BY 1, 2;

-- platform_mrr_movement: what changed it, for its past
SELECT "movement", "currency", at, value, 1 AS n FROM (
SELECT 
  CASE e.kind WHEN 'new' THEN 'new' WHEN 'upgrade' THEN 'expansion' WHEN 'downgrade' THEN 'contraction' WHEN 'cancel' THEN 'churn' WHEN 'reactivate' THEN 'reactivation' END AS movement,
  coalesce(nullif(e.currency::text, ''), 'unknown') AS currency,
  CASE WHEN e.kind IN ('downgrade', 'cancel') THEN -1 ELSE 1 END * (e.mrr_after_minor - e.mrr_before_minor) AS value, e.occurred_at AS at
FROM subscription_events e
LEFT JOIN users u USING (user_id)
WHERE NOT coalesce(u.is_internal, false) AND e.kind IN ('new', 'upgrade', 'downgrade', 'cancel', 'reactivate')) AS fact;

-- platform_subscription_changes: plain SQL, which defines it
SELECT e.kind AS change, CASE WHEN coalesce((coalesce(nullif(e.to_tier, ''), e.from_tier))::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (coalesce(nullif(e.to_tier, ''), e.from_tier))::text = 'free' THEN 'free'
    WHEN (coalesce(nullif(e.to_tier, ''), e.from_tier))::text = ANY (:kept_tier) THEN (coalesce(nullif(e.to_tier, ''), e.from_tier))::text ELSE 'other' END AS tier, count(*) AS value
FROM subscription_events e
LEFT JOIN users u USING (user_id)
WHERE NOT coalesce(u.is_internal, false) AND e.occurred_at <= :as_of
  AND e.kind IN ('new', 'upgrade', 'downgrade', 'cancel', 'reactivate')
GROUP BY 1, 2;

-- platform_subscription_changes: from the store
SELECT r.kind AS change, CASE WHEN coalesce((r.tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (r.tier)::text = 'free' THEN 'free'
    WHEN (r.tier)::text = ANY (:kept_tier) THEN (r.tier)::text ELSE 'other' END AS tier, sum(n) AS value
FROM (SELECT 'ever' AS "window", "kind", "tier", n FROM rollup_subscription_changes WHERE grain = 0) AS r
WHERE n > 0
GROUP BY 1, 2;

-- platform_subscription_changes: what changed it, for its past
SELECT "change", "tier", at, value, 1 AS n FROM (
SELECT e.kind AS change, CASE WHEN coalesce((coalesce(nullif(e.to_tier, ''), e.from_tier))::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (coalesce(nullif(e.to_tier, ''), e.from_tier))::text = 'free' THEN 'free'
    WHEN (coalesce(nullif(e.to_tier, ''), e.from_tier))::text = ANY (:kept_tier) THEN (coalesce(nullif(e.to_tier, ''), e.from_tier))::text ELSE 'other' END AS tier, 1 AS value, e.occurred_at AS at
FROM subscription_events e
LEFT JOIN users u USING (user_id)
WHERE NOT coalesce(u.is_internal, false) AND e.kind IN ('new', 'upgrade', 'downgrade', 'cancel', 'reactivate')) AS fact;

-- analytics_mrr_movements: over a range
SELECT bucket, CASE kind WHEN 'new' THEN 'new' WHEN 'upgrade' THEN 'expansion' WHEN 'downgrade' THEN 'contraction' WHEN 'cancel' THEN 'churn' WHEN 'reactivate' THEN 'reactivation' END AS movement, currency,
  sum(CASE WHEN kind IN ('downgrade', 'cancel') THEN -1 ELSE 1 END * (moved_minor)) / power(10::numeric, coalesce((:currency_decimals ->> currency)::int, 2)) AS amount
FROM (SELECT CASE WHEN :period <> 'all' THEN date_trunc(:period, (day)::timestamp)::date END AS bucket, "kind", "currency", n, moved_minor FROM (
    SELECT day, "kind", "currency", n, moved_minor FROM rollup_mrr_movement
    WHERE grain = 2 AND day BETWEEN CASE WHEN ((:since - interval '1 microsecond') AT TIME ZONE :timezone)::date < (:since AT TIME ZONE :timezone)::date THEN (:since AT TIME ZONE :timezone)::date
    ELSE (:since AT TIME ZONE :timezone)::date + 1 END AND CASE WHEN :until > :as_of THEN (:as_of AT TIME ZONE :timezone)::date
    WHEN (:until AT TIME ZONE :timezone)::date > ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date THEN ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date
    ELSE ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date - 1 END
    UNION ALL SELECT (s.occurred_at AT TIME ZONE :timezone)::date AS day, s.kind AS "kind", coalesce(nullif(s.currency::text, ''), 'unknown') AS "currency", 1 AS n, coalesce(s.mrr_after_minor - s.mrr_before_minor, 0) AS moved_minor
    FROM (SELECT 1 AS sign, v."event_id", v."subscription_id", v."user_id", v."occurred_at", v."kind", v."from_tier", v."to_tier", v."mrr_before_minor", v."mrr_after_minor", v."currency", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "subscription_events" WHERE occurred_at >= :since AND occurred_at < least(:until, :since + interval '50 hours')) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id) AS s  WHERE (s.counted AND s.kind IN ('new', 'upgrade', 'downgrade', 'cancel', 'reactivate')) AND (s.occurred_at AT TIME ZONE :timezone)::date < CASE WHEN ((:since - interval '1 microsecond') AT TIME ZONE :timezone)::date < (:since AT TIME ZONE :timezone)::date THEN (:since AT TIME ZONE :timezone)::date
    ELSE (:since AT TIME ZONE :timezone)::date + 1 END
    UNION ALL SELECT (s.occurred_at AT TIME ZONE :timezone)::date AS day, s.kind AS "kind", coalesce(nullif(s.currency::text, ''), 'unknown') AS "currency", 1 AS n, coalesce(s.mrr_after_minor - s.mrr_before_minor, 0) AS moved_minor
    FROM (SELECT 1 AS sign, v."event_id", v."subscription_id", v."user_id", v."occurred_at", v."kind", v."from_tier", v."to_tier", v."mrr_before_minor", v."mrr_after_minor", v."currency", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "subscription_events" WHERE occurred_at >= greatest(:since, :until - interval '50 hours') AND occurred_at < :until) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id) AS s  WHERE (s.counted AND s.kind IN ('new', 'upgrade', 'downgrade', 'cancel', 'reactivate')) AND (s.occurred_at AT TIME ZONE :timezone)::date >= CASE WHEN ((:since - interval '1 microsecond') AT TIME ZONE :timezone)::date < (:since AT TIME ZONE :timezone)::date THEN (:since AT TIME ZONE :timezone)::date
    ELSE (:since AT TIME ZONE :timezone)::date + 1 END AND (s.occurred_at AT TIME ZONE :timezone)::date > CASE WHEN :until > :as_of THEN (:as_of AT TIME ZONE :timezone)::date
    WHEN (:until AT TIME ZONE :timezone)::date > ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date THEN ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date
    ELSE ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date - 1 END
  ) AS d) AS r
WHERE (NOT :filters ? 'currency' OR :filters -> 'currency' ? (currency))
GROUP BY 1, 2, 3;

-- analytics_subscription_changes: over a range
SELECT bucket, kind AS change, CASE WHEN coalesce((tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (tier)::text = 'free' THEN 'free'
    WHEN (tier)::text = ANY (:kept_tier) THEN (tier)::text ELSE 'other' END AS tier, sum(n)::bigint AS n
FROM (SELECT CASE WHEN :period <> 'all' THEN date_trunc(:period, (day)::timestamp)::date END AS bucket, "kind", "tier", n FROM (
    SELECT day, "kind", "tier", n FROM rollup_subscription_changes
    WHERE grain = 2 AND day BETWEEN CASE WHEN ((:since - interval '1 microsecond') AT TIME ZONE :timezone)::date < (:since AT TIME ZONE :timezone)::date THEN (:since AT TIME ZONE :timezone)::date
    ELSE (:since AT TIME ZONE :timezone)::date + 1 END AND CASE WHEN :until > :as_of THEN (:as_of AT TIME ZONE :timezone)::date
    WHEN (:until AT TIME ZONE :timezone)::date > ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date THEN ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date
    ELSE ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date - 1 END
    UNION ALL SELECT (s.occurred_at AT TIME ZONE :timezone)::date AS day, s.kind AS "kind", coalesce(nullif(s.to_tier::text, ''), s.from_tier::text, '') AS "tier", 1 AS n
    FROM (SELECT 1 AS sign, v."event_id", v."subscription_id", v."user_id", v."occurred_at", v."kind", v."from_tier", v."to_tier", v."mrr_before_minor", v."mrr_after_minor", v."currency", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "subscription_events" WHERE occurred_at >= :since AND occurred_at < least(:until, :since + interval '50 hours')) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id) AS s  WHERE (s.counted AND s.kind IN ('new', 'upgrade', 'downgrade', 'cancel', 'reactivate')) AND (s.occurred_at AT TIME ZONE :timezone)::date < CASE WHEN ((:since - interval '1 microsecond') AT TIME ZONE :timezone)::date < (:since AT TIME ZONE :timezone)::date THEN (:since AT TIME ZONE :timezone)::date
    ELSE (:since AT TIME ZONE :timezone)::date + 1 END
    UNION ALL SELECT (s.occurred_at AT TIME ZONE :timezone)::date AS day, s.kind AS "kind", coalesce(nullif(s.to_tier::text, ''), s.from_tier::text, '') AS "tier", 1 AS n
    FROM (SELECT 1 AS sign, v."event_id", v."subscription_id", v."user_id", v."occurred_at", v."kind", v."from_tier", v."to_tier", v."mrr_before_minor", v."mrr_after_minor", v."currency", NOT coalesce(u.is_internal, false) AS counted
    FROM (SELECT * FROM "subscription_events" WHERE occurred_at >= greatest(:since, :until - interval '50 hours') AND occurred_at < :until) AS v LEFT JOIN rollup_account AS u ON u.id = v.user_id) AS s  WHERE (s.counted AND s.kind IN ('new', 'upgrade', 'downgrade', 'cancel', 'reactivate')) AND (s.occurred_at AT TIME ZONE :timezone)::date >= CASE WHEN ((:since - interval '1 microsecond') AT TIME ZONE :timezone)::date < (:since AT TIME ZONE :timezone)::date THEN (:since AT TIME ZONE :timezone)::date
    ELSE (:since AT TIME ZONE :timezone)::date + 1 END AND (s.occurred_at AT TIME ZONE :timezone)::date > CASE WHEN :until > :as_of THEN (:as_of AT TIME ZONE :timezone)::date
    WHEN (:until AT TIME ZONE :timezone)::date > ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date THEN ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date
    ELSE ((:until - interval '1 microsecond') AT TIME ZONE :timezone)::date - 1 END
  ) AS d) AS r
WHERE (NOT :filters ? 'tier' OR :filters -> 'tier' ? (CASE WHEN coalesce((tier)::text, '') IN ('', 'unknown') THEN 'unknown' WHEN (tier)::text = 'free' THEN 'free'
    WHEN (tier)::text = ANY (:kept_tier) THEN (tier)::text ELSE 'other' END))
GROUP BY 1, 2, 3;
