import { valuesOf } from '../../../catalogue/define.ts'
import { generatingUsers as metric } from '../../../catalogue/users.ts'
import type { Cells, State } from '../../store/domain.ts'
import type { Collector, RangeFunction } from '../../store/figure.ts'
import { changesOfSpans } from '../past.ts'
import { activeSpans, liveUsers } from '../past-spans.ts'
import { inWindow, lives, liveUser, windows } from '../rules.ts'
import { leavesLater, leavesWindow, level, levelLater, newest, staysLive, windowLevels } from './levels.ts'
import { distinctUsers, segmented } from './segmented.ts'

const generating: State = {
  name: 'generating',
  views: ['users', 'generations'],
  entity: { view: 'users', id: 'user_id' },
  columns: { level: 'smallint', newest_at: 'timestamptz', changes_at: 'timestamptz' },
  dirtiedBy: { generations: 'SELECT user_id FROM changed WHERE is_new' },
  contribution: (entities) => `
SELECT d.id, ${level}, newest.at AS newest_at, later.at AS changes_at,
  least(later.at, ${leavesWindow('newest.at')}) AS next_at
FROM ${entities('u')} ${newest('generations', 'created_at')}
CROSS JOIN LATERAL (SELECT min(created_at) AS at FROM generations WHERE user_id = d.id AND created_at > :as_of) AS g_next
CROSS JOIN LATERAL (SELECT least(${lives}, g_next.at) AS at) AS later`,
  aged: { where: staysLive, values: [levelLater, 's.newest_at', 's.changes_at', leavesLater] },
}

const sums: Cells = {
  name: 'generating_users',
  keys: { level: { type: 'smallint', from: 's.level' } },
  where: 's.level > 0',
}

const range: RangeFunction = {
  name: 'generating_users',
  returns: { bucket: 'date', users: 'bigint' },
  needs: segmented,
  sql: distinctUsers('generations', 'created_at'),
}

export const generatingUsers: Collector = {
  name: 'generating-users',
  reads: [{ of: generating, sums: [sums] }],
  figures: [
    {
      metric,
      emit: `
SELECT w."window", sum(n) AS value
FROM rollup_generating_users
JOIN (VALUES ${windowLevels}) AS w("window", level) ON rollup_generating_users.level >= w.level
GROUP BY 1`,
      sql: `
SELECT w."window", count(DISTINCT g.user_id) AS value
FROM generations g
JOIN users u USING (user_id)
CROSS JOIN ${windows(valuesOf(metric.labels.window))}
WHERE ${liveUser} AND ${inWindow('g.created_at')}
GROUP BY 1`,
      past: {
        changes: `WITH ${liveUsers},
${activeSpans('generations', 'created_at')}
${changesOfSpans(
  `SELECT a."window", greatest(a.since, l.since) AS since, least(a.until, l.until) AS until
  FROM active a JOIN live l USING (user_id)`,
  ['window'],
)}`,
      },
    },
  ],
  ranges: [range],
}
