-- visits (append-only): visits of the site, by people who need not be users yet.
-- Needed underneath: indexes on visited_at and on (visitor_id, visited_at).
CREATE OR REPLACE VIEW barometer_source.visits AS
SELECT id AS visit_id, visitor_id, visited_at, source
FROM platform.visits;
