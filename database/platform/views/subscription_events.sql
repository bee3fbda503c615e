-- subscription_events (append-only): every change of a subscription's monthly value, before and after.
-- Needed underneath: indexes on occurred_at and (user_id, occurred_at).
CREATE OR REPLACE VIEW barometer_source.subscription_events AS
SELECT
  id AS event_id,
  subscription_id,
  user_id,
  occurred_at,
  kind,
  from_tier,
  to_tier,
  mrr_before_minor,
  mrr_after_minor,
  currency
FROM platform.subscription_events;
