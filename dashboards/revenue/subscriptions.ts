import { changeBy, changeDuring, sumBy, value } from '../../catalogue/promql.ts'
import { subscriptionChanges, subscriptions } from '../../catalogue/revenue.ts'
import { colors } from '../colors.ts'
import { stat, timeseries } from '../panels.ts'
import { filter } from '../queries.ts'

const tier = filter('tier')
const count = { unit: 'short', noData: 'nobody has subscribed' }
const kinds = ['new', 'upgrade', 'reactivate', 'downgrade', 'cancel'] as const

export const subscriptionsNow = () =>
  stat({
    ...count,
    title: 'Active subscriptions by tier',
    width: 12,
    color: colors.success,
    description: 'Subscriptions begun, not ended and active, now.',
    queries: [
      {
        expression: sumBy(['tier'], value(subscriptions, { status: 'active', ...tier })),
        legend: '{{tier}}',
      },
    ],
  })

export const changesNow = () =>
  stat({
    ...count,
    title: 'Changes, 30 days',
    width: 12,
    sparkline: false,
    noData: 'nothing changed, or no figures of 30 days before yet',
    description:
      'Subscriptions begun, upgraded, reactivated, downgraded and cancelled in the last 30 days, by the tier changed to, else from.',
    queries: [
      {
        expression: changeBy(['change'], subscriptionChanges, tier, '30d'),
        legend: '{{change}}',
        instant: true,
      },
    ],
  })

export const subscriptionsOverTime = () =>
  timeseries({
    ...count,
    title: 'Active subscriptions over time',
    width: 12,
    stacked: true,
    description: 'Subscriptions begun, not ended and active, at each instant.',
    queries: [{ expression: sumBy(['tier'], value(subscriptions, { status: 'active', ...tier })), legend: '{{tier}}' }],
  })

export const changes = () =>
  timeseries({
    ...count,
    title: 'New, upgrades, downgrades, cancellations a day',
    width: 12,
    step: '1d',
    bars: true,
    stacked: true,
    canBeNegative: true,
    description: 'Changes of each day: what wins above zero, what loses below it. The last bar is today so far.',
    queries: kinds.map((change) => {
      const changed = changeDuring([], subscriptionChanges, { change, ...tier }, '1d')
      return { expression: change === 'cancel' || change === 'downgrade' ? `-1 * ${changed}` : changed, legend: change }
    }),
  })

export const subscriptionsByStatus = () =>
  timeseries({
    ...count,
    title: 'Subscriptions by status',
    width: 12,
    stacked: true,
    description: 'Subscriptions begun and not ended, whatever the status.',
    queries: [{ expression: sumBy(['status'], value(subscriptions, tier)), legend: '{{status}}' }],
  })
