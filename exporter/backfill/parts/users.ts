import { users as metric } from '../../../catalogue/users.ts'
import { changesOfSpans, hourOf, type Past } from '../../figures/past.ts'
import { liveTiers, liveUsers } from '../../figures/past-spans.ts'
import { activityOf, charactersBucket } from '../../figures/rules.ts'

/** By user and hour, how many characters and generations of 720 hours there are more or fewer. */
const changes = `change AS MATERIALIZED (
  SELECT user_id, hour, sum(characters) AS characters, sum(generations) AS generations
  FROM (
    SELECT c.user_id, edge.hour, edge.sign AS characters, 0 AS generations
    FROM (
      SELECT user_id, ${hourOf('created_at')} AS since, ${hourOf(`coalesce(deleted_at, 'infinity')`)} AS until
      FROM characters
    ) AS c
    CROSS JOIN LATERAL (VALUES (c.since, 1), (c.until, -1)) AS edge(hour, sign)
    WHERE c.since < c.until
    UNION ALL
    SELECT g.user_id, g.hour + edge.shift, 0, edge.sign
    FROM (
      SELECT user_id, ${hourOf('created_at')} AS hour FROM generations
      WHERE created_at > :from - interval '720 hours' AND created_at <= :to
    ) AS g
    CROSS JOIN (VALUES (interval '0', 1), (interval '720 hours', -1)) AS edge(shift, sign)
    UNION ALL
    SELECT user_id, since, 0, 0 FROM live
  ) AS edges
  GROUP BY user_id, hour
)`

/** What a user is by these counts, a span for each time that it stays the same. */
const states = `counted AS MATERIALIZED (
  SELECT user_id, hour, sum(characters) OVER earlier AS characters, nullif(sum(generations) OVER earlier, 0) AS generations
  FROM change
  WINDOW earlier AS (PARTITION BY user_id ORDER BY hour)
),
named AS MATERIALIZED (
  SELECT user_id, hour,
    ${charactersBucket('characters')} AS characters,
    ${activityOf('generations')} AS activity
  FROM counted
),
turned AS MATERIALIZED (
  SELECT *, (lag(characters) OVER earlier, lag(activity) OVER earlier) IS DISTINCT FROM (characters, activity) AS turns
  FROM named
  WINDOW earlier AS (PARTITION BY user_id ORDER BY hour)
),
state AS MATERIALIZED (
  SELECT user_id, characters, activity, hour AS since, lead(hour, 1, :end) OVER (PARTITION BY user_id ORDER BY hour) AS until
  FROM turned
  WHERE turns
)`

export const users: readonly Past[] = [
  {
    metric,
    changes: `WITH ${liveUsers},
${liveTiers},
${changes},
${states}
${changesOfSpans(
  `SELECT t.tier, t.country, s.characters, s.activity, greatest(s.since, t.since) AS since, least(s.until, t.until) AS until
  FROM state s JOIN live_tier t USING (user_id)`,
  Object.keys(metric.labels),
)}`,
  },
]
