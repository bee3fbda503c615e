import { sumBy, value } from '../../catalogue/promql.ts'
import * as revenue from '../../catalogue/revenue.ts'
import { colors } from '../colors.ts'
import { toBoard } from '../links.ts'
import { stat, timeseries } from '../panels.ts'
import { compared } from '../queries.ts'

const count = { unit: 'short', noData: 'no figures yet', links: [toBoard('revenue', 'Revenue')] }
const nobodyRefunded = { noData: 'nobody was ever refunded', color: colors.warning }

const creditsToday = (kind: 'purchased' | 'consumed' | 'refunded', color: string) =>
  stat({
    ...count,
    ...compared(revenue.credits, { window: 'today', kind }, '1d'),
    title: `Credits ${kind} today`,
    width: 8,
    color,
    description: `Credits ${kind} since midnight in the reporting time zone, against the same hour of yesterday.`,
  })

/** Who pays, what it makes a month, and what moved today. */
export const revenueNow = () => [
  stat({
    ...count,
    title: 'Active subscriptions',
    width: 12,
    color: colors.success,
    description: 'Subscriptions begun, not ended and active, by tier.',
    queries: [{ expression: sumBy(['tier'], value(revenue.subscriptions, { status: 'active' })), legend: '{{tier}}' }],
  }),
  stat({
    ...count,
    title: 'MRR',
    width: 12,
    color: colors.success,
    description: 'Monthly recurring revenue in major units, by currency; currencies are never added.',
    queries: [{ expression: sumBy(['currency'], value(revenue.mrr)), legend: '{{currency}}' }],
  }),
  creditsToday('purchased', colors.success),
  creditsToday('consumed', colors.primary),
  creditsToday('refunded', colors.warning),
  stat({
    ...count,
    ...nobodyRefunded,
    ...compared(revenue.refunds, { window: 'today' }, '1d'),
    title: 'Refunds today',
    width: 12,
    description: 'Number of refunds since midnight in the reporting time zone, against the same hour of yesterday.',
  }),
  stat({
    ...count,
    ...nobodyRefunded,
    title: 'Refunded today',
    width: 12,
    description: 'Money refunded since midnight in the reporting time zone, in major units by currency.',
    queries: [
      { expression: sumBy(['currency'], value(revenue.refundAmount, { window: 'today' })), legend: '{{currency}}' },
    ],
  }),
]

export const mrrOverTime = () =>
  timeseries({
    ...count,
    title: 'MRR over time',
    width: 12,
    description: 'Monthly recurring revenue at each instant, in major units; currencies are never added.',
    queries: [{ expression: sumBy(['currency'], value(revenue.mrr)), legend: '{{currency}}' }],
  })
