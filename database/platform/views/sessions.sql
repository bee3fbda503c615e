-- sessions (append-only): one row each time a user comes to use the platform.
-- Needed underneath: indexes on started_at and on (user_id, started_at).
CREATE OR REPLACE VIEW barometer_source.sessions AS
SELECT id AS session_id, user_id, started_at
FROM platform.sessions;
