import { retainedUsers, retentionUsers } from '../../../catalogue/users.ts'
import type { Collector } from '../../store/figure.ts'
import { notInternal } from '../rules.ts'
import { retention as rollup } from './account.ts'

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
  FROM (VALUES ('d1', 1), ('d7', 7), ('d30', 30)) AS h(horizon, days)
  JOIN signup ON signup.day + h.days < (:as_of AT TIME ZONE :timezone)::date
  GROUP BY 1, 2
)`

/** The same of the store's cohorts, which know of each day who came back. */
const newestCohorts = `
WITH newest AS (
  SELECT DISTINCT ON (h.horizon) h.horizon, c.n, c.d1, c.d7, c.d30
  FROM (VALUES ('d1', 1), ('d7', 7), ('d30', 30)) AS h(horizon, days)
  JOIN rollup_cohorts c ON c.day < (:as_of AT TIME ZONE :timezone)::date - h.days
  WHERE c.n > 0
  ORDER BY h.horizon, c.day DESC
)`

export const retention: Collector = {
  name: 'retention',
  views: retentionUsers.sources,
  parts: [rollup.name],
  oracle: [
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
    },
    {
      metric: retainedUsers,
      sparse: true,
      emit: `
${newestCohorts}
SELECT horizon, CASE horizon WHEN 'd1' THEN d1 WHEN 'd7' THEN d7 ELSE d30 END AS value FROM newest`,
      sql: `${cohorts}
SELECT cohort.horizon, count(*) FILTER (WHERE EXISTS (
  SELECT FROM sessions x
  WHERE x.user_id = signup.user_id AND x.started_at <= :as_of
    AND (x.started_at AT TIME ZONE :timezone)::date = cohort.day + cohort.days
)) AS value
FROM cohort
JOIN signup USING (day)
GROUP BY 1`,
    },
  ],
}
