-- platform_influencer_requests_pending: plain SQL, which defines it
SELECT count(*) AS value
FROM influencer_requests r
WHERE r.status = 'pending' AND r.created_at <= :as_of;

-- platform_influencer_requests_pending: from the store
SELECT coalesce(sum(n), 0) AS value
FROM rollup_influencer_requests_pending;
