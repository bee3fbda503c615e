import { valuesOf } from '../../../catalogue/define.ts'
import { retainedUsers, retentionUsers } from '../../../catalogue/users.ts'
import { ahead, type Cells, lookUp, type State } from '../../store/domain.ts'
import type { Collector, RangeFunction } from '../../store/figure.ts'
import { bucketOf, dayOf, startOf } from '../../store/ranges.ts'
import { changesOfSpans } from '../past.ts'
import { isCounted, notInternal } from '../rules.ts'
import { inSegment } from '../segments.ts'
import { segmented } from './segmented.ts'

/** The horizons with their days: d7 is the seventh day after sign-up. Each has a column of its name. */
const horizons = valuesOf(retentionUsers.labels.horizon).map((horizon) => ({ horizon, days: Number(horizon.slice(1)) }))
const horizonDays = horizons.map(({ horizon, days }) => `('${horizon}', ${days})`).join(', ')
const byHorizon = (value: (horizon: string) => string): Record<string, string> =>
  Object.fromEntries(horizons.map(({ horizon }) => [horizon, value(horizon)]))

const localDay = (instant: string): string => `(${instant} AT TIME ZONE :timezone)::date`

/**
 * Whether there is a session on the Nth day after sign-up. The range is wide enough for any change of the clocks, so that
 * the index finds the few rows of which the date decides.
 */
const returnedOn = (days: number): string => `EXISTS (
    SELECT FROM sessions
    WHERE user_id = d.id AND started_at <= :as_of AND ${localDay('started_at')} = cohort.day + ${days}
      AND started_at > (cohort.day + ${days})::timestamp AT TIME ZONE 'UTC' - interval '16 hours'
      AND started_at < (cohort.day + ${days + 1})::timestamp AT TIME ZONE 'UTC' + interval '16 hours'
  )`

const state: State = {
  name: 'retention',
  views: ['users', 'sessions'],
  entity: { view: 'users', id: 'user_id' },
  columns: { counted: 'boolean', day: 'date', ...byHorizon(() => 'boolean') },
  dirtiedBy: {
    sessions: `SELECT c.user_id FROM changed AS c
      LEFT JOIN ${lookUp('created_at', 'rollup_account WHERE id = c.user_id')} AS u ON true
      WHERE u.created_at IS NULL OR ${localDay('c.started_at')} - ${localDay('u.created_at')} IN (${horizons.map(({ days }) => days).join(', ')})`,
  },
  contribution: (entities) => `
SELECT d.id, ${isCounted} AS counted, cohort.day,
  ${horizons.map(({ horizon, days }) => `${returnedOn(days)} AS ${horizon},`).join('\n  ')}
  ${ahead('u.created_at')} AS next_at
FROM ${entities('u')}
CROSS JOIN LATERAL (SELECT ${localDay('u.created_at')} AS day) AS cohort`,
}

const sums: Cells = {
  name: 'cohorts',
  keys: { day: { type: 'date', from: 's.day' } },
  amounts: byHorizon((horizon) => `s.${horizon}::int`),
  where: 's.counted',
}

/**
 * The newest day on which anybody signed up and whose day N is over, in the reporting time zone. Days are dates, so that
 * a day of 23 or 25 hours is one day.
 */
const cohorts = `
WITH signup AS (
  SELECT u.user_id, (u.created_at AT TIME ZONE :timezone)::date AS day
  FROM users u
  WHERE ${notInternal} AND u.created_at <= :as_of
),
cohort AS (
  SELECT h.horizon, h.days, max(signup.day) AS day
  FROM (VALUES ${horizonDays}) AS h(horizon, days)
  JOIN signup ON signup.day + h.days < (:as_of AT TIME ZONE :timezone)::date
  GROUP BY 1, 2
)`

/** The same of the store's cohorts, which know of each day who came back. */
const newestCohorts = `
WITH newest AS (
  SELECT DISTINCT ON (h.horizon) h.horizon, c.n, ${horizons.map(({ horizon }) => `c.${horizon}`).join(', ')}
  FROM (VALUES ${horizonDays}) AS h(horizon, days)
  JOIN rollup_cohorts c ON c.day < (:as_of AT TIME ZONE :timezone)::date - h.days
  WHERE c.n > 0
  ORDER BY h.horizon, c.day DESC
)`

/**
 * A cohort is over with the local day, so the figures of a day hold in all its hours. `shown(horizon, days, day, since, until)`:
 * the day of the cohort that is shown in these hours.
 */
const shown = `signup AS MATERIALIZED (
  SELECT u.user_id, u.created_at, (u.created_at AT TIME ZONE :timezone)::date AS day
  FROM users u
  WHERE ${notInternal} AND u.created_at <= :to
),
local_day AS MATERIALIZED (
  SELECT day, min(at) AS since, lead(min(at), 1, :end) OVER (ORDER BY day) AS until
  FROM (
    SELECT at, (at AT TIME ZONE :timezone)::date AS day FROM generate_series(:from, :to, interval '1 hour') AS hour(at)
  ) AS hours
  GROUP BY day
),
cohort AS MATERIALIZED (SELECT day, count(*) AS users FROM signup GROUP BY day),
shown AS MATERIALIZED (
  SELECT h.horizon, h.days, newest.day, newest.users, d.since, d.until
  FROM local_day d
  CROSS JOIN (VALUES ${horizonDays}) AS h(horizon, days)
  CROSS JOIN LATERAL (
    SELECT c.day, c.users FROM cohort c WHERE c.day + h.days < d.day ORDER BY c.day DESC LIMIT 1
  ) AS newest
)`

/** How many periods lie between a cohort and a session. */
const periodsLater = `CASE :period WHEN 'day' THEN came - cohort WHEN 'week' THEN (came - cohort) / 7
    ELSE ((extract(year FROM came) - extract(year FROM cohort)) * 12
      + extract(month FROM came) - extract(month FROM cohort))::int END`
/** 30 days, 12 weeks, 12 months. */
const periodsMax = `CASE :period WHEN 'day' THEN 30 ELSE 12 END`
const later = `(c.cohort + i.number * ('1 ' || :period)::interval)::date`

const range: RangeFunction = {
  // Whole cohorts that begin in the range; of each the periods that are over.
  name: 'retention',
  returns: { cohort: 'date', users: 'bigint', number: 'int', retained: 'bigint' },
  needs: [...segmented, 'sessions'],
  sql: `
WITH signup AS MATERIALIZED (
  SELECT u.user_id, u.created_at, ${bucketOf(dayOf('u.created_at'))} AS cohort
  FROM users u JOIN rollup_population p ON p.id = u.user_id
  WHERE ${notInternal} AND u.created_at >= :since AND u.created_at < :until + interval '33 days'
    AND u.created_at <= :as_of AND ${inSegment}
),
chosen AS MATERIALIZED (
  SELECT * FROM signup WHERE ${startOf('cohort')} >= :since AND ${startOf('cohort')} < :until
),
came AS (
  SELECT cohort, user_id, ${periodsLater} AS number
  FROM (
    SELECT c.cohort, c.user_id, ${bucketOf(dayOf('x.started_at'))} AS came
    FROM chosen c JOIN sessions x ON x.user_id = c.user_id
      AND x.started_at >= c.created_at - interval '33 days' AND x.started_at <= :as_of
  ) AS session
  WHERE came >= cohort
  GROUP BY 1, 2, 3
),
retained AS (SELECT cohort, number, count(*) AS n FROM came GROUP BY 1, 2)
SELECT c.cohort, c.users, i.number, coalesce(r.n, 0) AS retained
FROM (SELECT cohort, count(*) AS users FROM chosen GROUP BY 1) AS c
CROSS JOIN generate_series(0, ${periodsMax}) AS i(number)
LEFT JOIN retained r ON r.cohort = c.cohort AND r.number = i.number
WHERE ${later} < ${bucketOf(dayOf(':as_of'))}`,
}

export const retention: Collector = {
  name: 'retention',
  reads: [{ of: state, sums: [sums] }],
  figures: [
    {
      metric: retentionUsers,
      sparse: true,
      emit: `
${newestCohorts}
SELECT horizon, n AS value FROM newest`,
      sql: `${cohorts}
SELECT cohort.horizon, count(*) AS value
FROM cohort
JOIN signup USING (day)
GROUP BY 1`,
      past: {
        changes: `WITH ${shown}
${changesOfSpans('SELECT horizon, users, since, until FROM shown', ['horizon'], 'span.users')}`,
      },
    },
    {
      metric: retainedUsers,
      sparse: true,
      emit: `
${newestCohorts}
SELECT horizon, CASE horizon ${horizons.map(({ horizon }) => `WHEN '${horizon}' THEN ${horizon}`).join(' ')} END AS value FROM newest`,
      sql: `${cohorts}
SELECT cohort.horizon, count(*) FILTER (WHERE EXISTS (
  SELECT FROM sessions x
  WHERE x.user_id = signup.user_id AND x.started_at <= :as_of
    AND (x.started_at AT TIME ZONE :timezone)::date = cohort.day + cohort.days
)) AS value
FROM cohort
JOIN signup USING (day)
GROUP BY 1`,
      past: {
        // 33 days: the longest that day 30 can be away, in whatever zone.
        changes: `WITH ${shown},
came AS MATERIALIZED (
  SELECT s.day, (x.started_at AT TIME ZONE :timezone)::date - s.day AS days, count(DISTINCT s.user_id) AS users
  FROM signup s
  JOIN sessions x ON x.user_id = s.user_id AND x.started_at BETWEEN s.created_at - interval '2 days' AND s.created_at + interval '33 days'
  WHERE x.started_at <= :to
  GROUP BY 1, 2
)
${changesOfSpans(
  `SELECT shown.horizon, coalesce(came.users, 0) AS users, shown.since, shown.until
  FROM shown LEFT JOIN came ON came.day = shown.day AND came.days = shown.days`,
  ['horizon'],
  'span.users',
)}`,
      },
    },
  ],
  ranges: [range],
}
