import { churnedSubscribers, subscribersAtStart } from '../../../catalogue/users.ts'
import type { Collector } from '../../store/figure.ts'
import { subscriber } from '../revenue/subscription.ts'
import { dearestFirst, fold, notInternal, runningAt } from '../rules.ts'

const subscribers = `
WITH subscriber AS (
  SELECT DISTINCT ON (s.user_id) s.user_id, ${fold('s.tier', 'tier')} AS tier
  FROM subscriptions s
  LEFT JOIN users u USING (user_id)
  WHERE ${notInternal} AND ${runningAt(`(:as_of - interval '720 hours')`)} AND s.status <> 'trialing'
  ORDER BY s.user_id, ${dearestFirst}
)`

export const churn: Collector = {
  name: 'churn',
  views: subscribersAtStart.sources,
  parts: [subscriber.name],
  oracle: [
    {
      metric: subscribersAtStart,
      emit: `
SELECT ${fold('tier', 'tier')} AS tier, '30d' AS "window", sum(n) AS value
FROM rollup_subscribers_at_start
WHERE n > 0
GROUP BY 1`,
      sql: `${subscribers}
SELECT tier, '30d' AS "window", count(*) AS value
FROM subscriber
GROUP BY 1`,
    },
    {
      metric: churnedSubscribers,
      emit: `
SELECT ${fold('tier', 'tier')} AS tier, '30d' AS "window", sum(churned) AS value
FROM rollup_subscribers_at_start
WHERE n > 0
GROUP BY 1`,
      sql: `${subscribers}
SELECT tier, '30d' AS "window", count(*) FILTER (WHERE NOT EXISTS (
  SELECT FROM subscriptions s WHERE s.user_id = subscriber.user_id AND ${runningAt(':as_of')}
)) AS value
FROM subscriber
GROUP BY 1`,
    },
  ],
}
