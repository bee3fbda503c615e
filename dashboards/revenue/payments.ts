import { changeDuring, overTime, ratio, sum, sumBy, value } from '../../catalogue/promql.ts'
import { mrr, payingUsers, paymentAmount, refundAmount, refunds as refundsMade } from '../../catalogue/revenue.ts'
import { activeUsers, churnedSubscribers, subscribersAtStart } from '../../catalogue/users.ts'
import { timeseries } from '../panels.ts'
import { filter } from '../queries.ts'
import { figureTable } from '../tables.ts'

const currency = filter('currency')
const money = { unit: 'short', decimals: 2, noData: 'nobody has paid' }
const day = { step: '1d', bars: true, stacked: true }
const paid = (window: 'today' | 'month' | '30d') => sumBy(['currency'], value(paymentAmount, { window, ...currency }))
const refunded = sumBy(['currency'], value(refundAmount, { window: '30d', ...currency }))

export const paymentsNow = () =>
  figureTable({
    ...money,
    title: 'Paid',
    width: 24,
    joinBy: 'currency',
    description:
      'Money paid since midnight and since the first in the reporting time zone, and in 30 days, in major units.',
    queries: [{ expression: paid('today') }, { expression: paid('month') }, { expression: paid('30d') }],
    columns: [
      { field: 'currency', text: 'Currency' },
      { field: 'Value #A', text: 'Today' },
      { field: 'Value #B', text: 'This month' },
      { field: 'Value #C', text: '30 days' },
    ],
  })

export const payments = () =>
  timeseries({
    ...money,
    ...day,
    title: 'Revenue a day',
    width: 12,
    description:
      'Money paid on each day, by currency and for what; the last bar is today so far. Compare only what is of one currency.',
    queries: [
      {
        expression: changeDuring(['currency', 'kind'], paymentAmount, { window: 'ever', ...currency }, '1d'),
        legend: '{{currency}} {{kind}}',
      },
    ],
  })

export const refunds = () =>
  timeseries({
    ...money,
    ...day,
    title: 'Refunds a day',
    width: 12,
    noData: 'nobody was ever refunded',
    lines: ['refunds'],
    description: 'Money refunded on each day, by currency, and the number of refunds; the last bar is today so far.',
    queries: [
      {
        expression: changeDuring(['currency'], refundAmount, { window: 'ever', ...currency }, '1d'),
        legend: '{{currency}}',
      },
      { expression: changeDuring([], refundsMade, { window: 'ever', ...currency }, '1d'), legend: 'refunds' },
    ],
  })

export const arpu = () =>
  timeseries({
    ...money,
    title: 'ARPU, 30 days',
    width: 12,
    description: '(payments - refunds) of 30 days / users active in 30 days, by currency, in major units.',
    queries: [
      {
        expression: `(${paid('30d')} - (${refunded} or 0 * ${paid('30d')})) / on () group_left () (${sum(value(overTime(activeUsers), { window: '30d' }))} > 0)`,
        legend: '{{currency}}',
      },
    ],
  })

export const arppu = () =>
  timeseries({
    ...money,
    title: 'ARPPU',
    width: 24,
    description:
      'MRR / paying users, by currency, in major units. Users who pay in another currency are among the latter.',
    queries: [
      {
        expression: `${sumBy(['currency'], value(mrr, filter('currency', 'tier')))} / on () group_left () (${sum(value(payingUsers, filter('tier')))} > 0)`,
        legend: '{{currency}}',
      },
    ],
  })

export const churnTrend = () =>
  timeseries({
    title: 'Churn trend, 30 days',
    width: 12,
    unit: 'percentunit',
    noData: 'nobody subscribed 30 days ago',
    description:
      'Of the users with a subscription 30 days before each instant that is no trial, the share whose every subscription has ended, by tier.',
    queries: [
      {
        expression: ratio(
          sumBy(['tier'], value(churnedSubscribers, { window: '30d', ...filter('tier') })),
          sumBy(['tier'], value(subscribersAtStart, { window: '30d', ...filter('tier') })),
        ),
        legend: '{{tier}}',
      },
    ],
  })
