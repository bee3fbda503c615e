import { valuesOf } from '../../../catalogue/define.ts'
import { signups as metric } from '../../../catalogue/users.ts'
import type { Cells } from '../../store/domain.ts'
import type { Collector, RangeFunction } from '../../store/figure.ts'
import { bucketOf, dayOf, inRange, type RangeEdge, sumsOver } from '../../store/ranges.ts'
import { sumsIn } from '../../store/windows.ts'
import { changesOfFacts } from '../past-windows.ts'
import { fold, inWindow, notInternal, text, windows } from '../rules.ts'
import { bySegment, inSegment } from '../segments.ts'
import { account } from '../states/account.ts'
import { segmented } from './segmented.ts'

export const sums: Cells = {
  name: 'signups',
  keys: { source: text('s.source'), country: text('s.country') },
  where: 's.counted',
  at: { instant: 's.created_at', grains: ['ever', 'day'] },
}

/** Sign-ups between two instants, by the index on created_at of the users. */
const signupEdge: RangeEdge = (from, before) => `SELECT u.created_at, ${notInternal} AS counted,
    coalesce(u.signup_source::text, '') AS source, coalesce(u.country::text, '') AS country
    FROM users u WHERE u.created_at >= ${from} AND u.created_at < ${before}`

const range: RangeFunction = {
  name: 'signups',
  returns: { bucket: 'date', source: 'text', country: 'text', n: 'bigint' },
  needs: segmented,
  sql: `
SELECT bucket, ${fold('source', 'signup_source')} AS source, ${fold('country', 'country')} AS country, sum(n)::bigint AS n
FROM ${sumsOver(sums, signupEdge)}
WHERE NOT ${bySegment}
GROUP BY 1, 2, 3
UNION ALL
SELECT ${bucketOf(dayOf('u.created_at'))}, ${fold('u.signup_source', 'signup_source')}, ${fold('u.country', 'country')}, count(*)
FROM users u JOIN rollup_population p ON p.id = u.user_id
WHERE ${bySegment} AND ${notInternal} AND ${inRange('u.created_at')} AND ${inSegment}
GROUP BY 1, 2, 3`,
}

export const signups: Collector = {
  name: 'signups',
  reads: [{ of: account, sums: [sums] }],
  figures: [
    {
      metric,
      emit: `
SELECT "window", ${fold('source', 'signup_source')} AS source, ${fold('country', 'country')} AS country, sum(n) AS value
FROM ${sumsIn(sums, valuesOf(metric.labels.window))}
WHERE n > 0
GROUP BY 1, 2, 3`,
      sql: `
SELECT
  w."window",
  ${fold('u.signup_source', 'signup_source')} AS source,
  ${fold('u.country', 'country')} AS country,
  count(*) AS value
FROM users u
CROSS JOIN ${windows(valuesOf(metric.labels.window))}
WHERE ${notInternal} AND ${inWindow('u.created_at')}
GROUP BY 1, 2, 3`,
      past: {
        changes: changesOfFacts({
          metric,
          rows: `
SELECT ${fold('u.signup_source', 'signup_source')} AS source, ${fold('u.country', 'country')} AS country,
  u.created_at AS at, 1 AS value
FROM users u
WHERE ${notInternal}`,
        }),
      },
    },
  ],
  ranges: [range],
}
