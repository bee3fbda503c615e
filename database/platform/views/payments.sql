-- payments (append-only): money that came in, for subscriptions and for credits.
-- Needed underneath: indexes on paid_at and (user_id, paid_at).
CREATE OR REPLACE VIEW barometer_source.payments AS
SELECT id AS payment_id, user_id, paid_at, kind, amount_minor, currency
FROM platform.payments;
