import { mrrMovement, subscriptionChanges } from '../../catalogue/revenue.ts'
import type { Collector } from '../collector.ts'
import { currencyOf, fold, minorPerMajor, notInternal } from './fragments.ts'

export const subscriptionEvents: Collector = {
  name: 'subscription-events',
  views: mrrMovement.sources,
  oracle: [
    {
      metric: mrrMovement,
      sql: `
SELECT
  CASE e.kind
    WHEN 'new' THEN 'new'
    WHEN 'upgrade' THEN 'expansion'
    WHEN 'downgrade' THEN 'contraction'
    WHEN 'cancel' THEN 'churn'
    WHEN 'reactivate' THEN 'reactivation'
  END AS movement,
  ${currencyOf('e')} AS currency,
  sum(CASE WHEN e.kind IN ('downgrade', 'cancel') THEN -1 ELSE 1 END * (e.mrr_after_minor - e.mrr_before_minor))
    / ${minorPerMajor(currencyOf('e'))} AS value
FROM subscription_events e
LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND e.occurred_at <= :as_of
  AND e.kind IN ('new', 'upgrade', 'downgrade', 'cancel', 'reactivate')
GROUP BY 1, ${currencyOf('e')}`,
    },
    {
      metric: subscriptionChanges,
      sql: `
SELECT e.kind AS change, ${fold(`coalesce(nullif(e.to_tier, ''), e.from_tier)`, 'tier')} AS tier, count(*) AS value
FROM subscription_events e
LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND e.occurred_at <= :as_of
  AND e.kind IN ('new', 'upgrade', 'downgrade', 'cancel', 'reactivate')
GROUP BY 1, 2`,
    },
  ],
}
