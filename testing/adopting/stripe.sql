-- A platform on Supabase whose money is in Stripe: users and sessions in the schema auth, a profile beside each user,
-- tables of its own in public with snake_case names, and the schema stripe as supabase/stripe-sync-engine keeps it, cut to
-- the columns that matter here and the others of the same kinds.
CREATE SCHEMA auth;
CREATE TABLE auth.users (
  id uuid PRIMARY KEY,
  aud varchar(255),
  role varchar(255),
  email varchar(255),
  email_confirmed_at timestamptz,
  last_sign_in_at timestamptz,
  raw_app_meta_data jsonb,
  raw_user_meta_data jsonb,
  is_super_admin boolean,
  created_at timestamptz,
  updated_at timestamptz,
  banned_until timestamptz,
  is_sso_user boolean NOT NULL DEFAULT false,
  deleted_at timestamptz,
  is_anonymous boolean NOT NULL DEFAULT false
);
CREATE TABLE auth.sessions (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES auth.users ON DELETE CASCADE,
  created_at timestamptz,
  updated_at timestamptz,
  not_after timestamptz,
  user_agent text
);
CREATE TABLE auth.refresh_tokens (
  id bigserial PRIMARY KEY,
  token varchar(255),
  user_id varchar(255),
  revoked boolean,
  created_at timestamptz,
  updated_at timestamptz,
  session_id uuid REFERENCES auth.sessions ON DELETE CASCADE
);
CREATE TABLE profiles (
  id uuid PRIMARY KEY REFERENCES auth.users ON DELETE CASCADE,
  username text UNIQUE,
  country_code text,
  stripe_customer_id text UNIQUE,
  is_staff boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE image_generations (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL REFERENCES profiles,
  status text NOT NULL CHECK (status IN ('queued', 'processing', 'succeeded', 'failed', 'canceled')),
  kind text NOT NULL,
  quality text NOT NULL CHECK (quality IN ('draft', 'hd')),
  aspect_ratio text NOT NULL DEFAULT '1:1',
  nsfw_detected boolean NOT NULL DEFAULT false,
  num_images smallint NOT NULL DEFAULT 1,
  error_code text,
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  finished_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE image_generations ENABLE ROW LEVEL SECURITY;
CREATE TABLE credit_ledger (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES profiles,
  delta int NOT NULL,
  reason text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE page_views (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  anonymous_id text NOT NULL,
  path text NOT NULL,
  utm_source text,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE SCHEMA stripe;
CREATE TYPE stripe.subscription_status AS ENUM ('trialing', 'active', 'canceled', 'incomplete', 'incomplete_expired', 'past_due', 'unpaid', 'paused');
CREATE TABLE stripe.customers (
  id text PRIMARY KEY, object text, email text, metadata jsonb, name text, balance integer, created integer, currency text,
  delinquent boolean, livemode boolean, updated_at timestamptz NOT NULL DEFAULT now(), deleted boolean NOT NULL DEFAULT false
);
CREATE TABLE stripe.products (
  id text PRIMARY KEY, object text, active boolean, description text, metadata jsonb, name text, created integer,
  livemode boolean, updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE stripe.prices (
  id text PRIMARY KEY, object text, active boolean, currency text, metadata jsonb, nickname text, recurring jsonb, type text,
  unit_amount integer, created integer, lookup_key text, livemode boolean, product text, updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE stripe.subscriptions (
  id text PRIMARY KEY, object text, cancel_at_period_end boolean, current_period_end integer, current_period_start integer,
  items jsonb, metadata jsonb, status stripe.subscription_status, cancel_at integer, canceled_at integer, created integer,
  discount jsonb, ended_at integer, livemode boolean, pause_collection jsonb, start_date integer, trial_end jsonb,
  trial_start jsonb, customer text, latest_invoice text, plan text, updated_at timestamptz NOT NULL DEFAULT now(),
  last_synced_at timestamptz
);
CREATE TABLE stripe.subscription_items (
  id text PRIMARY KEY, object text, created integer, deleted boolean, metadata jsonb, quantity integer, price text, subscription text
);
CREATE TABLE stripe.invoices (
  id text PRIMARY KEY, object text, amount_due bigint, amount_paid bigint, billing_reason text, created integer, currency text,
  customer text, livemode boolean, paid boolean, status text, subscription text, total bigint, updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE stripe.charges (
  id text PRIMARY KEY, object text, paid boolean, amount bigint, status text, created integer, dispute text, invoice text,
  captured boolean, currency text, customer text, livemode boolean, metadata jsonb, refunded boolean, description text,
  failure_code text, payment_intent text, amount_refunded bigint, balance_transaction text, updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE stripe.payment_intents (
  id text PRIMARY KEY, object text, amount integer, amount_received integer, created integer, currency text, customer text,
  invoice text, livemode boolean, metadata jsonb, status text
);
CREATE TABLE stripe.refunds (
  id text PRIMARY KEY, object text, amount integer, balance_transaction text, charge text, created integer, currency text,
  metadata jsonb, payment_intent text, reason text, status text, updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE stripe.checkout_sessions (
  id text PRIMARY KEY, object text, amount_total bigint, created integer, currency text, customer text, livemode boolean,
  mode text, payment_status text, status text, subscription text
);
CREATE TABLE stripe.events (
  id text PRIMARY KEY, object text, data jsonb, type text, created integer, livemode boolean
);

-- Data: 240 users over 120 days, every other one a customer.
CREATE FUNCTION pg_temp.user_id(n int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT md5('user ' || n)::uuid $$;
CREATE TEMPORARY TABLE seed AS
SELECT n, pg_temp.user_id(n) AS id, date_trunc('second', now()) - interval '150 minutes' - (240 - n) * interval '12 hours' AS at
FROM generate_series(1, 240) AS n;
INSERT INTO auth.users (id, aud, role, email, is_super_admin, created_at, updated_at, deleted_at, is_anonymous, raw_user_meta_data)
SELECT id, 'authenticated', 'authenticated', 'u' || n || '@example.com', NULL, at, at + interval '1 hour',
  CASE WHEN n % 20 = 7 THEN at + interval '1 hour' END, false, '{}' FROM seed;
INSERT INTO auth.sessions (id, user_id, created_at, updated_at)
SELECT md5('session ' || n || ' ' || k)::uuid, id, at + k * interval '30 hours', at + k * interval '30 hours'
FROM seed, generate_series(0, 4) AS k WHERE at + k * interval '30 hours' < now();
INSERT INTO profiles (id, username, country_code, stripe_customer_id, is_staff, created_at)
SELECT id, 'name' || n, (ARRAY['US', 'FR', 'JP'])[1 + n % 3], CASE WHEN n % 2 = 0 THEN 'cus_' || n END, n % 60 = 0, at FROM seed;
INSERT INTO image_generations (id, user_id, status, kind, quality, aspect_ratio, nsfw_detected, num_images, error_code, created_at,
  started_at, finished_at, updated_at)
SELECT md5('generation ' || n || ' ' || k)::uuid, id, status, (ARRAY['studio', 'base_image', 'profile'])[1 + k % 3],
  (ARRAY['draft', 'hd'])[1 + k % 2], (ARRAY['1:1', '2:3'])[1 + k % 2], k % 4 = 0, k, CASE WHEN status = 'failed' THEN 'E_GPU' END,
  begun, CASE WHEN status <> 'queued' THEN begun + interval '1 second' END,
  CASE WHEN status IN ('succeeded', 'failed', 'canceled') THEN begun + interval '9 seconds' END,
  begun + CASE WHEN status IN ('succeeded', 'failed', 'canceled') THEN interval '9 seconds' WHEN status = 'processing' THEN interval '1 second' ELSE interval '0' END
FROM seed, generate_series(1, 6) AS k,
  LATERAL (SELECT at + k * interval '10 minutes' AS begun, (ARRAY['succeeded', 'succeeded', 'failed', 'canceled', 'processing', 'queued'])[k] AS status) AS t;
INSERT INTO credit_ledger (user_id, delta, reason, created_at)
SELECT id, 30, 'signup_bonus', at FROM seed
UNION ALL SELECT id, 200, 'top_up', at + interval '1 hour' FROM seed WHERE n % 4 = 0
UNION ALL SELECT user_id, -num_images, 'generation', created_at FROM image_generations;
INSERT INTO page_views (anonymous_id, path, utm_source, created_at)
SELECT 'visitor-' || n, '/', (ARRAY['google', NULL])[1 + n % 2], at - interval '1 hour' FROM seed;
INSERT INTO stripe.customers (id, object, created, livemode, currency)
SELECT 'cus_' || n, 'customer', extract(epoch FROM at)::int, true, 'usd' FROM seed WHERE n % 2 = 0;
INSERT INTO stripe.products (id, object, name, created, livemode)
VALUES ('prod_basic', 'product', 'Basic', 1, true), ('prod_pro', 'product', 'Pro', 1, true);
INSERT INTO stripe.prices (id, object, currency, recurring, type, unit_amount, product, lookup_key, created, livemode)
VALUES ('price_basic', 'price', 'usd', '{"interval": "month", "interval_count": 1}', 'recurring', 1200, 'prod_basic', 'basic', 1, true),
  ('price_pro', 'price', 'eur', '{"interval": "year", "interval_count": 1}', 'recurring', 24000, 'prod_pro', 'pro', 1, true);
INSERT INTO stripe.subscriptions (id, object, items, status, created, start_date, ended_at, canceled_at, customer, livemode, discount, pause_collection, updated_at)
SELECT 'sub_' || n, 'subscription',
  jsonb_build_object('object', 'list', 'data', jsonb_build_array(jsonb_build_object('id', 'si_' || n, 'quantity', 1 + n % 4 / 2, 'price',
    jsonb_build_object('id', p.id, 'product', p.product, 'currency', p.currency, 'unit_amount', p.unit_amount, 'recurring', p.recurring)))),
  (ARRAY['active', 'trialing', 'past_due', 'incomplete', 'canceled', 'active', 'unpaid'])[1 + n / 2 % 7]::stripe.subscription_status,
  extract(epoch FROM at + interval '20 minutes')::int, extract(epoch FROM at + interval '20 minutes')::int,
  CASE WHEN n / 2 % 7 = 4 THEN extract(epoch FROM at + interval '2 hours')::int END,
  CASE WHEN n / 2 % 7 = 4 THEN extract(epoch FROM at + interval '2 hours')::int END, 'cus_' || n, true,
  CASE WHEN n / 2 % 10 = 5 THEN '{"coupon": {"duration": "forever", "percent_off": 25}}'::jsonb END,
  CASE WHEN n / 2 % 14 = 7 THEN '{"behavior": "void"}'::jsonb END, at + interval '2 hours'
FROM seed JOIN stripe.prices p ON p.id = CASE WHEN n % 6 = 0 THEN 'price_pro' ELSE 'price_basic' END WHERE n % 2 = 0;
INSERT INTO stripe.charges (id, object, paid, amount, status, created, invoice, captured, currency, customer, livemode, updated_at)
SELECT 'ch_' || n || kind, 'charge', true, amount, CASE WHEN n % 10 = 8 THEN 'failed' ELSE 'succeeded' END,
  extract(epoch FROM at + interval '21 minutes')::int, CASE WHEN kind = 'i' THEN 'in_' || n END, true, 'usd', 'cus_' || n, true, at + interval '21 minutes'
FROM seed, (VALUES ('i', 1200), ('c', 499)) AS bought (kind, amount) WHERE n % 2 = 0;
INSERT INTO stripe.refunds (id, object, amount, charge, created, currency, status)
SELECT 're_' || id, 'refund', 100, id, created + 600, currency, CASE WHEN customer LIKE '%2' THEN 'failed' ELSE 'succeeded' END
FROM stripe.charges WHERE id LIKE '%c' AND customer ~ '[24]$' AND status = 'succeeded';
ANALYZE;
