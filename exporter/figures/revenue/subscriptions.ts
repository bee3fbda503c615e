import { mrr, payingUsers, subscriptions as subscriptionsMetric } from '../../../catalogue/revenue.ts'
import type { Collector } from '../../store/figure.ts'
import { currencyOf, fold, foldOneOf, minorPerMajor, monthlyMinor, notInternal, runningAt, tierOf } from '../rules.ts'
import { subscriber, subscription } from './subscription.ts'

export const subscriptions: Collector = {
  name: 'subscriptions',
  views: subscriptionsMetric.sources,
  parts: [subscription.name, subscriber.name],
  oracle: [
    {
      metric: subscriptionsMetric,
      emit: `
SELECT ${fold('s.tier', 'tier')} AS tier,
  ${foldOneOf('s.status', subscriptionsMetric.labels.status.values ?? [])} AS status, sum(n) AS value
FROM rollup_subscriptions s
WHERE n > 0
GROUP BY 1, 2`,
      sql: `
SELECT
  ${fold('s.tier', 'tier')} AS tier,
  ${foldOneOf('s.status', subscriptionsMetric.labels.status.values ?? [])} AS status,
  count(*) AS value
FROM subscriptions s
LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND ${runningAt(':as_of')}
GROUP BY 1, 2`,
    },
    {
      metric: payingUsers,
      emit: `
SELECT ${fold('tier', 'tier')} AS tier, sum(n) AS value
FROM rollup_paying_users
WHERE n > 0
GROUP BY 1`,
      sql: `
WITH ${tierOf}
SELECT t.tier, count(DISTINCT s.user_id) AS value
FROM subscriptions s
JOIN tier_of t USING (user_id)
LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND ${runningAt(':as_of')} AND s.status IN ('active', 'past_due') AND s.amount_minor > 0
GROUP BY 1`,
    },
    {
      metric: mrr,
      emit: `
SELECT s.currency, ${fold('s.tier', 'tier')} AS tier, sum(s.monthly_minor) / ${minorPerMajor('s.currency')} AS value
FROM rollup_mrr s
WHERE n > 0
GROUP BY 1, 2`,
      sql: `
SELECT
  ${currencyOf('s')} AS currency,
  ${fold('s.tier', 'tier')} AS tier,
  sum(round(${monthlyMinor})) / ${minorPerMajor(currencyOf('s'))} AS value
FROM subscriptions s
LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND ${runningAt(':as_of')} AND s.status IN ('active', 'past_due')
GROUP BY ${currencyOf('s')}, 2`,
    },
  ],
}
