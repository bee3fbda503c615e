-- generations (mutable): one row a request for images, from queued to its end.
-- Needed underneath: indexes on created_at, started_at, finished_at, updated_at and (user_id, created_at).
CREATE OR REPLACE VIEW barometer_source.generations AS
SELECT
  id AS generation_id,
  user_id,
  created_at,
  started_at,
  finished_at,
  updated_at,
  status,
  type,
  quality,
  aspect_ratio,
  is_nsfw,
  image_count,
  failure_reason,
  scene,
  environment,
  outfit,
  pose
FROM platform.generations;
