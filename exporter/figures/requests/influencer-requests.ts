import { influencerRequestsPending as metric } from '../../../catalogue/quick-actions.ts'
import { ahead, type Cells, type State } from '../../store/domain.ts'
import { type Collector, presentOnly } from '../../store/figure.ts'

const influencerRequest: State = {
  name: 'influencer_request',
  views: ['influencer_requests'],
  rowsOf: 'influencer_requests',
  entity: { view: 'influencer_requests', id: 'request_id' },
  columns: { is_pending: 'boolean' },
  dirtiedBy: { influencer_requests: 'SELECT request_id FROM changed' },
  contribution: (entities) => `
SELECT d.id, r.created_at <= :as_of AND r.status = 'pending' AS is_pending, ${ahead('r.created_at')} AS next_at
FROM ${entities('r')}`,
}

const pending: Cells = { name: 'influencer_requests_pending', keys: {}, where: 's.is_pending' }

export const influencerRequests: Collector = {
  name: 'influencer-requests',
  reads: [{ of: influencerRequest, sums: [pending] }],
  figures: [
    {
      metric,
      emit: `
SELECT coalesce(sum(n), 0) AS value
FROM rollup_influencer_requests_pending`,
      sql: `
SELECT count(*) AS value
FROM influencer_requests r
WHERE r.status = 'pending' AND r.created_at <= :as_of`,
      past: presentOnly,
    },
  ],
}
