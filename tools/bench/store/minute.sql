-- What one minute brings at the rates of the world, stamped within the minute before bench.minute.as_of: the same number of
-- rows however long the history is.

-- Generations go from queued by running to their end.
UPDATE platform.generations g
SET status = bench.outcome(n), failure_reason = CASE WHEN bench.outcome(n) = 'failed' THEN bench.failure(n) END,
  finished_at = as_of - interval '9 seconds' * bench.r(n, 1), updated_at = as_of - interval '9 seconds' * bench.r(n, 1)
FROM (
  SELECT r.id, m.as_of, m.number * 1000000 + row_number() OVER (ORDER BY r.created_at, r.id) AS n
  FROM bench.minute m CROSS JOIN LATERAL (
    SELECT id, created_at FROM platform.generations WHERE status = 'running'
    ORDER BY created_at, id LIMIT (m.rows_of ->> 'generations')::int
  ) AS r
) AS ended
WHERE g.id = ended.id;

UPDATE platform.generations g
SET status = 'running', started_at = as_of - interval '50 seconds' * bench.r(n, 2),
  updated_at = as_of - interval '50 seconds' * bench.r(n, 2)
FROM (
  SELECT q.id, m.as_of, m.number * 1000000 + row_number() OVER (ORDER BY q.created_at, q.id) AS n
  FROM bench.minute m CROSS JOIN LATERAL (
    SELECT id, created_at FROM platform.generations WHERE status = 'queued'
    ORDER BY created_at, id LIMIT (m.rows_of ->> 'generations')::int
  ) AS q
) AS begun
WHERE g.id = begun.id;

INSERT INTO platform.generations (id, user_id, created_at, updated_at, status, type, quality, aspect_ratio, is_nsfw,
  image_count, scene, environment, outfit, pose)
SELECT md5('minute' || n)::uuid, bench.someone(bench.r(n, 50), bench.r(n, 51), registered, users_a_day), at, at, 'queued',
  bench.pick('{studio,studio,studio,base_image,profile_picture}', bench.r(n, 53)),
  bench.pick('{draft,draft,hq}', bench.r(n, 54)),
  bench.pick('{1:1,1:1,3:4,3:4,16:9,9:16}', bench.r(n, 55)),
  bench.r(n, 56) < 0.2, 1 + floor(4 * bench.r(n, 57))::int,
  bench.item('scene ', n, 70, 0.8, 60), bench.item('environment ', n, 72, 0.7, 50),
  bench.item('outfit ', n, 74, 0.6, 50), bench.item('pose ', n, 76, 0.5, 36)
FROM (
  SELECT *, as_of - interval '59 seconds' * bench.r(n, 60) AS at FROM bench.numbered('generations') OFFSET 0
) AS made;

INSERT INTO platform.sessions (user_id, started_at)
SELECT bench.someone(bench.r(n, 30), bench.r(n, 31), registered, users_a_day),
  as_of - interval '59 seconds' * bench.r(n, 32)
FROM bench.numbered('sessions');

-- Of the visitors every second one signs up.
INSERT INTO platform.visits (visitor_id, visited_at, source)
SELECT CASE WHEN n % 2 = 0 THEN 'v' || n ELSE 'w' || n END, as_of - interval '10 seconds' - interval '49 seconds' * bench.r(n, 20),
  bench.source(n)
FROM bench.numbered('visits');

INSERT INTO platform.users (created_at, updated_at, country, signup_source, visitor_id, kind)
SELECT as_of - interval '10 seconds' * bench.r(n, 1), as_of - interval '10 seconds' * bench.r(n, 1), bench.country(n),
  bench.source(n), 'v' || n - n % 1000000 + 2 * (n % 1000000), bench.kind(n)
FROM bench.numbered('users');

INSERT INTO platform.characters (user_id, created_at, updated_at)
SELECT bench.someone(bench.r(n, 40), bench.r(n, 41), registered, users_a_day), at, at
FROM (
  SELECT *, as_of - interval '59 seconds' * bench.r(n, 44) AS at FROM bench.numbered('characters') OFFSET 0
) AS made;

INSERT INTO platform.credit_ledger (user_id, created_at, kind, credits)
SELECT bench.someone(bench.r(n, 100), bench.r(n, 101), registered, users_a_day),
  as_of - interval '59 seconds' * bench.r(n, 103),
  CASE WHEN n % 5 = 0 THEN 'granted' WHEN n % 10 = 1 THEN 'purchased' ELSE 'consumed' END,
  1 + floor(30 * bench.r(n, 102))::bigint
FROM bench.numbered('credit_entries');

INSERT INTO platform.payments (id, user_id, paid_at, kind, amount_minor, currency)
SELECT md5('minute' || n)::uuid, bench.someone(bench.r(n, 90), bench.r(n, 91), registered, users_a_day),
  as_of - interval '59 seconds' * bench.r(n, 94), CASE WHEN n % 2 = 0 THEN 'subscription' ELSE 'credits' END, 1000,
  bench.currency(n)
FROM bench.numbered('payments');

INSERT INTO platform.refunds (id, payment_id, user_id, refunded_at, amount_minor, currency)
SELECT md5('minute' || n)::uuid, p.id, p.user_id, as_of - interval '1 second' * bench.r(n, 95), p.amount_minor, p.currency
FROM bench.numbered('refunds')
CROSS JOIN LATERAL (
  SELECT * FROM platform.payments WHERE paid_at < as_of - interval '1 second' ORDER BY paid_at DESC LIMIT 1
) AS p;

-- As many subscriptions begin as come to their end.
WITH begun AS (
  INSERT INTO platform.subscriptions (user_id, tier, status, amount_minor, currency, started_at, updated_at)
  SELECT registered - floor(bench.r(n, 80) * users_a_day)::bigint % registered, 'pro', 'active', 2900, 'USD', at, at
  FROM (
    SELECT *, as_of - interval '59 seconds' * bench.r(n, 81) AS at FROM bench.numbered('subscriptions') OFFSET 0
  ) AS made
  RETURNING *
), ending AS (
  SELECT s.id, n.as_of - interval '1 second' AS at
  FROM bench.numbered('subscriptions') n CROSS JOIN LATERAL (
    SELECT id FROM platform.subscriptions
    WHERE id > floor(bench.r(n.n, 82) * n.subscriptions_begun) AND ended_at IS NULL ORDER BY id LIMIT 1
  ) AS s
), ended AS (
  UPDATE platform.subscriptions s SET status = 'canceled', ended_at = at, updated_at = at
  FROM ending WHERE s.id = ending.id
  RETURNING s.*
)
INSERT INTO platform.subscription_events (subscription_id, user_id, occurred_at, kind, from_tier, to_tier, mrr_before_minor,
  mrr_after_minor, currency)
SELECT id, user_id, started_at, 'new', NULL, tier, 0, amount_minor, currency FROM begun
UNION ALL SELECT id, user_id, ended_at, 'cancel', tier, NULL, amount_minor, 0, currency FROM ended;

-- What changes beside: somebody leaves, somebody moves to another country, a character goes, a report is dealt with.
UPDATE platform.users SET deleted_at = m.as_of - interval '2 seconds', updated_at = m.as_of - interval '2 seconds'
FROM bench.minute m WHERE id = 1 + floor(bench.r(m.number, 130) * m.registered)::bigint AND deleted_at IS NULL;
UPDATE platform.users SET country = 'DE', updated_at = m.as_of - interval '3 seconds'
FROM bench.minute m WHERE id = 1 + floor(bench.r(m.number, 131) * m.registered)::bigint;
UPDATE platform.characters SET deleted_at = m.as_of - interval '4 seconds', updated_at = m.as_of - interval '4 seconds'
FROM bench.minute m WHERE id = 1 + floor(bench.r(m.number, 132) * m.characters_born)::bigint AND deleted_at IS NULL;
INSERT INTO platform.bug_reports (created_at, updated_at, severity)
SELECT as_of - interval '5 seconds', as_of - interval '5 seconds', 'medium' FROM bench.minute;
UPDATE platform.bug_reports SET status = 'closed', updated_at = m.as_of - interval '6 seconds'
FROM bench.minute m WHERE id = (SELECT max(id) - 3 FROM platform.bug_reports);
INSERT INTO platform.influencer_requests (created_at, updated_at)
SELECT as_of - interval '7 seconds', as_of - interval '7 seconds' FROM bench.minute;
UPDATE platform.influencer_requests SET status = 'approved', updated_at = m.as_of - interval '8 seconds'
FROM bench.minute m WHERE id = (SELECT max(id) - 3 FROM platform.influencer_requests);
