-- refunds (append-only): money that went back.
-- Needed underneath: indexes on refunded_at and (user_id, refunded_at).
CREATE OR REPLACE VIEW barometer_source.refunds AS
SELECT id AS refund_id, payment_id, user_id, refunded_at, amount_minor, currency
FROM platform.refunds;
