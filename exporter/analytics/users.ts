import { factsOf } from '../figures/facts.ts'
import { fold, liveUser, notInternal } from '../figures/rules.ts'
import { bySegment, inSegment } from '../figures/segments.ts'
import { account, population } from '../figures/users/account.ts'
import { bucketOf, dayOf, inRange, type RangeEdge, startOf, sumsOver, viewEdge } from '../store/ranges.ts'
import { cellsNamed } from '../store/windows.ts'
import type { AnalyticsFunction } from './functions.ts'

const accounts = ['feed users', account.name]
const segmented = [...accounts, population.name, 'feed subscriptions', 'feed characters', 'feed generations']

/** Sign-ups between two instants, by the index on created_at of the users. */
const signupEdge: RangeEdge = (from, before) => `SELECT u.created_at, ${notInternal} AS counted,
    coalesce(u.signup_source::text, '') AS source, coalesce(u.country::text, '') AS country
    FROM users u WHERE u.created_at >= ${from} AND u.created_at < ${before}`

/** Users of a view's rows in the range, each once a bucket, who live and are in the segments. */
const distinctUsers = (view: string, instant: string): string => `
SELECT x.bucket, count(*) AS users
FROM (SELECT DISTINCT ${bucketOf(dayOf(`v.${instant}`))} AS bucket, v.user_id FROM "${view}" v WHERE ${inRange(`v.${instant}`)}) AS x
JOIN rollup_account u ON u.id = x.user_id
JOIN rollup_population p ON p.id = x.user_id
WHERE ${liveUser} AND ${inSegment}
GROUP BY 1`

/** How many periods lie between a cohort and a session. */
const number = `CASE :period WHEN 'day' THEN came - cohort WHEN 'week' THEN (came - cohort) / 7
    ELSE ((extract(year FROM came) - extract(year FROM cohort)) * 12
      + extract(month FROM came) - extract(month FROM cohort))::int END`
/** 30 days, 12 weeks, 12 months. */
const numbersMax = `CASE :period WHEN 'day' THEN 30 ELSE 12 END`
const later = `(c.cohort + i.number * ('1 ' || :period)::interval)::date`

export const users: readonly AnalyticsFunction[] = [
  {
    name: 'signups',
    returns: { bucket: 'date', source: 'text', country: 'text', n: 'bigint' },
    parts: segmented,
    sql: `
SELECT bucket, ${fold('source', 'signup_source')} AS source, ${fold('country', 'country')} AS country, sum(n)::bigint AS n
FROM ${sumsOver(cellsNamed(account.cells, 'signups'), signupEdge)}
WHERE NOT ${bySegment}
GROUP BY 1, 2, 3
UNION ALL
SELECT ${bucketOf(dayOf('u.created_at'))}, ${fold('u.signup_source', 'signup_source')}, ${fold('u.country', 'country')}, count(*)
FROM users u JOIN rollup_population p ON p.id = u.user_id
WHERE ${bySegment} AND ${notInternal} AND ${inRange('u.created_at')} AND ${inSegment}
GROUP BY 1, 2, 3`,
  },
  {
    name: 'active_users',
    returns: { bucket: 'date', users: 'bigint' },
    parts: [...segmented, 'feed sessions'],
    sql: distinctUsers('sessions', 'started_at'),
  },
  {
    name: 'generating_users',
    returns: { bucket: 'date', users: 'bigint' },
    parts: segmented,
    sql: distinctUsers('generations', 'created_at'),
  },
  {
    name: 'sessions',
    returns: { bucket: 'date', n: 'bigint' },
    parts: [...segmented, 'feed sessions'],
    sql: `
SELECT bucket, sum(n)::bigint AS n
FROM ${sumsOver(factsOf('sessions').cells[0], viewEdge('sessions', 'started_at'))}
WHERE NOT ${bySegment}
GROUP BY 1
UNION ALL
SELECT ${bucketOf(dayOf('x.started_at'))}, count(*)
FROM sessions x JOIN users u USING (user_id) JOIN rollup_population p ON p.id = x.user_id
WHERE ${bySegment} AND ${notInternal} AND ${inRange('x.started_at')} AND ${inSegment}
GROUP BY 1`,
  },
  {
    // Whole cohorts that begin in the range; of each the periods that are over.
    name: 'retention',
    returns: { cohort: 'date', users: 'bigint', number: 'int', retained: 'bigint' },
    parts: [...segmented, 'feed sessions'],
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
  SELECT cohort, user_id, ${number} AS number
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
CROSS JOIN generate_series(0, ${numbersMax}) AS i(number)
LEFT JOIN retained r ON r.cohort = c.cohort AND r.number = i.number
WHERE ${later} < ${bucketOf(dayOf(':as_of'))}`,
  },
]
