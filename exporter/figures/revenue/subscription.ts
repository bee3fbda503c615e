import { ahead, type Domain, lookUp } from '../../store/domain.ts'
import { currencyOf, dearestFirst, givesTier, monthlyMinor, notInternal, runningAt } from '../rules.ts'

const text = 'text'
const monthAgo = `(:as_of - interval '720 hours')`

export const subscriber: Domain = {
  name: 'subscriber',
  views: ['users', 'subscriptions'],
  entity: { view: 'subscriptions', id: 'user_id' },
  columns: { paying_tier: text, start_tier: text, churned: 'boolean' },
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
  CROSS JOIN LATERAL (VALUES (s.started_at), (s.ended_at), (s.started_at + interval '720 hours'),
    (s.ended_at + interval '720 hours')) AS edge(at)
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
  cells: [
    {
      name: 'paying_users',
      keys: { tier: { type: text, from: 's.paying_tier' } },
      where: 's.paying_tier IS NOT NULL',
    },
    {
      name: 'subscribers_at_start',
      keys: { tier: { type: text, from: 's.start_tier' } },
      amounts: { churned: 's.churned::int' },
      where: 's.start_tier IS NOT NULL',
    },
  ],
}

export const subscription: Domain = {
  name: 'subscription',
  views: ['users', 'subscriptions'],
  entity: { view: 'subscriptions', id: 'subscription_id' },
  columns: {
    begun: 'boolean',
    running: 'boolean',
    tier: text,
    status: text,
    currency: text,
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
  cells: [
    { name: 'subscriptions_begun', keys: { tier: { type: text, from: 's.tier' } }, where: 's.begun' },
    {
      name: 'subscriptions',
      keys: { tier: { type: text, from: 's.tier' }, status: { type: text, from: 's.status' } },
      where: 's.running',
    },
    {
      name: 'mrr',
      keys: { currency: { type: text, from: 's.currency' }, tier: { type: text, from: 's.tier' } },
      amounts: { monthly_minor: 's.monthly_minor' },
      where: 's.running AND s.currency IS NOT NULL',
    },
  ],
}
