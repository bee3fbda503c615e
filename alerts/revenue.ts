import { changeBefore, changeBy, sumBy, value, whereScraped } from '../catalogue/promql.ts'
import { credits, mrr, mrrMovement, payments, refunds } from '../catalogue/revenue.ts'
import {
  creditsGrantedSpike,
  lastWeek,
  mrrTolerance,
  paymentsStopped,
  refundSpike,
  spikeWindows,
} from '../catalogue/slo.ts'
import { rollingWindowHours } from '../catalogue/windows.ts'
import type { Panel, RuleGroup } from './define.ts'
import { percent } from './words.ts'

const labels = ['environment'] as const
const panel = (title: string): Panel => ({ board: 'barometer-revenue', title })

const byCurrency = ['environment', 'currency'] as const
const mrrNow = sumBy(byCurrency, value(mrr))
// Backfilled MRR does not know what a subscription cost before it was changed.
const mrrChange = whereScraped(changeBy(byCurrency, mrr, {}, mrrTolerance.window), mrrTolerance.window)
const movementOf = (...movement: ('new' | 'expansion' | 'reactivation' | 'contraction' | 'churn')[]) =>
  changeBy(byCurrency, mrrMovement, { movement }, mrrTolerance.window)
const movements = `(${movementOf('new', 'expansion', 'reactivation')} - ${movementOf('contraction', 'churn')})`

const ever = { window: 'ever' } as const
const paid = changeBy(labels, payments, ever, paymentsStopped.window)
const paidLastWeek = changeBefore(labels, payments, ever, { window: paymentsStopped.window, ago: lastWeek })

/** The last day, and the mean of the seven before it. */
const { recent: aDay, before: aWeek } = spikeWindows
const aWeekBefore = { window: aWeek, ago: aDay } as const
const days = rollingWindowHours[aWeek] / rollingWindowHours[aDay]
const refunded = changeBy(labels, refunds, ever, aDay)
const refundedBefore = `${changeBefore(labels, refunds, ever, aWeekBefore)} / ${days}`
const grants = { ...ever, kind: 'granted' } as const
const granted = changeBy(labels, credits, grants, aDay)
const grantedBefore = `${changeBefore(labels, credits, grants, aWeekBefore)} / ${days}`

export const revenueAlerts: RuleGroup = {
  name: 'barometer-revenue',
  interval: '1m',
  alerts: [
    {
      name: 'MrrDoesNotAddUp',
      severity: 'warning',
      component: 'revenue',
      for: '15m',
      // Changes, not totals: the events of many platforms do not reach back to their first subscription.
      expression: `abs(${mrrChange} - ${movements}) > ${mrrTolerance.ratio} * ${mrrNow}`,
      summary: 'MRR in {{ $labels.currency }} did not change by the sum of its movements',
      description: `Over ${mrrTolerance.window} it is off by more than ${percent(mrrTolerance.ratio)}: subscription events are missing, doubled or wrong.`,
      panel: panel('MRR'),
    },
    {
      name: 'PaymentsStopped',
      severity: 'warning',
      component: 'revenue',
      for: paymentsStopped.for,
      expression: `${paid} < ${paymentsStopped.ratio} * ${paidLastWeek} and ${paidLastWeek} >= ${paymentsStopped.paymentsMin}`,
      summary: 'Hardly anybody pays',
      description: `The last ${paymentsStopped.window} had less than ${percent(paymentsStopped.ratio)} of the payments of the same hours last week, which were ${paymentsStopped.paymentsMin} at least.`,
      panel: panel('Revenue a day'),
    },
    {
      name: 'RefundSpike',
      severity: 'warning',
      component: 'revenue',
      for: refundSpike.for,
      expression: `${refunded} > ${refundSpike.factor} * ${refundedBefore} and ${refunded} >= ${refundSpike.refundsMin}`,
      summary: 'Far more refunds than usual',
      description: `The last day had more than ${refundSpike.factor} times the refunds of an average day of the week before, and ${refundSpike.refundsMin} at least.`,
      panel: panel('Refunds a day'),
    },
    {
      name: 'CreditsGrantedSpike',
      severity: 'warning',
      component: 'revenue',
      for: creditsGrantedSpike.for,
      expression: `${granted} > ${creditsGrantedSpike.factor} * ${grantedBefore} and ${granted} >= ${creditsGrantedSpike.creditsMin}`,
      summary: 'Admins grant far more credits than usual',
      description: `In the last day more than ${creditsGrantedSpike.factor} times the credits of an average day of the week before were granted, and ${creditsGrantedSpike.creditsMin} at least.`,
      panel: panel('Credits a day'),
    },
  ],
}
