-- Up Migration
-- The reference platform: one way to lay out an AI image platform, with the indexes that make a refresh cheap:
-- every time column, updated_at of what changes, and the user (or visitor) with the time.

CREATE TABLE admins (
  id text PRIMARY KEY,
  name text NOT NULL,
  email text NOT NULL
);

CREATE TABLE users (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz,
  suspended_at timestamptz,
  country char(2),
  signup_source text,
  visitor_id text,
  kind text NOT NULL DEFAULT 'customer' CHECK (kind IN ('customer', 'staff', 'test', 'bot'))
);
CREATE INDEX users_created_at ON users (created_at);
CREATE INDEX users_updated_at ON users (updated_at);
CREATE INDEX users_deleted_at ON users (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX users_visitor ON users (visitor_id);

CREATE TABLE visits (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  visitor_id text NOT NULL,
  visited_at timestamptz NOT NULL DEFAULT now(),
  source text
);
CREATE INDEX visits_visited_at ON visits (visited_at);
CREATE INDEX visits_visitor ON visits (visitor_id, visited_at);

CREATE TABLE sessions (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id bigint NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sessions_started_at ON sessions (started_at);
CREATE INDEX sessions_user ON sessions (user_id, started_at);

CREATE TABLE characters (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id bigint NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);
CREATE INDEX characters_created_at ON characters (created_at);
CREATE INDEX characters_updated_at ON characters (updated_at);
CREATE INDEX characters_deleted_at ON characters (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX characters_user ON characters (user_id, created_at);

CREATE TABLE generations (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id bigint NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  finished_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now(),
  status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  type text NOT NULL CHECK (type IN ('studio', 'base_image', 'profile_picture')),
  quality text NOT NULL CHECK (quality IN ('draft', 'hq')),
  aspect_ratio text NOT NULL,
  is_nsfw boolean NOT NULL DEFAULT false,
  image_count int NOT NULL DEFAULT 1 CHECK (image_count >= 0),
  failure_reason text,
  scene text,
  environment text,
  outfit text,
  pose text
);
CREATE INDEX generations_created_at ON generations (created_at);
CREATE INDEX generations_finished_at ON generations (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX generations_started_at ON generations (started_at) WHERE started_at IS NOT NULL;
CREATE INDEX generations_updated_at ON generations (updated_at);
CREATE INDEX generations_user ON generations (user_id, created_at);
CREATE INDEX generations_in_progress ON generations (status) WHERE status IN ('queued', 'running');

CREATE TABLE subscriptions (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id bigint NOT NULL,
  tier text NOT NULL,
  status text NOT NULL CHECK (status IN ('trialing', 'active', 'past_due', 'paused', 'canceled')),
  amount_minor bigint NOT NULL,
  currency char(3) NOT NULL,
  billing_interval text NOT NULL DEFAULT 'month' CHECK (billing_interval IN ('week', 'month', 'year')),
  interval_count int NOT NULL DEFAULT 1 CHECK (interval_count > 0),
  started_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX subscriptions_user ON subscriptions (user_id, started_at);
CREATE INDEX subscriptions_started_at ON subscriptions (started_at);
CREATE INDEX subscriptions_ended_at ON subscriptions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX subscriptions_updated_at ON subscriptions (updated_at);

CREATE TABLE subscription_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  subscription_id bigint NOT NULL,
  user_id bigint NOT NULL,
  occurred_at timestamptz NOT NULL DEFAULT now(),
  kind text NOT NULL CHECK (kind IN ('new', 'upgrade', 'downgrade', 'cancel', 'reactivate')),
  from_tier text,
  to_tier text,
  mrr_before_minor bigint NOT NULL,
  mrr_after_minor bigint NOT NULL,
  currency char(3) NOT NULL
);
CREATE INDEX subscription_events_occurred_at ON subscription_events (occurred_at);
CREATE INDEX subscription_events_user ON subscription_events (user_id, occurred_at);

CREATE TABLE payments (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id bigint NOT NULL,
  paid_at timestamptz NOT NULL DEFAULT now(),
  kind text NOT NULL CHECK (kind IN ('subscription', 'credits')),
  amount_minor bigint NOT NULL,
  currency char(3) NOT NULL
);
CREATE INDEX payments_paid_at ON payments (paid_at);
CREATE INDEX payments_user ON payments (user_id, paid_at);

CREATE TABLE refunds (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  payment_id uuid NOT NULL,
  user_id bigint NOT NULL,
  refunded_at timestamptz NOT NULL DEFAULT now(),
  amount_minor bigint NOT NULL,
  currency char(3) NOT NULL
);
CREATE INDEX refunds_refunded_at ON refunds (refunded_at);
CREATE INDEX refunds_user ON refunds (user_id, refunded_at);
CREATE INDEX refunds_payment ON refunds (payment_id);

CREATE TABLE credit_ledger (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id bigint NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  kind text NOT NULL CHECK (kind IN ('purchased', 'consumed', 'granted', 'refunded', 'expired')),
  credits bigint NOT NULL CHECK (credits > 0)
);
CREATE INDEX credit_ledger_created_at ON credit_ledger (created_at);
CREATE INDEX credit_ledger_user ON credit_ledger (user_id, created_at);

CREATE TABLE bug_reports (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  status text NOT NULL DEFAULT 'open',
  severity text
);
CREATE INDEX bug_reports_created_at ON bug_reports (created_at);
CREATE INDEX bug_reports_updated_at ON bug_reports (updated_at);

CREATE TABLE influencer_requests (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'approved', 'rejected'))
);
CREATE INDEX influencer_requests_created_at ON influencer_requests (created_at);
CREATE INDEX influencer_requests_updated_at ON influencer_requests (updated_at);

-- Down Migration

DROP TABLE influencer_requests, bug_reports, credit_ledger, refunds, payments, subscription_events, subscriptions,
  generations, characters, sessions, visits, users, admins;
