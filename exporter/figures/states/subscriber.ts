import { sqlInterval } from '../../../catalogue/windows.ts'
import { ahead, lookUp, type State } from '../../store/domain.ts'
import { dearestFirst, givesTier, notInternal, runningAt } from '../rules.ts'

const month = sqlInterval('30d')
const monthAgo = `(:as_of - ${month})`

/** Each user with any subscription: what they pay for now, and what they had 30 days ago. */
export const subscriber: State = {
  name: 'subscriber',
  views: ['users', 'subscriptions'],
  entity: { view: 'subscriptions', id: 'user_id' },
  columns: { paying_tier: 'text', start_tier: 'text', churned: 'boolean' },
  dirtiedBy: { users: '' },
  contribution: (entities) => `
SELECT d.id, CASE WHEN ${notInternal} AND a.paying THEN t.tier END AS paying_tier,
  CASE WHEN ${notInternal} THEN at_start.tier END AS start_tier, NOT a.running AS churned, a.next_at
FROM ${entities()}
LEFT JOIN ${lookUp('is_internal', 'rollup_account WHERE id = d.id')} AS u ON true
CROSS JOIN LATERAL (
  SELECT bool_or(${runningAt(':as_of')}) AS running,
    bool_or(${runningAt(':as_of')} AND s.status IN ('active', 'past_due') AND s.amount_minor > 0) AS paying,
    min(${ahead('edge.at')}) AS next_at
  FROM subscriptions s
  CROSS JOIN LATERAL (VALUES (s.started_at), (s.ended_at), (s.started_at + ${month}),
    (s.ended_at + ${month})) AS edge(at)
  WHERE s.user_id = d.id HAVING count(*) > 0
) AS a
LEFT JOIN LATERAL (
  SELECT coalesce(s.tier::text, '') AS tier FROM subscriptions s
  WHERE s.user_id = d.id AND ${runningAt(':as_of')} AND ${givesTier}
  ORDER BY ${dearestFirst} LIMIT 1
) AS t ON true
LEFT JOIN LATERAL (
  SELECT coalesce(s.tier::text, '') AS tier FROM subscriptions s
  WHERE s.user_id = d.id AND ${runningAt(monthAgo)} AND s.status <> 'trialing'
  ORDER BY ${dearestFirst} LIMIT 1
) AS at_start ON true`,
  turnedBy: 'SELECT user_id FROM turned',
}
