import { churnedSubscribers, subscribersAtStart } from '../../../catalogue/users.ts'
import { sqlInterval } from '../../../catalogue/windows.ts'
import type { Cells } from '../../store/domain.ts'
import type { Collector } from '../../store/figure.ts'
import { changesOfSpans, hourOf } from '../past.ts'
import { tierSpans } from '../past-spans.ts'
import { dearestFirst, fold, notInternal, runningAt, text } from '../rules.ts'
import { subscriber } from '../states/subscriber.ts'

const month = sqlInterval('30d')

const sums: Cells = {
  name: 'subscribers_at_start',
  keys: { tier: text('s.start_tier') },
  amounts: { churned: 's.churned::int' },
  where: 's.start_tier IS NOT NULL',
}

const subscribers = `
WITH subscriber AS (
  SELECT DISTINCT ON (s.user_id) s.user_id, ${fold('s.tier', 'tier')} AS tier
  FROM subscriptions s
  LEFT JOIN users u USING (user_id)
  WHERE ${notInternal} AND ${runningAt(`(:as_of - ${month})`)} AND s.status <> 'trialing'
  ORDER BY s.user_id, ${dearestFirst}
)`

/** `subscriber(user_id, tier, since, until)`: who had a subscription 720 hours before, and none that is a trial now. */
const pastSubscribers = `${tierSpans({ name: 'tier_span', where: `s.status <> 'trialing'` })},
subscriber AS MATERIALIZED (
  SELECT t.user_id, t.tier, t.since + ${month} AS since, t.until + ${month} AS until
  FROM tier_span t
  LEFT JOIN users u USING (user_id)
  WHERE ${notInternal} AND t.tier IS NOT NULL
)`

/** `ended(user_id, since, until)`: of users with any subscription, the time in which none runs. */
const ended = `ended AS MATERIALIZED (
  SELECT user_id, reached AS since, lead(since, 1, :end) OVER (PARTITION BY user_id ORDER BY since, reached) AS until
  FROM (
    SELECT user_id, since, max(until) OVER (PARTITION BY user_id ORDER BY since, until) AS reached
    FROM (
      SELECT * FROM (
      SELECT user_id, ${hourOf('started_at')} AS since, ${hourOf(`coalesce(ended_at, 'infinity')`)} AS until
      FROM subscriptions
    ) AS run
    WHERE since < until
    UNION ALL SELECT DISTINCT user_id, :epoch, :epoch FROM subscriptions
    ) AS runs
  ) AS reaching
)`

export const churn: Collector = {
  name: 'churn',
  reads: [{ of: subscriber, sums: [sums] }],
  figures: [
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
      past: {
        changes: `WITH ${pastSubscribers}
${changesOfSpans(`SELECT tier, '30d' AS "window", since, until FROM subscriber`, ['tier', 'window'])}`,
      },
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
      past: {
        changes: `WITH ${pastSubscribers},
${ended}
SELECT tier, "window", at, 0 AS value, n FROM (
  ${changesOfSpans(`SELECT tier, '30d' AS "window", since, until FROM subscriber`, ['tier', 'window'])}
) AS subscribing
UNION ALL
SELECT tier, "window", at, value, 0 FROM (
  ${changesOfSpans(
    `SELECT s.tier, '30d' AS "window", greatest(s.since, e.since) AS since, least(s.until, e.until) AS until
    FROM subscriber s JOIN ended e USING (user_id)`,
    ['tier', 'window'],
  )}
) AS churning`,
      },
    },
  ],
}
