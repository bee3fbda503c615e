import { users as metric } from '../../../catalogue/users.ts'
import { sqlInterval } from '../../../catalogue/windows.ts'
import { ahead, type Cells, type State } from '../../store/domain.ts'
import type { Collector, Past } from '../../store/figure.ts'
import { changesOfSpans, hourOf } from '../past.ts'
import { liveTiers, liveUsers } from '../past-spans.ts'
import { activityOf, charactersBucket, country, currentTier, fold, lives, liveUser, text, tierOf } from '../rules.ts'

const month = sqlInterval('30d')

/** The segments of each user: tier, country, characters, activity. */
export const population: State = {
  name: 'population',
  views: ['users', 'subscriptions', 'characters', 'generations'],
  entity: { view: 'users', id: 'user_id' },
  columns: { counted: 'boolean', tier: 'text', country: 'text', characters: 'text', activity: 'text' },
  dirtiedBy: { generations: 'SELECT user_id FROM changed WHERE is_new' },
  // Of generations no more than the threshold's number are looked at, however busy a user is; the activity falls when the
  // last one that it stands on leaves the window.
  contribution: (entities) => `
SELECT d.id, ${liveUser} AS counted, coalesce(t.tier, 'free') AS tier, ${country},
  ${charactersBucket('c.n')} AS characters,
  ${activityOf('g.n')} AS activity,
  least(${lives}, t.next_at, c.next_at, g_next.at, CASE WHEN g.n >= :power THEN g.at[:power] WHEN g.n >= :regular
    THEN g.at[:regular] WHEN g.n >= :casual THEN g.at[:casual] END + ${month}) AS next_at
FROM ${entities('u')} ${currentTier}
CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE created_at <= :as_of AND (deleted_at IS NULL OR deleted_at > :as_of)) AS n,
    min(least(${ahead('created_at')}, ${ahead('deleted_at')})) AS next_at
  FROM characters WHERE user_id = d.id
) AS c
CROSS JOIN LATERAL (
  SELECT count(*) AS n, array_agg(created_at ORDER BY created_at DESC) AS at FROM (
    SELECT created_at FROM generations
    WHERE user_id = d.id AND created_at > :as_of - ${month} AND created_at <= :as_of
    ORDER BY created_at DESC LIMIT :power
  ) AS newest
) AS g
CROSS JOIN LATERAL (SELECT min(created_at) AS at FROM generations WHERE user_id = d.id AND created_at > :as_of) AS g_next`,
}

const sums: Cells = {
  name: 'users',
  keys: {
    tier: text('s.tier'),
    country: text('s.country'),
    characters: text('s.characters'),
    activity: text('s.activity'),
  },
  where: 's.counted',
}

/** By user and hour, how many characters and generations of 720 hours there are more or fewer. */
const pastChanges = `change AS MATERIALIZED (
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
      WHERE created_at > :from - ${month} AND created_at <= :to
    ) AS g
    CROSS JOIN (VALUES (interval '0', 1), (${month}, -1)) AS edge(shift, sign)
    UNION ALL
    SELECT user_id, since, 0, 0 FROM live
  ) AS edges
  GROUP BY user_id, hour
)`

/** What a user is by these counts, a span for each time that it stays the same. */
const pastStates = `counted AS MATERIALIZED (
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

const past: Past = {
  changes: `WITH ${liveUsers},
${liveTiers},
${pastChanges},
${pastStates}
${changesOfSpans(
  `SELECT t.tier, t.country, s.characters, s.activity, greatest(s.since, t.since) AS since, least(s.until, t.until) AS until
  FROM state s JOIN live_tier t USING (user_id)`,
  Object.keys(metric.labels),
)}`,
}

export const users: Collector = {
  name: 'users',
  reads: [{ of: population, sums: [sums] }],
  figures: [
    {
      metric,
      emit: `
SELECT ${fold('tier', 'tier')} AS tier, ${fold('country', 'country')} AS country, characters, activity, sum(n) AS value
FROM rollup_users
WHERE n > 0
GROUP BY 1, 2, 3, 4`,
      sql: `
WITH ${tierOf},
characters_of AS (
  SELECT user_id, count(*) AS n
  FROM characters
  WHERE created_at <= :as_of AND (deleted_at IS NULL OR deleted_at > :as_of)
  GROUP BY user_id
),
generations_of AS (
  SELECT user_id, count(*) AS n
  FROM generations
  WHERE created_at > :as_of - ${month} AND created_at <= :as_of
  GROUP BY user_id
)
SELECT
  coalesce(t.tier, 'free') AS tier,
  ${fold('u.country', 'country')} AS country,
  ${charactersBucket('c.n')} AS characters,
  ${activityOf('g.n')} AS activity,
  count(*) AS value
FROM users u
LEFT JOIN tier_of t USING (user_id)
LEFT JOIN characters_of c USING (user_id)
LEFT JOIN generations_of g USING (user_id)
WHERE ${liveUser}
GROUP BY 1, 2, 3, 4`,
      past,
    },
  ],
}
