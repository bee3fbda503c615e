import { valuesOf } from '../../../catalogue/define.ts'
import { userLifetimeSurvivors, userLifetimeUsers } from '../../../catalogue/users.ts'
import { rollingWindowHours, sqlInterval } from '../../../catalogue/windows.ts'
import { type Cells, lookUp, type State } from '../../store/domain.ts'
import type { Collector } from '../../store/figure.ts'
import { hourOf } from '../past.ts'
import { isCounted, notInternal } from '../rules.ts'
import { newest } from './levels.ts'

const lastWeek = valuesOf(userLifetimeUsers.labels.week).length - 1
const week = sqlInterval('7d')
const weekSeconds = rollingWindowHours['7d'] * 3_600

const weeksSinceSignup = (instant: string): string =>
  `least(${lastWeek}, floor(extract(epoch FROM ${instant} - u.created_at) / ${weekSeconds}))::smallint`
/** Weeks that have begun since the state was computed: one, unless refreshes were far apart. */
const weeksLater = `(1 + floor(extract(epoch FROM :as_of - s.next_at) / ${weekSeconds}))`

const state: State = {
  name: 'lifetime',
  views: ['users', 'sessions'],
  entity: { view: 'users', id: 'user_id' },
  columns: { begun: 'smallint', survived: 'smallint' },
  // Only a session in a later week than that of the newest one tells anything.
  dirtiedBy: {
    sessions: `SELECT c.user_id FROM changed AS c
      LEFT JOIN ${lookUp('created_at', 'rollup_account WHERE id = c.user_id')} AS u ON true
      LEFT JOIN ${lookUp('survived', 'rollup_lifetime WHERE id = c.user_id')} AS s ON true
      WHERE u.created_at IS NULL OR s.survived IS NULL OR ${weeksSinceSignup('c.started_at')} > s.survived`,
  },
  aged: {
    where: 's.begun IS NOT NULL',
    values: [
      `least(${lastWeek}, s.begun + ${weeksLater})::smallint`,
      's.survived',
      `CASE WHEN s.begun + ${weeksLater} < ${lastWeek} THEN s.next_at + ${weeksLater} * ${week} END`,
    ],
  },
  contribution: (entities) => `
SELECT d.id, CASE WHEN ${isCounted} THEN ${weeksSinceSignup(':as_of')} END AS begun,
  CASE WHEN ${isCounted} AND newest.at >= u.created_at THEN ${weeksSinceSignup('newest.at')} END AS survived,
  CASE WHEN u.created_at > :as_of THEN u.created_at
    WHEN ${isCounted} AND u.created_at + ${lastWeek} * ${week} > :as_of
    THEN u.created_at + (${weeksSinceSignup(':as_of')} + 1) * ${week} END AS next_at
FROM ${entities('u')} ${newest('sessions', 'started_at')}`,
}

const begun: Cells = {
  name: 'lifetime_begun',
  keys: { week: { type: 'smallint', from: 's.begun' } },
  where: 's.begun IS NOT NULL',
}

const survived: Cells = {
  name: 'lifetime_survived',
  keys: { week: { type: 'smallint', from: 's.survived' } },
  where: 's.survived IS NOT NULL',
}

const weeks = `
WITH reached AS (
  SELECT week, u.user_id, u.created_at + week * ${week} AS begins_at
  FROM users u
  CROSS JOIN generate_series(0, ${lastWeek}) AS week
  WHERE ${notInternal} AND u.created_at + week * ${week} <= :as_of
),
last_session AS (
  SELECT user_id, max(started_at) AS at
  FROM sessions
  WHERE started_at <= :as_of
  GROUP BY user_id
)`

const pastReached = `
SELECT week, u.created_at + week * ${week} AS at, 1 AS n
FROM users u
CROSS JOIN generate_series(0, ${lastWeek}) AS week
WHERE ${notInternal} AND u.created_at <= :to`

const weekOf = (instant: string): string => `floor(extract(epoch FROM ${instant} - u.created_at) / ${weekSeconds})::int`

/** The first session in or after each week: all weeks that began after the session before it, and by this one. */
const pastSurvived = `
SELECT week, x.at
FROM (
  SELECT user_id, started_at AS at, lag(started_at) OVER (PARTITION BY user_id ORDER BY started_at) AS before
  FROM sessions
) AS x
JOIN users u USING (user_id)
CROSS JOIN LATERAL generate_series(
  greatest(coalesce(${weekOf('x.before')} + 1, 0), 0), least(${weekOf('x.at')}, ${lastWeek})
) AS week
WHERE ${notInternal} AND x.at >= u.created_at AND x.at <= :to`

export const lifetime: Collector = {
  name: 'lifetime',
  reads: [{ of: state, sums: [begun, survived] }],
  figures: [
    {
      metric: userLifetimeUsers,
      sparse: true,
      emit: `
SELECT reached.week, sum(n) AS value
FROM generate_series(0, ${lastWeek}) AS reached(week)
JOIN rollup_lifetime_begun AS begun ON begun.week >= reached.week
GROUP BY 1
HAVING sum(n) > 0`,
      sql: `${weeks}
SELECT week, count(*) AS value
FROM reached
GROUP BY 1`,
      past: { changes: `SELECT week, at, n AS value, n FROM (${pastReached}) AS reached` },
    },
    {
      metric: userLifetimeSurvivors,
      sparse: true,
      emit: `
SELECT reached.week, (
  SELECT coalesce(sum(n), 0) FROM rollup_lifetime_survived AS survived WHERE survived.week >= reached.week
) AS value
FROM generate_series(0, ${lastWeek}) AS reached(week)
WHERE EXISTS (SELECT FROM rollup_lifetime_begun AS begun WHERE begun.week >= reached.week AND n > 0)`,
      sql: `${weeks}
SELECT week, count(*) FILTER (WHERE l.at >= reached.begins_at) AS value
FROM reached
LEFT JOIN last_session l USING (user_id)
GROUP BY 1`,
      past: {
        changes: `SELECT week, at, 0 AS value, n FROM (${pastReached}) AS reached
UNION ALL SELECT week, ${hourOf('at')}, 1, 0 FROM (${pastSurvived}) AS survived`,
      },
    },
  ],
}
