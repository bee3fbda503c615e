import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import * as content from '../catalogue/content.ts'
import { snapshotTimestampSeconds } from '../catalogue/exporter.ts'
import { dependencyUp, queueJobs } from '../catalogue/infrastructure.ts'
import { change, minBy, ratio, sum, sumBy, value } from '../catalogue/promql.ts'
import * as quick from '../catalogue/quick-actions.ts'
import * as revenue from '../catalogue/revenue.ts'
import { generationSuccessRatio, snapshotAgeSeconds } from '../catalogue/slo.ts'
import * as users from '../catalogue/users.ts'
import { board } from './board.ts'
import { colors, stat, timeseries } from './panels.ts'
import { total } from './queries.ts'

const absentUntilRefreshed = 'no figures yet'
const count = { unit: 'short', noData: absentUntilRefreshed }

const succeeded = sum(change(content.generationsFinished, { status: 'succeeded' }, '1d'))
const ended = sum(change(content.generationsFinished, { status: ['succeeded', 'failed'] }, '1d'))

const newUsers = (title: string, window: 'today' | 'week' | 'month', since: string) =>
  stat({
    ...count,
    title,
    width: 3,
    description: `Users created since ${since} in the reporting time zone; deleted ones count, internal ones do not.`,
    queries: [{ expression: total(users.signups, { window }) }],
  })

const active = (title: string, window: '1d' | '7d' | '30d', hours: number) =>
  stat({
    ...count,
    title,
    width: 3,
    description: `Distinct live users who started a session in the last ${hours} hours.`,
    queries: [{ expression: total(users.activeUsers, { window }) }],
  })

const userPanels = () => [
  stat({
    ...count,
    title: 'Users',
    width: 3,
    description: 'Registered users now: not deleted, not internal.',
    queries: [{ expression: total(users.users) }],
  }),
  newUsers('New today', 'today', 'midnight'),
  newUsers('New this week', 'week', 'Monday'),
  newUsers('New this month', 'month', 'the first'),
  active('Active in a day (DAU)', '1d', 24),
  active('Active in a week (WAU)', '7d', 168),
  active('Active in a month (MAU)', '30d', 720),
  stat({
    ...count,
    title: 'Data as of',
    width: 3,
    unit: 's',
    sparkline: false,
    description: 'How long ago the figures were computed. They come every minute.',
    queries: [{ expression: `time() - ${value(snapshotTimestampSeconds)}` }],
    thresholds: {
      base: colors.success,
      steps: [
        { from: snapshotAgeSeconds.warning, color: colors.warning },
        { from: snapshotAgeSeconds.critical, color: colors.error },
      ],
    },
  }),
  timeseries({
    ...count,
    title: 'Users over time',
    width: 12,
    color: colors.primary,
    description: 'Registered users at each instant.',
    queries: [{ expression: total(users.users), legend: 'users' }],
  }),
  timeseries({
    ...count,
    title: 'Active users',
    width: 12,
    description: 'Distinct live users with a session in the last day, week and month.',
    queries: (['1d', '7d', '30d'] as const).map((window) => ({
      expression: total(users.activeUsers, { window }),
      legend: window,
    })),
  }),
]

const contentPanels = () => [
  stat({
    ...count,
    title: 'Characters',
    width: 4,
    color: colors.secondary,
    description: 'Live characters of live users.',
    queries: [{ expression: value(content.characters) }],
  }),
  stat({
    ...count,
    title: 'Images',
    width: 4,
    color: colors.secondary,
    description: 'Images of succeeded generations, ever.',
    queries: [{ expression: value(content.images, { window: 'ever' }) }],
  }),
  stat({
    ...count,
    title: 'Images today',
    width: 4,
    color: colors.secondary,
    description: 'Images of generations that finished since midnight in the reporting time zone.',
    queries: [{ expression: value(content.images, { window: 'today' }) }],
  }),
  stat({
    title: 'Success rate, 24 h',
    width: 4,
    unit: 'percentunit',
    noData: 'nothing ended, or no figures of yesterday yet',
    description:
      'Of the generations that ended in the last 24 hours: succeeded / (succeeded + failed). Cancelled count in neither.',
    queries: [{ expression: ratio(succeeded, ended) }],
    thresholds: {
      base: colors.error,
      steps: [
        { from: generationSuccessRatio.critical, color: colors.warning },
        { from: generationSuccessRatio.warning, color: colors.success },
      ],
    },
  }),
  stat({
    ...count,
    title: 'In progress',
    width: 4,
    color: colors.muted,
    description: 'Generations queued or running now.',
    queries: [{ expression: total(content.generationsInProgress) }],
  }),
  stat({
    ...count,
    title: 'Jobs waiting',
    width: 4,
    noData: 'no queue is watched',
    color: colors.muted,
    description: 'Jobs that wait in all queues.',
    queries: [{ expression: total(queueJobs, { state: ['waiting', 'prioritized'] }) }],
  }),
]

const revenuePanels = () => [
  stat({
    ...count,
    title: 'Active subscriptions',
    width: 6,
    description: 'Subscriptions begun, not ended and active, by tier.',
    queries: [{ expression: sumBy(['tier'], value(revenue.subscriptions, { status: 'active' })), legend: '{{tier}}' }],
  }),
  stat({
    ...count,
    title: 'MRR',
    width: 6,
    description: 'Monthly recurring revenue in major units, by currency; currencies are never added.',
    queries: [{ expression: sumBy(['currency'], value(revenue.mrr)), legend: '{{currency}}' }],
  }),
  stat({
    ...count,
    title: 'Credits today',
    width: 6,
    description: 'Credits purchased, consumed and refunded since midnight in the reporting time zone.',
    queries: [
      {
        expression: sumBy(
          ['kind'],
          value(revenue.credits, { window: 'today', kind: ['purchased', 'consumed', 'refunded'] }),
        ),
        legend: '{{kind}}',
      },
    ],
  }),
  stat({
    ...count,
    title: 'Refunds today',
    width: 3,
    color: colors.warning,
    noData: 'nobody was ever refunded',
    description: 'Number of refunds since midnight in the reporting time zone.',
    queries: [{ expression: total(revenue.refunds, { window: 'today' }) }],
  }),
  stat({
    ...count,
    title: 'Refunded today',
    width: 3,
    color: colors.warning,
    noData: 'nobody was ever refunded',
    description: 'Money refunded since midnight, in major units by currency.',
    queries: [
      { expression: sumBy(['currency'], value(revenue.refundAmount, { window: 'today' })), legend: '{{currency}}' },
    ],
  }),
]

const quickActions = () => [
  stat({
    ...count,
    title: 'Open bug reports',
    width: 8,
    color: colors.warning,
    noData: 'no bug was ever reported',
    description: 'Bug reports whose status is open.',
    queries: [{ expression: total(quick.bugReportsOpen) }],
    link: { title: 'Open bug reports in the admin app', url: '${admin_app}/bug-reports?status=open' },
  }),
  stat({
    ...count,
    title: 'Failed jobs, 24 h',
    width: 8,
    color: colors.error,
    noData: 'no queue is watched',
    description: "Jobs in the queues' failed sets that failed in the last 24 hours.",
    queries: [{ expression: total(quick.jobsFailed) }],
    link: { title: 'Failed jobs in the admin app', url: '${admin_app}/jobs?state=failed' },
  }),
  stat({
    ...count,
    title: 'Pending influencer requests',
    width: 8,
    color: colors.secondary,
    description: 'Influencer requests that nobody has decided.',
    queries: [{ expression: value(quick.influencerRequestsPending) }],
    link: { title: 'Pending requests in the admin app', url: '${admin_app}/influencer-requests?status=pending' },
  }),
]

const healthPanels = () => [
  stat({
    title: 'Health',
    width: 24,
    unit: 'short',
    noData: 'nothing is probed',
    sparkline: false,
    description: 'The last probe of each dependency; where there are several, the worst.',
    queries: [{ expression: minBy(['dependency'], value(dependencyUp)), legend: '{{dependency}}' }],
    mappings: [
      { value: '1', text: 'up', color: colors.success },
      { value: '0', text: 'DOWN', color: colors.error },
    ],
    thresholds: { base: colors.error, steps: [{ from: 1, color: colors.success }] },
  }),
]

/** The home board: the platform at a glance, now first, then over time. */
export const home = {
  uid: 'barometer-home',
  build: (): Dashboard =>
    board({
      uid: 'barometer-home',
      title: 'Barometer',
      description: 'Users, content, revenue and health of the platform at a glance.',
      rows: [
        { title: 'Users', panels: userPanels() },
        { title: 'Content', panels: contentPanels() },
        { title: 'Revenue', panels: revenuePanels() },
        { title: 'Quick actions', panels: quickActions() },
        { title: 'Health', panels: healthPanels() },
      ],
    }),
}
