-- influencer_requests (mutable): who asks to be an influencer, until somebody decides.
-- Needed underneath: indexes on created_at and updated_at.
CREATE OR REPLACE VIEW barometer_source.influencer_requests AS
SELECT id AS request_id, created_at, updated_at, status
FROM platform.influencer_requests;
