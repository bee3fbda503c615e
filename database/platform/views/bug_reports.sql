-- bug_reports (mutable): open is open, any other status is not.
-- Needed underneath: indexes on created_at and updated_at.
CREATE OR REPLACE VIEW barometer_source.bug_reports AS
SELECT id AS bug_report_id, created_at, updated_at, status, severity
FROM platform.bug_reports;
