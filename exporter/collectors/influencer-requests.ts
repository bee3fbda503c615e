import { influencerRequestsPending as metric } from '../../catalogue/quick-actions.ts'
import type { Collector } from '../collector.ts'

export const influencerRequests: Collector = {
  name: 'influencer-requests',
  views: metric.sources,
  oracle: [
    {
      metric,
      sql: `
SELECT count(*) AS value
FROM influencer_requests r
WHERE r.status = 'pending' AND r.created_at <= :as_of`,
    },
  ],
}
