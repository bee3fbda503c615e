import type { KeptSet } from '../../catalogue/define.ts'
import type { Cells } from '../store/domain.ts'
import type { LabelSet } from '../store/layout.ts'
import { bugReport } from './requests/bug-reports.ts'
import { notInternal, text } from './rules.ts'
import { account } from './states/account.ts'
import { generation } from './states/generation.ts'
import { subscription } from './states/subscription.ts'
import { visitor } from './users/funnel.ts'

const begun: Cells = { name: 'subscriptions_begun', keys: { tier: text('s.tier') }, where: 's.begun' }
const aspectRatios: Cells = {
  name: 'aspect_ratios',
  keys: { aspect_ratio: text('s.aspect_ratio') },
  where: 's.counted AND s.created_at IS NOT NULL',
}
const reported: Cells = { name: 'bug_reports', keys: { severity: text('s.severity') }, where: 's.reported' }

/** By what the values of each label from the source are chosen: the 20 that most rows have. */
export const labelSets: Readonly<Record<KeptSet, LabelSet>> = {
  country: {
    views: ['users'],
    plain: `SELECT u.country::text AS value, count(*) AS n FROM users u
      WHERE ${notInternal} AND u.created_at <= :as_of GROUP BY 1`,
    emit: 'SELECT country AS value, sum(n) AS n FROM rollup_signups WHERE grain = 0 GROUP BY 1',
    reads: { of: account },
  },
  signup_source: {
    views: ['users'],
    plain: `SELECT u.signup_source::text AS value, count(*) AS n FROM users u
      WHERE ${notInternal} AND u.created_at <= :as_of GROUP BY 1`,
    emit: 'SELECT source AS value, sum(n) AS n FROM rollup_signups WHERE grain = 0 GROUP BY 1',
    reads: { of: account },
  },
  visit_source: {
    views: ['users', 'visits'],
    plain: `SELECT source::text AS value, count(*) AS n FROM (
        SELECT DISTINCT ON (v.visitor_id) v.source FROM visits v
        WHERE v.visited_at <= :as_of
          AND NOT EXISTS (SELECT FROM users u WHERE u.visitor_id = v.visitor_id AND u.is_internal)
        ORDER BY v.visitor_id, v.visited_at, v.visit_id
      ) AS first_visit GROUP BY 1`,
    emit: 'SELECT source AS value, sum(n) AS n FROM rollup_funnel WHERE grain = 0 GROUP BY 1',
    reads: { of: visitor },
  },
  tier: {
    views: ['users', 'subscriptions'],
    plain: `SELECT s.tier::text AS value, count(*) AS n FROM subscriptions s LEFT JOIN users u USING (user_id)
      WHERE ${notInternal} AND s.started_at <= :as_of GROUP BY 1`,
    emit: 'SELECT tier AS value, n FROM rollup_subscriptions_begun',
    reads: { of: subscription, sums: [begun] },
  },
  aspect_ratio: {
    views: ['users', 'generations'],
    plain: `SELECT g.aspect_ratio::text AS value, count(*) AS n FROM generations g LEFT JOIN users u USING (user_id)
      WHERE ${notInternal} AND g.created_at <= :as_of GROUP BY 1`,
    emit: 'SELECT aspect_ratio AS value, n FROM rollup_aspect_ratios',
    reads: { of: generation, sums: [aspectRatios] },
  },
  failure_reason: {
    views: ['users', 'generations'],
    plain: `SELECT g.failure_reason::text AS value, count(*) AS n FROM generations g LEFT JOIN users u USING (user_id)
      WHERE ${notInternal} AND g.status = 'failed' AND g.finished_at <= :as_of GROUP BY 1`,
    emit: 'SELECT reason AS value, sum(n) AS n FROM rollup_generation_failures GROUP BY 1',
    reads: { of: generation },
  },
  severity: {
    views: ['bug_reports'],
    plain: `SELECT b.severity::text AS value, count(*) AS n FROM bug_reports b WHERE b.created_at <= :as_of GROUP BY 1`,
    emit: 'SELECT severity AS value, n FROM rollup_bug_reports',
    reads: { of: bugReport, sums: [reported] },
  },
}
