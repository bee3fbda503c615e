import { churnedSubscribers, subscribersAtStart } from '../../../catalogue/users.ts'
import { changesOfSpans, hourOf, type Past } from '../../figures/past.ts'
import { tierSpans } from '../../figures/past-spans.ts'
import { notInternal } from '../../figures/rules.ts'

/** `subscriber(user_id, tier, since, until)`: who had a subscription 720 hours before, and none that is a trial now. */
const subscribers = `${tierSpans({ name: 'tier_span', where: `s.status <> 'trialing'` })},
subscriber AS MATERIALIZED (
  SELECT t.user_id, t.tier, t.since + interval '720 hours' AS since, t.until + interval '720 hours' AS until
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

export const churn: readonly Past[] = [
  {
    metric: subscribersAtStart,
    changes: `WITH ${subscribers}
${changesOfSpans(`SELECT tier, '30d' AS "window", since, until FROM subscriber`, ['tier', 'window'])}`,
  },
  {
    metric: churnedSubscribers,
    changes: `WITH ${subscribers},
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
]
