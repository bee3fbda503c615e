-- characters (mutable): what users create to have images made of.
-- Needed underneath: indexes on created_at, updated_at and (user_id, created_at).
CREATE OR REPLACE VIEW barometer_source.characters AS
SELECT id AS character_id, user_id, created_at, deleted_at, updated_at
FROM platform.characters;
