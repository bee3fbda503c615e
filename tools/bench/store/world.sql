-- A platform's past of a stated size, made in sets for the benchmark: the same counts and the same end give the same rows,
-- since every random choice is a hash of the row's number and of what is chosen. Rows come at a constant rate in the order
-- of time, so that a history one tenth as long has as many of them a day. Each part can be run beside the others.

-- Part: frame
CREATE SCHEMA bench;

-- One row: when the history ends, how long it is, and how many rows of each kind it has.
CREATE TABLE bench.world (
  ends timestamptz NOT NULL,
  span interval NOT NULL,
  users_a_day float8 NOT NULL,
  users bigint NOT NULL,
  visits bigint NOT NULL,
  sessions bigint NOT NULL,
  characters bigint NOT NULL,
  generations bigint NOT NULL,
  subscriptions bigint NOT NULL,
  payments bigint NOT NULL,
  refunds bigint NOT NULL,
  credit_entries bigint NOT NULL,
  bug_reports bigint NOT NULL,
  influencer_requests bigint NOT NULL
);

-- One row: the minute that is played, how many rows of each kind it brings, and how far the world has come.
CREATE TABLE bench.minute (
  number bigint NOT NULL DEFAULT 0,
  as_of timestamptz,
  users_a_day float8 NOT NULL,
  registered bigint NOT NULL,
  characters_born bigint NOT NULL,
  subscriptions_begun bigint NOT NULL,
  rows_of jsonb NOT NULL
);

-- The numbers of a minute's rows of one kind, with what is asked of the minute.
CREATE FUNCTION bench.numbered(kind text)
RETURNS TABLE (n bigint, as_of timestamptz, registered bigint, users_a_day float8, subscriptions_begun bigint)
LANGUAGE sql STABLE AS
$$ SELECT number * 1000000 + k, as_of, registered, users_a_day, subscriptions_begun
   FROM bench.minute CROSS JOIN LATERAL generate_series(1, (rows_of ->> kind)::int) AS k $$;

-- Between 0 and 1, by the row and what for.
CREATE FUNCTION bench.r(n bigint, what int) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$ SELECT (hashint8extended(n, what) & 9007199254740991)::float8 / 9007199254740992 $$;

CREATE FUNCTION bench.pick(choices text[], x float8) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT choices[1 + floor(x * array_length(choices, 1))::int] $$;

-- Whose a row is: nearly half are of people who came lately, as many of every eighth user, who stay; the rest of anybody.
CREATE FUNCTION bench.someone(x float8, y float8, registered bigint, users_a_day float8) RETURNS bigint
LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE
  WHEN x < 0.45 THEN registered - floor(-ln(1 - y) * 5 * users_a_day)::bigint % registered
  WHEN x < 0.9 THEN 8 * floor(y * registered / 8)::bigint + 1
  ELSE 1 + floor(y * registered)::bigint
END $$;

-- Waiting times that know no age: so many days on average.
CREATE FUNCTION bench.wait(days float8, x float8) RETURNS interval LANGUAGE sql IMMUTABLE AS
$$ SELECT interval '1 day' * (-ln(1 - x) * days) $$;

-- What a subscription costs by tier and currency in minor units a month.
CREATE TABLE bench.price (tier text, currency text, amount bigint);
INSERT INTO bench.price VALUES
  ('starter', 'USD', 900), ('pro', 'USD', 2900), ('studio', 'USD', 9900),
  ('starter', 'EUR', 900), ('pro', 'EUR', 2700), ('studio', 'EUR', 9500),
  ('starter', 'JPY', 1300), ('pro', 'JPY', 4200), ('studio', 'JPY', 14500),
  ('starter', 'KWD', 2750), ('pro', 'KWD', 8900), ('studio', 'KWD', 30400);

-- What a row is by its number, alike for the past and for the minutes after it.
CREATE FUNCTION bench.currency(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT bench.pick('{USD,USD,USD,USD,USD,USD,USD,EUR,EUR,EUR,EUR,JPY,JPY,KWD}', bench.r(n, 12)) $$;
CREATE FUNCTION bench.country(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN bench.r(n, 5) < 0.97 THEN
  bench.pick('{US,US,US,US,DE,DE,GB,GB,FR,JP,JP,BR,IN,IN,CA,ES,KR,NL,AU,MX,PL,SE,IT,TR}', bench.r(n, 6)) END $$;
CREATE FUNCTION bench.source(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN bench.r(n, 7) < 0.95 THEN
  bench.pick('{direct,direct,direct,referral,referral,funnel,funnel,search,social}', bench.r(n, 8)) END $$;
CREATE FUNCTION bench.kind(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN bench.r(n, 10) < 0.005 THEN bench.pick('{staff,test,bot}', bench.r(n, 11)) ELSE 'customer' END $$;
CREATE FUNCTION bench.outcome(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN bench.r(n, 67) < 0.06 THEN 'failed' WHEN bench.r(n, 67) < 0.08 THEN 'cancelled' ELSE 'succeeded' END $$;
CREATE FUNCTION bench.failure(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT bench.pick(
  '{out_of_memory,out_of_memory,timeout,timeout,content_policy,model_error,storage_error,bad_prompt}', bench.r(n, 58)) $$;
-- Functions that are inlined: all in them is immutable, which text || int is not.
CREATE FUNCTION bench.item(category text, n bigint, what int, share float8, many int) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN bench.r(n, what) < share THEN category || floor(many * bench.r(n, what + 1) ^ 2)::int::text END $$;

-- Part: users
INSERT INTO platform.users (id, created_at, updated_at, deleted_at, country, signup_source, visitor_id, kind)
OVERRIDING SYSTEM VALUE
SELECT n, at, CASE WHEN gone < ends THEN gone ELSE at END, CASE WHEN gone < ends THEN gone END, bench.country(n),
  bench.source(n), CASE WHEN bench.r(n, 9) < 0.9 THEN 'v' || n END, bench.kind(n)
FROM (
  SELECT n, ends, at, CASE WHEN bench.r(n, 3) < 0.015 THEN at + bench.wait(15, bench.r(n, 4)) END AS gone
  FROM (
    SELECT n, ends, ends - span + span * ((n - bench.r(n, 1)) / users) AS at
    FROM (SELECT generate_series(1, users) AS n, * FROM bench.world) AS numbered
    OFFSET 0
  ) AS born
  OFFSET 0
) AS made;

-- Part: visits
-- As many before a sign-up as by people who never sign up, who come twice.
INSERT INTO platform.visits (id, visitor_id, visited_at, source) OVERRIDING SYSTEM VALUE
SELECT n, CASE WHEN n % 2 = 0 THEN 'v' || ceil(n * users::float8 / visits)::bigint ELSE 'w' || (n + 3) / 4 END,
  at - interval '20 minutes' * bench.r(n, 20), bench.source(n)
FROM (
  SELECT n, users, visits, ends - span + span * ((n - 2)::float8 / visits) AS at
  FROM (SELECT generate_series(1, visits) AS n, * FROM bench.world) AS numbered
  OFFSET 0
) AS made;

-- Part: sessions
INSERT INTO platform.sessions (id, user_id, started_at) OVERRIDING SYSTEM VALUE
SELECT n, bench.someone(bench.r(n, 30), bench.r(n, 31), registered, users_a_day), at
FROM (
  SELECT n, users_a_day, greatest(1, floor(users * (n - 1)::float8 / sessions)::bigint) AS registered,
    ends - span + span * ((n - bench.r(n, 32)) / sessions) AS at
  FROM (SELECT generate_series(1, sessions) AS n, * FROM bench.world) AS numbered
  OFFSET 0
) AS made;

-- Part: characters
INSERT INTO platform.characters (id, user_id, created_at, updated_at, deleted_at) OVERRIDING SYSTEM VALUE
SELECT n, bench.someone(bench.r(n, 40), bench.r(n, 41), registered, users_a_day), at,
  CASE WHEN gone < ends THEN gone ELSE at END, CASE WHEN gone < ends THEN gone END
FROM (
  SELECT *, CASE WHEN bench.r(n, 42) < 0.1 THEN at + bench.wait(15, bench.r(n, 43)) END AS gone
  FROM (
    SELECT n, ends, users_a_day, greatest(1, floor(users * (n - 1)::float8 / characters)::bigint) AS registered,
      ends - span + span * ((n - bench.r(n, 44)) / characters) AS at
    FROM (SELECT generate_series(1, characters) AS n, * FROM bench.world) AS numbered
    OFFSET 0
  ) AS born
  OFFSET 0
) AS made;

-- Part: generations
-- As many as a minute brings wait, as many run, all others have ended.
INSERT INTO platform.generations (id, user_id, created_at, started_at, finished_at, updated_at, status, type, quality,
  aspect_ratio, is_nsfw, image_count, failure_reason, scene, environment, outfit, pose)
SELECT md5('generation' || n)::uuid, bench.someone(bench.r(n, 50), bench.r(n, 51), registered, users_a_day), at,
  CASE WHEN status <> 'queued' THEN started END,
  CASE WHEN status NOT IN ('queued', 'running') THEN finished END,
  CASE status WHEN 'queued' THEN at WHEN 'running' THEN started ELSE finished END, status,
  bench.pick('{studio,studio,studio,base_image,profile_picture}', bench.r(n, 53)),
  bench.pick('{draft,draft,hq}', bench.r(n, 54)),
  bench.pick('{1:1,1:1,3:4,3:4,16:9,9:16}', bench.r(n, 55)),
  bench.r(n, 56) < 0.2, 1 + floor(4 * bench.r(n, 57))::int,
  CASE WHEN status = 'failed' THEN bench.failure(n) END,
  bench.item('scene ', n, 70, 0.8, 60), bench.item('environment ', n, 72, 0.7, 50),
  bench.item('outfit ', n, 74, 0.6, 50), bench.item('pose ', n, 76, 0.5, 36)
FROM (
  SELECT n, users_a_day, registered, at, started,
    started + interval '1 second' * (2 + 80 * bench.r(n, 52) ^ 3) AS finished,
    CASE WHEN n > generations - a_minute THEN 'queued' WHEN n > generations - 2 * a_minute THEN 'running'
      ELSE bench.outcome(n) END AS status
  FROM (
    SELECT *, at + interval '1 second' * (1 + 9 * bench.r(n, 59)) AS started
    FROM (
      SELECT n, generations, (SELECT (rows_of ->> 'generations')::bigint FROM bench.minute) AS a_minute, users_a_day,
        greatest(1, floor(users * (n - 1)::float8 / generations)::bigint) AS registered,
        ends - span + span * ((n - bench.r(n, 60)) / generations) AS at
      FROM (SELECT generate_series(1, generations) AS n, * FROM bench.world) AS numbered
      OFFSET 0
    ) AS asked
    OFFSET 0
  ) AS begun
  OFFSET 0
) AS made;

-- Part: subscriptions
-- One user in six or seven; each twentieth subscription is a second one of the user before. Most who stop do so in months.
INSERT INTO platform.subscriptions (id, user_id, tier, status, amount_minor, currency, billing_interval, interval_count,
  started_at, ended_at, updated_at)
OVERRIDING SYSTEM VALUE
SELECT n, user_id, tier,
  CASE WHEN stops < ends THEN 'canceled' WHEN at > ends - interval '7 days' AND x < 0.3 THEN 'trialing'
    WHEN x < 0.03 THEN 'past_due' WHEN x < 0.05 THEN 'paused' ELSE 'active' END,
  CASE billing WHEN 'year' THEN price.amount * 10 WHEN 'week' THEN price.amount / 4 ELSE price.amount END,
  currency, billing, 1, at, CASE WHEN stops < ends THEN stops END, CASE WHEN stops < ends THEN stops ELSE at END
FROM (
  SELECT n, user_id, ends, at, bench.r(n, 82) AS x, at + bench.wait(90, bench.r(n, 83)) AS stops,
    bench.pick('{starter,starter,pro,pro,studio}', bench.r(n, 84)) AS tier, bench.currency(n) AS currency,
    bench.pick('{month,month,month,month,year,week}', bench.r(n, 86)) AS billing
  FROM (
    SELECT n, ends, user_id, CASE WHEN registered_at + bench.wait(2, bench.r(n, 80)) < ends
      THEN registered_at + bench.wait(2, bench.r(n, 80)) ELSE registered_at + (ends - registered_at) * bench.r(n, 81) END AS at
    FROM (
      SELECT n, ends, user_id, ends - span + span * ((user_id - bench.r(user_id, 1)) / users) AS registered_at
      FROM (
        SELECT *, 1 + floor((n - 1 - (n % 20 = 0)::int) * users::float8 / subscriptions)::bigint AS user_id
        FROM (SELECT generate_series(1, subscriptions) AS n, * FROM bench.world) AS numbered
        OFFSET 0
      ) AS chosen
      OFFSET 0
    ) AS subscribers
    OFFSET 0
  ) AS begun
  OFFSET 0
) AS planned
JOIN bench.price USING (tier, currency)
ORDER BY n;

-- Each change of monthly value, so that they add up to the value of what runs.
INSERT INTO platform.subscription_events (subscription_id, user_id, occurred_at, kind, from_tier, to_tier, mrr_before_minor,
  mrr_after_minor, currency)
WITH valued AS MATERIALIZED (
  SELECT s.*, bench.r(id, 87) AS x, started_at + (coalesce(ended_at, ends) - started_at) * bench.r(id, 88) AS middle,
    round(CASE billing_interval WHEN 'month' THEN amount_minor::numeric WHEN 'year' THEN amount_minor::numeric / 12
      ELSE amount_minor::numeric * 52 / 12 END)::bigint AS mrr
  FROM platform.subscriptions s, bench.world
  WHERE status <> 'trialing'
)
SELECT * FROM (
  SELECT id, user_id, started_at AS at, 'new', NULL, CASE WHEN x < 0.08 THEN 'starter' ELSE tier END, 0::bigint,
    CASE WHEN x < 0.08 THEN mrr / 2 WHEN x < 0.11 THEN mrr * 2 ELSE mrr END, currency
  FROM valued
  UNION ALL
  SELECT id, user_id, middle, 'upgrade', 'starter', tier, mrr / 2, mrr, currency FROM valued WHERE x < 0.08
  UNION ALL
  SELECT id, user_id, middle, 'downgrade', tier, tier, mrr * 2, mrr, currency FROM valued WHERE x >= 0.08 AND x < 0.11
  UNION ALL
  SELECT id, user_id, ended_at, 'cancel', tier, NULL, mrr, 0, currency FROM valued WHERE ended_at IS NOT NULL
) AS events
ORDER BY at;

-- Part: money
-- Three in five pay for a subscription, the others for credits.
INSERT INTO platform.payments (id, user_id, paid_at, kind, amount_minor, currency)
SELECT md5('payment' || n)::uuid, bench.someone(bench.r(n, 90), bench.r(n, 91), registered, users_a_day), at,
  CASE WHEN n % 5 < 3 THEN 'subscription' ELSE 'credits' END,
  (CASE WHEN n % 5 < 3 THEN '{900,900,2900,2900,9900}' ELSE '{500,500,1000,2000,5000}' END::bigint[])[1 + floor(5 * bench.r(n, 92))::int],
  bench.currency(n)
FROM (
  SELECT n, users_a_day, greatest(1, floor(users * (n - 1)::float8 / payments)::bigint) AS registered,
    ends - span + span * ((n - bench.r(n, 94)) / payments) AS at
  FROM (SELECT generate_series(1, payments) AS n, * FROM bench.world) AS numbered
  OFFSET 0
) AS made;

INSERT INTO platform.refunds (id, payment_id, user_id, refunded_at, amount_minor, currency)
SELECT md5('refund' || n)::uuid, p.id, p.user_id, least(p.paid_at + interval '4 days' * bench.r(n, 95), ends), p.amount_minor, p.currency
FROM (
  SELECT n, ends, md5('payment' || n * payments / refunds)::uuid AS payment_id
  FROM (SELECT generate_series(1, refunds) AS n, * FROM bench.world) AS numbered
  OFFSET 0
) AS chosen
JOIN platform.payments p ON p.id = chosen.payment_id
ORDER BY n;

-- Part: credits
-- Each fifth entry is a new user's present; the others are of whoever comes to the platform.
INSERT INTO platform.credit_ledger (id, user_id, created_at, kind, credits) OVERRIDING SYSTEM VALUE
SELECT n, CASE WHEN kind = 'granted' THEN registered ELSE bench.someone(bench.r(n, 100), bench.r(n, 101), registered, users_a_day) END, at, kind,
  CASE kind WHEN 'granted' THEN 30 WHEN 'purchased' THEN 100 * (1 + floor(5 * bench.r(n, 102) ^ 2)::bigint)
    ELSE 1 + floor(8 * bench.r(n, 102))::bigint END
FROM (
  SELECT n, users_a_day, greatest(1, floor(users * (n - 1)::float8 / credit_entries)::bigint) AS registered,
    ends - span + span * ((n - bench.r(n, 103)) / credit_entries) AS at,
    CASE WHEN n % 5 = 0 THEN 'granted' WHEN n % 50 = 1 THEN 'purchased' WHEN n % 50 = 2 THEN 'refunded'
      WHEN n % 50 = 3 THEN 'expired' ELSE 'consumed' END AS kind
  FROM (SELECT generate_series(1, credit_entries) AS n, * FROM bench.world) AS numbered
  OFFSET 0
) AS made;

-- Part: requests
INSERT INTO platform.bug_reports (created_at, updated_at, status, severity)
SELECT at, at, CASE WHEN at > ends - interval '3 days' OR bench.r(n, 111) < 0.02 OR n = bug_reports THEN 'open' ELSE 'closed' END,
  CASE WHEN bench.r(n, 112) < 0.9 THEN bench.pick('{low,low,medium,medium,high,critical}', bench.r(n, 113)) END
FROM (
  SELECT n, bug_reports, ends, ends - span + span * ((n - bench.r(n, 110)) / bug_reports) AS at
  FROM (SELECT generate_series(1, bug_reports) AS n, * FROM bench.world) AS numbered
) AS made;

INSERT INTO platform.influencer_requests (created_at, updated_at, status)
SELECT at, at, CASE WHEN at > ends - interval '2 days' OR n = influencer_requests THEN 'pending'
  ELSE bench.pick('{approved,approved,rejected,rejected,rejected}', bench.r(n, 121)) END
FROM (
  SELECT n, influencer_requests, ends, ends - span + span * ((n - bench.r(n, 120)) / influencer_requests) AS at
  FROM (SELECT generate_series(1, influencer_requests) AS n, * FROM bench.world) AS numbered
) AS made;

-- Part: numbers
-- What is made after this goes on where the past ends.
SELECT setval('platform.users_id_seq', (SELECT users FROM bench.world)),
  setval('platform.visits_id_seq', (SELECT visits FROM bench.world)),
  setval('platform.sessions_id_seq', (SELECT sessions FROM bench.world)),
  setval('platform.characters_id_seq', (SELECT characters FROM bench.world)),
  setval('platform.subscriptions_id_seq', (SELECT subscriptions FROM bench.world)),
  setval('platform.credit_ledger_id_seq', (SELECT credit_entries FROM bench.world));
