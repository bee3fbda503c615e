import type { View } from '../../../catalogue/views.ts'
import type { State } from '../../store/domain.ts'
import { bucketOf, dayOf, inRange } from '../../store/ranges.ts'
import { liveUser } from '../rules.ts'
import { inSegment } from '../segments.ts'
import { account } from '../states/account.ts'
import { population } from './users.ts'

/** What a range function over users in segments needs. */
export const segmented: readonly (State | View)[] = [
  'users',
  account,
  population,
  'subscriptions',
  'characters',
  'generations',
]

/** Users of a view's rows in the range, each once a bucket, who live and are in the segments. */
export const distinctUsers = (view: View, instant: string): string => `
SELECT x.bucket, count(*) AS users
FROM (SELECT DISTINCT ${bucketOf(dayOf(`v.${instant}`))} AS bucket, v.user_id FROM "${view}" v WHERE ${inRange(`v.${instant}`)}) AS x
JOIN rollup_account u ON u.id = x.user_id
JOIN rollup_population p ON p.id = x.user_id
WHERE ${liveUser} AND ${inSegment}
GROUP BY 1`
