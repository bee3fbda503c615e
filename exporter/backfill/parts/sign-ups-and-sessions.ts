import { sessions, signups } from '../../../catalogue/users.ts'
import type { Past } from '../../figures/past.ts'
import { changesOfFacts } from '../../figures/past-windows.ts'
import { fold, notInternal } from '../../figures/rules.ts'

export const signupsAndSessions: readonly Past[] = [
  {
    metric: signups,
    changes: changesOfFacts({
      metric: signups,
      rows: `
SELECT ${fold('u.signup_source', 'signup_source')} AS source, ${fold('u.country', 'country')} AS country,
  u.created_at AS at, 1 AS value
FROM users u
WHERE ${notInternal}`,
    }),
  },
  {
    metric: sessions,
    changes: changesOfFacts({
      metric: sessions,
      rows: `
SELECT x.started_at AS at, 1 AS value
FROM sessions x
LEFT JOIN users u USING (user_id)
WHERE ${notInternal}`,
    }),
  },
]
