import { influencerRequestsPending as metric } from '../../../catalogue/quick-actions.ts'
import type { Collector } from '../../store/figure.ts'
import { influencerRequest } from './state.ts'

export const influencerRequests: Collector = {
  name: 'influencer-requests',
  views: metric.sources,
  parts: [influencerRequest.name],
  oracle: [
    {
      metric,
      emit: `
SELECT coalesce(sum(n), 0) AS value
FROM rollup_influencer_requests_pending`,
      sql: `
SELECT count(*) AS value
FROM influencer_requests r
WHERE r.status = 'pending' AND r.created_at <= :as_of`,
    },
  ],
}
