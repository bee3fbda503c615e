-- An audit log's past of two years, made in sets for the benchmark: the same count gives the same rows, since every random
-- choice is a hash of the row's number and of what is chosen. Rows come in the order of time and more of them towards the
-- end, as admins and actions become more. Each month can be made beside the others.

-- Part: frame
CREATE SCHEMA bench;

-- Between 0 and 1, by the row and what for.
CREATE FUNCTION bench.r(n bigint, what int) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT (hashint8extended(n, what) & 9007199254740991)::float8 / 9007199254740992 $$;

-- One of so many, the first ones much more often: with a skew of 3 a tenth of 300 has nearly half of all.
CREATE FUNCTION bench.skewed(n bigint, what int, choices int, skew float8) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT floor(choices * power(bench.r(n, what), skew))::int $$;

-- The months, 24 of them, with the numbers of their rows: the last month has three times as many as the first.
CREATE TABLE bench.month (first timestamptz PRIMARY KEY, below timestamptz NOT NULL, from_row bigint NOT NULL, to_row bigint NOT NULL);

-- 20 nouns and 3 verbs of each make 60 actions; a target's type is the noun.
CREATE TABLE bench.noun (number int PRIMARY KEY, name text NOT NULL);
INSERT INTO bench.noun
SELECT number - 1, name
FROM unnest(ARRAY['user', 'character', 'generation', 'subscription', 'refund', 'report', 'credit', 'comment', 'session',
  'payment', 'influencer', 'model', 'worker', 'queue', 'setting', 'feature_flag', 'price', 'coupon', 'export', 'token'])
  WITH ORDINALITY AS nouns (name, number);

CREATE TABLE bench.verb (number int PRIMARY KEY, name text NOT NULL);
INSERT INTO bench.verb VALUES (0, 'update'), (1, 'suspend'), (2, 'delete');

-- Part: months
INSERT INTO bench.month
SELECT first, first + interval '1 month',
  floor($1 * (power(m / 24.0, 2) + m / 24.0) / 2)::bigint, floor($1 * (power((m + 1) / 24.0, 2) + (m + 1) / 24.0) / 2)::bigint
FROM generate_series(0, 23) AS m
CROSS JOIN LATERAL (SELECT date_trunc('month', $2::timestamptz, 'UTC') + make_interval(months => m) AS first) AS begins;

-- Part: rows
-- Rows of one month, $1. A value of one in a thousand is what spreadsheets and CSV find hard.
INSERT INTO barometer_audit.event (id, occurred_at, recorded_at, actor_type, actor_id, actor_name, actor_email, action,
  target_type, target_id, target_name, outcome, ip, user_agent, request_id, trace_id, metadata, changes)
SELECT
  md5('event ' || n)::uuid,
  at,
  at + make_interval(secs => 0.01 + bench.r(n, 1) / 10),
  CASE WHEN admin < 280 THEN 'admin' WHEN admin < 295 THEN 'system' ELSE 'api_key' END,
  'admin-' || admin,
  'Admin Number ' || admin,
  CASE WHEN admin < 280 THEN 'admin.' || admin || '@example.com' END,
  noun.name || '.' || verb.name,
  noun.name,
  noun.name || '-' || target,
  CASE WHEN bench.r(n, 2) < 0.001 THEN '=HYPERLINK("https://example.com", "a, b")' ELSE initcap(noun.name) || ' ' || target END,
  CASE WHEN bench.r(n, 3) < 0.04 THEN 'failure' ELSE 'success' END,
  '10.' || admin % 200 || '.' || target % 250 || '.' || n % 250,
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/' || 100 + admin % 40 || '.0 Safari/537.36',
  lpad(to_hex(n), 16, '0'),
  CASE WHEN bench.r(n, 4) < 0.8 THEN md5('trace ' || n) END,
  CASE WHEN bench.r(n, 5) < 0.6 THEN jsonb_build_object('reason', 'ticket ' || n % 9973, 'source', 'admin-panel') END,
  CASE WHEN bench.r(n, 6) < 0.3
    THEN jsonb_build_object('before', jsonb_build_object('status', 'active'), 'after', jsonb_build_object('status', verb.name)) END
FROM bench.month
CROSS JOIN LATERAL generate_series(from_row + 1, to_row) AS n
CROSS JOIN LATERAL (
  SELECT first + (below - first) * (n - from_row)::float8 / (to_row - from_row + 1) AS at,
    bench.skewed(n, 7, 300, 3) AS admin,
    bench.skewed(n, 8, 1500000, 1.5) AS target,
    bench.skewed(n, 9, 20, 2) AS noun_number,
    bench.skewed(n, 10, 3, 2) AS verb_number
) AS choice
JOIN bench.noun ON noun.number = noun_number
JOIN bench.verb ON verb.number = verb_number
WHERE month.first = $1;
