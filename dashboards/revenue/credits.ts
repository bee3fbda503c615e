import { changeDuring, sum, value } from '../../catalogue/promql.ts'
import { creditBalanceUsers, credits, creditsOutstanding as outstanding } from '../../catalogue/revenue.ts'
import { barGauge } from '../charts.ts'
import { colors } from '../colors.ts'
import { stat, timeseries } from '../panels.ts'
import { compared } from '../queries.ts'

const count = { unit: 'short', noData: 'there is no view of the credit ledger' }
const kinds = ['purchased', 'consumed', 'granted', 'refunded', 'expired'] as const

export const creditsNow = () =>
  stat({
    ...count,
    title: 'Credits this month',
    width: 16,
    description: 'Credits by kind since the first in the reporting time zone; granted are those given by admins.',
    queries: kinds.map((kind) => ({ expression: sum(value(credits, { window: 'month', kind })), legend: kind })),
  })

export const creditsOutstanding = () =>
  stat({
    ...count,
    ...compared(outstanding, {}, '30d'),
    title: 'Credits outstanding',
    width: 8,
    color: colors.warning,
    description: 'The sum of all live users’ balances: what is owed in images. Debts lower it.',
  })

export const creditsADay = () =>
  timeseries({
    ...count,
    title: 'Credits a day',
    width: 12,
    step: '1d',
    bars: true,
    description:
      'Credits purchased, consumed, granted, refunded and expired on each day; the last bar is today so far.',
    queries: [{ expression: changeDuring(['kind'], credits, { window: 'ever' }, '1d'), legend: '{{kind}}' }],
    names: kinds,
  })

export const balances = () =>
  barGauge({
    ...count,
    title: 'Users by credit balance',
    width: 12,
    description:
      'Live users by purchased + granted + refunded - consumed - expired, 0 without an entry; debt is below 0.',
    // A query each, because their order means something.
    queries: (creditBalanceUsers.labels.balance.values ?? []).map((balance) => ({
      expression: sum(value(creditBalanceUsers, { balance })),
      legend: balance,
    })),
  })
