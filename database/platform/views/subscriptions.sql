-- subscriptions (mutable): amount_minor is for one billing interval, after recurring discounts, before tax.
-- Needed underneath: indexes on started_at, ended_at, updated_at and (user_id, started_at).
CREATE OR REPLACE VIEW barometer_source.subscriptions AS
SELECT
  id AS subscription_id,
  user_id,
  tier,
  status,
  amount_minor,
  currency,
  billing_interval AS interval,
  interval_count,
  started_at,
  ended_at,
  updated_at
FROM platform.subscriptions;
