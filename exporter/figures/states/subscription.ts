import { ahead, lookUp, type State } from '../../store/domain.ts'
import { currencyOf, monthlyMinor, notInternal, runningAt } from '../rules.ts'

/** Each subscription as it is now. */
export const subscription: State = {
  name: 'subscription',
  views: ['users', 'subscriptions'],
  rowsOf: 'subscriptions',
  entity: { view: 'subscriptions', id: 'subscription_id' },
  columns: {
    begun: 'boolean',
    running: 'boolean',
    tier: 'text',
    status: 'text',
    currency: 'text',
    monthly_minor: 'numeric',
  },
  dirtiedBy: { users: '', subscriptions: 'SELECT subscription_id FROM changed' },
  turnedBy: 'SELECT s.subscription_id FROM turned JOIN subscriptions s USING (user_id)',
  contribution: (entities) => `
SELECT d.id, ${notInternal} AND s.started_at <= :as_of AS begun, ${notInternal} AND ${runningAt(':as_of')} AS running,
  coalesce(s.tier::text, '') AS tier, s.status::text AS status,
  CASE WHEN s.status IN ('active', 'past_due') THEN ${currencyOf('s')} END AS currency,
  round(${monthlyMinor}) AS monthly_minor, least(${ahead('s.started_at')}, ${ahead('s.ended_at')}) AS next_at
FROM ${entities('s')}
LEFT JOIN ${lookUp('is_internal', 'rollup_account WHERE id = s.user_id')} AS u ON true`,
}
