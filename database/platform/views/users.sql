-- users (mutable): one row a registered user. is_internal is staff, tests and bots: counted nowhere.
-- Needed underneath: indexes on created_at, updated_at, visitor_id.
CREATE OR REPLACE VIEW barometer_source.users AS
SELECT
  id AS user_id,
  created_at,
  deleted_at,
  updated_at,
  country,
  signup_source,
  visitor_id,
  kind <> 'customer' AS is_internal
FROM platform.users;
