import { valuesOf } from '../../../catalogue/define.ts'
import { activeUsers as metric } from '../../../catalogue/users.ts'
import type { Cells, State } from '../../store/domain.ts'
import type { Collector, RangeFunction } from '../../store/figure.ts'
import { changesOfSpans } from '../past.ts'
import { activeSpans, liveTiers, liveUsers } from '../past-spans.ts'
import { country, currentTier, fold, inWindow, lives, liveUser, text, tierOf, windows } from '../rules.ts'
import { leavesLater, leavesWindow, level, levelLater, newest, staysLive, windowLevels } from './levels.ts'
import { distinctUsers, segmented } from './segmented.ts'

const active: State = {
  name: 'active',
  views: ['users', 'sessions', 'subscriptions'],
  entity: { view: 'users', id: 'user_id' },
  columns: {
    level: 'smallint',
    tier: 'text',
    country: 'text',
    newest_at: 'timestamptz',
    // When the tier, or that the user lives, may be another; the window's edge is beside it.
    changes_at: 'timestamptz',
  },
  contribution: (entities) => `
SELECT d.id, ${level}, coalesce(t.tier, 'free') AS tier, ${country}, newest.at AS newest_at, later.at AS changes_at,
  least(later.at, ${leavesWindow('newest.at')}) AS next_at
FROM ${entities('u')} ${newest('sessions', 'started_at')} ${currentTier}
CROSS JOIN LATERAL (SELECT least(${lives}, t.next_at) AS at) AS later`,
  aged: { where: staysLive, values: [levelLater, 's.tier', 's.country', 's.newest_at', 's.changes_at', leavesLater] },
}

const sums: Cells = {
  name: 'active_users',
  keys: { level: { type: 'smallint', from: 's.level' }, tier: text('s.tier'), country: text('s.country') },
  where: 's.level > 0',
}

const range: RangeFunction = {
  name: 'active_users',
  returns: { bucket: 'date', users: 'bigint' },
  needs: [...segmented, 'sessions'],
  sql: distinctUsers('sessions', 'started_at'),
}

export const activeUsers: Collector = {
  name: 'active-users',
  reads: [{ of: active, sums: [sums] }],
  figures: [
    {
      metric,
      emit: `
SELECT w."window", ${fold('tier', 'tier')} AS tier, ${fold('country', 'country')} AS country, sum(n) AS value
FROM rollup_active_users
JOIN (VALUES ${windowLevels}) AS w("window", level) ON rollup_active_users.level >= w.level
WHERE n > 0
GROUP BY 1, 2, 3`,
      sql: `
WITH ${tierOf}
SELECT
  w."window",
  coalesce(t.tier, 'free') AS tier,
  ${fold('u.country', 'country')} AS country,
  count(DISTINCT x.user_id) AS value
FROM sessions x
JOIN users u USING (user_id)
LEFT JOIN tier_of t USING (user_id)
CROSS JOIN ${windows(valuesOf(metric.labels.window))}
WHERE ${liveUser} AND ${inWindow('x.started_at')}
GROUP BY 1, 2, 3`,
      past: {
        changes: `WITH ${liveUsers},
${liveTiers},
${activeSpans('sessions', 'started_at')}
${changesOfSpans(
  `SELECT a."window", t.tier, t.country, greatest(a.since, t.since) AS since, least(a.until, t.until) AS until
  FROM active a JOIN live_tier t USING (user_id)`,
  ['window', 'tier', 'country'],
)}`,
      },
    },
  ],
  ranges: [range],
}
