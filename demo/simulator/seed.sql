-- The platform's past, made in sets. The same numbers of users and days and the same now give the same rows: every random
-- choice is a hash of the row's number and of what is chosen. Settings: seed.now, seed.users, seed.days.
SET search_path = platform, pg_catalog;
SET TimeZone = 'UTC';

CREATE FUNCTION pg_temp.now_at() RETURNS timestamptz LANGUAGE sql STABLE AS
$$ SELECT current_setting('seed.now')::timestamptz $$;

-- Between 0 and 1, by the row and what for.
CREATE FUNCTION pg_temp.r(n bigint, what int) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$ SELECT (hashint8extended(n, what) & 9007199254740991)::float8 / 9007199254740992 $$;

CREATE FUNCTION pg_temp.pick(choices text[], x float8) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT choices[1 + least(floor(x * array_length(choices, 1))::int, array_length(choices, 1) - 1)] $$;

-- The same day, at an hour when people are awake three times in four.
CREATE FUNCTION pg_temp.awake(at timestamptz, x float8) RETURNS timestamptz LANGUAGE sql STABLE AS
$$ SELECT CASE WHEN y.shifted < pg_temp.now_at() THEN y.shifted ELSE at END
   FROM (SELECT date_trunc('day', at) + interval '1 hour' * CASE WHEN x < 0.25 THEN x * 32 ELSE 8 + (x - 0.25) * 21.33 END) AS y(shifted) $$;

-- Indexes are made again at the end: that is quicker than keeping them while rows stream in.
CREATE TEMP TABLE dropped AS
SELECT indexname, indexdef FROM pg_indexes
WHERE schemaname = 'platform' AND indexname NOT LIKE '%_pkey' AND tablename <> 'migration';
DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT indexname FROM dropped LOOP EXECUTE format('DROP INDEX platform.%I', name); END LOOP;
END $$;

INSERT INTO admins VALUES
  ('ada', 'Ada Lovelace', 'ada@example.com'), ('grace', 'Grace Hopper', 'grace@example.com'),
  ('alan', 'Alan Turing', 'alan@example.com'), ('edsger', 'Edsger Dijkstra', 'edsger@example.com'),
  ('barbara', 'Barbara Liskov', 'barbara@example.com')
ON CONFLICT DO NOTHING;

-- Users: more each day than the day before.
INSERT INTO users (created_at, updated_at, deleted_at, country, signup_source, visitor_id, kind)
SELECT at, at, CASE WHEN pg_temp.r(n, 3) < 0.012 THEN at + (pg_temp.now_at() - at) * pg_temp.r(n, 4) END,
  CASE WHEN pg_temp.r(n, 5) < 0.97 THEN pg_temp.pick('{US,US,US,US,DE,DE,GB,GB,FR,JP,JP,BR,IN,IN,CA,ES,KR,NL,AU,MX,PL,SE,IT,TR}', pg_temp.r(n, 6)) END,
  CASE WHEN pg_temp.r(n, 7) < 0.95 THEN pg_temp.pick('{direct,direct,direct,referral,referral,funnel,funnel,search,social}', pg_temp.r(n, 8)) END,
  CASE WHEN pg_temp.r(n, 9) < 0.9 THEN 'v' || n END,
  CASE WHEN pg_temp.r(n, 10) < 0.005 THEN pg_temp.pick('{staff,test,bot}', pg_temp.r(n, 11)) ELSE 'customer' END
FROM (
  SELECT n, pg_temp.awake(pg_temp.now_at() - interval '1 day' * current_setting('seed.days')::int * (1 - sqrt(pg_temp.r(n, 1))), pg_temp.r(n, 2)) AS at
  FROM generate_series(1, current_setting('seed.users')::bigint) AS n
) AS made
ORDER BY at;
UPDATE users SET updated_at = deleted_at WHERE deleted_at IS NOT NULL;

-- Visits: before each sign-up, and by as many who never sign up.
INSERT INTO visits (visitor_id, visited_at, source)
SELECT visitor_id, created_at - interval '3 hours' * pg_temp.r(id, 20), signup_source FROM users WHERE visitor_id IS NOT NULL
UNION ALL
SELECT 'w' || id, created_at - interval '1 day' * pg_temp.r(id, 21),
  CASE WHEN pg_temp.r(id, 22) < 0.9 THEN pg_temp.pick('{direct,referral,funnel,search,search,social,social}', pg_temp.r(id, 23)) END
FROM users;

-- Sessions: many at first, fewer later, and a quarter of the users who stay.
INSERT INTO sessions (user_id, started_at)
SELECT id, pg_temp.awake(at, pg_temp.r(id * 1000 + k, 32))
FROM (
  SELECT u.id, k, u.created_at + (coalesce(u.deleted_at, pg_temp.now_at()) - u.created_at)
    * CASE WHEN pg_temp.r(u.id, 30) < 0.25 THEN pg_temp.r(u.id * 1000 + k, 31) ELSE pg_temp.r(u.id * 1000 + k, 31) ^ 4 END AS at
  FROM users u
  CROSS JOIN LATERAL generate_series(1, 2 + floor(22 * pg_temp.r(u.id, 30) ^ 2 + CASE WHEN pg_temp.r(u.id, 30) < 0.25 THEN 12 ELSE 0 END)::int) AS k
) AS made
WHERE at < pg_temp.now_at();

INSERT INTO characters (user_id, created_at, updated_at, deleted_at)
SELECT id, at, coalesce(gone, at), gone
FROM (
  SELECT id, at, CASE WHEN pg_temp.r(id * 1000 + k, 42) < 0.08 THEN at + (pg_temp.now_at() - at) * pg_temp.r(id * 1000 + k, 43) END AS gone
  FROM (
    SELECT u.id, k, u.created_at + (pg_temp.now_at() - u.created_at) * pg_temp.r(u.id * 1000 + k, 41) ^ 2 AS at
    FROM users u CROSS JOIN LATERAL generate_series(1, floor(26 * pg_temp.r(u.id, 40) ^ 9 + 2 * pg_temp.r(u.id, 44))::int) AS k
  ) AS born
) AS made;

-- Generations: one or two in most sessions.
INSERT INTO generations (id, user_id, created_at, started_at, finished_at, updated_at, status, type, quality, aspect_ratio,
  is_nsfw, image_count, failure_reason, scene, environment, outfit, pose)
SELECT md5('generation' || n)::uuid, user_id, at, started, finished, finished, status,
  pg_temp.pick('{studio,studio,studio,base_image,profile_picture}', pg_temp.r(n, 53)),
  pg_temp.pick('{draft,draft,hq}', pg_temp.r(n, 54)),
  pg_temp.pick('{1:1,1:1,3:4,3:4,16:9,9:16}', pg_temp.r(n, 55)),
  pg_temp.r(n, 56) < 0.2, 1 + floor(4 * pg_temp.r(n, 57))::int,
  CASE WHEN status = 'failed' THEN pg_temp.pick('{out_of_memory,out_of_memory,timeout,timeout,content_policy,model_error,storage_error,bad_prompt}', pg_temp.r(n, 58)) END,
  CASE WHEN pg_temp.r(n, 59) < 0.8 THEN 'scene ' || floor(30 * pg_temp.r(n, 60) ^ 2)::int END,
  CASE WHEN pg_temp.r(n, 61) < 0.7 THEN 'environment ' || floor(25 * pg_temp.r(n, 62) ^ 2)::int END,
  CASE WHEN pg_temp.r(n, 63) < 0.6 THEN 'outfit ' || floor(25 * pg_temp.r(n, 64) ^ 2)::int END,
  CASE WHEN pg_temp.r(n, 65) < 0.5 THEN 'pose ' || floor(18 * pg_temp.r(n, 66) ^ 2)::int END
FROM (
  SELECT *, started + interval '1 second' * (2 + 85 * pg_temp.r(n, 52) ^ 3) AS finished,
    CASE WHEN pg_temp.r(n, 67) < 0.06 THEN 'failed' WHEN pg_temp.r(n, 67) < 0.08 THEN 'cancelled' ELSE 'succeeded' END AS status
  FROM (
    SELECT s.id * 4 + k AS n, s.user_id, s.started_at + interval '15 minutes' * pg_temp.r(s.id * 4 + k, 50) AS at,
      s.started_at + interval '15 minutes' * pg_temp.r(s.id * 4 + k, 50) + interval '1 second' * (1 + 9 * pg_temp.r(s.id * 4 + k, 51)) AS started
    FROM sessions s CROSS JOIN LATERAL generate_series(0, floor(2.2 * pg_temp.r(s.id, 49))::int - 1) AS k
    WHERE s.started_at < pg_temp.now_at() - interval '20 minutes'
  ) AS begun
) AS made;

-- Subscriptions: what they cost by tier and currency in minor units, and what became of them (fate).
CREATE TEMP TABLE price (tier text, currency text, amount bigint);
INSERT INTO price VALUES
  ('starter', 'USD', 900), ('pro', 'USD', 2900), ('studio', 'USD', 9900),
  ('starter', 'EUR', 900), ('pro', 'EUR', 2700), ('studio', 'EUR', 9500),
  ('starter', 'JPY', 1300), ('pro', 'JPY', 4200), ('studio', 'JPY', 14500),
  ('starter', 'KWD', 2750), ('pro', 'KWD', 8900), ('studio', 'KWD', 30400);

CREATE TEMP TABLE planned AS
SELECT u.id AS user_id, u.created_at + (pg_temp.now_at() - u.created_at) * 0.7 * pg_temp.r(u.id, 70) AS started_at,
  pg_temp.pick('{starter,starter,pro,pro,studio}', pg_temp.r(u.id, 71)) AS tier,
  pg_temp.pick('{USD,USD,USD,USD,USD,USD,USD,EUR,EUR,JPY}', pg_temp.r(u.id, 72)) AS currency,
  pg_temp.pick('{month,month,month,month,year,week}', pg_temp.r(u.id, 73)) AS billing_interval,
  pg_temp.pick('{plain,plain,plain,plain,plain,plain,upgraded,upgraded,downgraded,reactivated,ended,ended,ended,trialing,trialing,past_due,paused}', pg_temp.r(u.id, 74)) AS fate,
  pg_temp.r(u.id, 75) AS x
FROM users u WHERE pg_temp.r(u.id, 76) < 0.14 AND u.kind = 'customer';
UPDATE planned SET currency = 'KWD' WHERE x < 0.03;

INSERT INTO subscriptions (user_id, tier, status, amount_minor, currency, billing_interval, interval_count, started_at, ended_at, updated_at)
SELECT p.user_id, p.tier,
  CASE p.fate WHEN 'ended' THEN 'canceled' WHEN 'trialing' THEN 'trialing' WHEN 'past_due' THEN 'past_due' WHEN 'paused' THEN 'paused' ELSE 'active' END,
  CASE p.billing_interval WHEN 'year' THEN price.amount * 10 WHEN 'week' THEN price.amount / 4 ELSE price.amount END,
  p.currency, p.billing_interval, 1, p.started_at,
  CASE WHEN p.fate = 'ended' THEN p.started_at + (pg_temp.now_at() - p.started_at) * p.x END, p.started_at
FROM planned p JOIN price USING (tier, currency)
ORDER BY p.started_at;

-- Events: each change of monthly value, so that they add up to today's MRR.
CREATE TEMP TABLE valued AS
SELECT s.*, p.fate, p.x, s.started_at + (pg_temp.now_at() - s.started_at) * p.x AS middle,
  s.started_at + (pg_temp.now_at() - s.started_at) * (p.x + (1 - p.x) / 2) AS later,
  round(CASE s.billing_interval WHEN 'month' THEN s.amount_minor::numeric WHEN 'year' THEN s.amount_minor::numeric / 12 ELSE s.amount_minor::numeric * 52 / 12 END)::bigint AS mrr
FROM subscriptions s JOIN planned p USING (user_id);

INSERT INTO subscription_events (subscription_id, user_id, occurred_at, kind, from_tier, to_tier, mrr_before_minor, mrr_after_minor, currency)
SELECT * FROM (
  SELECT id, user_id, started_at AS at, 'new', NULL,
    CASE fate WHEN 'upgraded' THEN 'starter' WHEN 'downgraded' THEN 'studio' ELSE tier END, 0::bigint,
    CASE fate WHEN 'upgraded' THEN mrr / 2 WHEN 'downgraded' THEN mrr * 2 ELSE mrr END, currency
  FROM valued WHERE fate <> 'trialing'
  UNION ALL SELECT id, user_id, middle, 'upgrade', 'starter', tier, mrr / 2, mrr, currency FROM valued WHERE fate = 'upgraded'
  UNION ALL SELECT id, user_id, middle, 'downgrade', 'studio', tier, mrr * 2, mrr, currency FROM valued WHERE fate = 'downgraded'
  UNION ALL SELECT id, user_id, middle, 'cancel', tier, NULL, mrr, 0, currency FROM valued WHERE fate IN ('ended', 'paused', 'reactivated')
  UNION ALL SELECT id, user_id, later, 'reactivate', NULL, tier, 0, mrr, currency FROM valued WHERE fate = 'reactivated'
) AS events
ORDER BY at;
UPDATE subscriptions SET updated_at = event.at
FROM (SELECT subscription_id, max(occurred_at) AS at FROM subscription_events GROUP BY subscription_id) AS event
WHERE subscription_id = id;

-- Money: each interval of a subscription, and packs of credits.
INSERT INTO payments (id, user_id, paid_at, kind, amount_minor, currency)
SELECT md5('subscription' || id || at)::uuid, user_id, at, 'subscription', amount_minor, currency
FROM valued CROSS JOIN LATERAL generate_series(started_at, coalesce(ended_at, pg_temp.now_at()), ('1 ' || billing_interval)::interval) AS at
WHERE fate <> 'trialing' AND at <= pg_temp.now_at();

CREATE TEMP TABLE pack AS
SELECT u.id * 10 + k AS n, u.id AS user_id, u.created_at + (pg_temp.now_at() - u.created_at) * pg_temp.r(u.id * 10 + k, 80) AS at,
  1 + floor(5 * pg_temp.r(u.id * 10 + k, 81) ^ 2)::int AS size
FROM users u CROSS JOIN generate_series(0, 2) AS k WHERE pg_temp.r(u.id * 10 + k, 82) < 0.12;

INSERT INTO payments (id, user_id, paid_at, kind, amount_minor, currency)
SELECT md5('pack' || n)::uuid, user_id, at, 'credits', 500 * size, CASE WHEN pg_temp.r(n, 83) < 0.8 THEN 'USD' ELSE 'EUR' END FROM pack;

INSERT INTO refunds (id, payment_id, user_id, refunded_at, amount_minor, currency)
SELECT md5('refund' || id)::uuid, id, user_id, at, amount_minor, currency
FROM (
  SELECT p.*, paid_at + interval '4 days' * pg_temp.r(hashtextextended(id::text, 0), 84) AS at FROM payments p
  WHERE pg_temp.r(hashtextextended(id::text, 0), 85) < 0.03
) AS back
WHERE at <= pg_temp.now_at();

INSERT INTO credit_ledger (user_id, created_at, kind, credits)
SELECT user_id, at, 'purchased', 100 * size FROM pack
UNION ALL SELECT id, created_at, 'granted', 30 FROM users
UNION ALL SELECT user_id, created_at, 'consumed', image_count * CASE quality WHEN 'hq' THEN 2 ELSE 1 END FROM generations WHERE status = 'succeeded'
UNION ALL SELECT user_id, finished_at, 'refunded', image_count FROM generations WHERE status = 'failed' AND is_nsfw
UNION ALL SELECT user_id, at + interval '30 days', 'expired', 5 * size FROM pack WHERE at + interval '30 days' <= pg_temp.now_at();

INSERT INTO bug_reports (created_at, updated_at, status, severity)
SELECT at, at, CASE WHEN pg_temp.r(n, 91) < 0.1 THEN 'open' ELSE 'closed' END,
  CASE WHEN pg_temp.r(n, 92) < 0.9 THEN pg_temp.pick('{low,low,medium,medium,high,critical}', pg_temp.r(n, 93)) END
FROM (SELECT n, pg_temp.now_at() - interval '1 day' * current_setting('seed.days')::int * pg_temp.r(n, 90) AS at FROM generate_series(1, 260) AS n) AS made;

INSERT INTO influencer_requests (created_at, updated_at, status)
SELECT at, at, pg_temp.pick('{pending,approved,approved,rejected,rejected,rejected}', pg_temp.r(n, 95))
FROM (SELECT n, pg_temp.now_at() - interval '1 day' * current_setting('seed.days')::int * pg_temp.r(n, 94) AS at FROM generate_series(1, 90) AS n) AS made;

DO $$ DECLARE definition text; BEGIN
  FOR definition IN SELECT indexdef FROM dropped LOOP EXECUTE definition; END LOOP;
END $$;
DROP TABLE dropped, price, planned, valued, pack;
ANALYZE;
