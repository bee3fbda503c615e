-- credit_ledger (append-only): credits is always positive, the kind says which way they went.
-- Needed underneath: indexes on created_at and (user_id, created_at).
CREATE OR REPLACE VIEW barometer_source.credit_ledger AS
SELECT id AS entry_id, user_id, created_at, kind, credits
FROM platform.credit_ledger;
