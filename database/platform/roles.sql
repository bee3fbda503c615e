-- The exporter's rights: to read the views and to keep a schema of its own, nothing else. The views belong to the owner of
-- the tables and are read with that owner's rights, so nobody needs any right on the tables.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA barometer_source TO barometer_exporter;
GRANT SELECT ON ALL TABLES IN SCHEMA barometer_source TO barometer_exporter;
CREATE SCHEMA IF NOT EXISTS barometer AUTHORIZATION barometer_exporter;
