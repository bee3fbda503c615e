import { balanceBuckets } from './buckets.ts'
import { atMost, kept, metric, oneOf } from './define.ts'
import { calendarAndEver, moneyWindows } from './windows.ts'

const figures = { exposition: 'figures', type: 'gauge' } as const

/**
 * Every ISO 4217 code stays a series of its own; 30 is what the bound on the number of series assumes, since a platform
 * that bills in more is not known to us. It is not enforced.
 */
const currency = atMost(30)
const tier = kept('tier', 'free')

export const subscriptions = metric({
  ...figures,
  name: 'platform_subscriptions',
  unit: 'subscriptions',
  help: 'Subscriptions begun and not ended, whatever the status.',
  labels: { tier, status: oneOf('trialing', 'active', 'past_due', 'paused', 'canceled') },
  sources: ['users', 'subscriptions'],
  owner: 'subscriptions',
})

export const payingUsers = metric({
  ...figures,
  name: 'platform_paying_users',
  unit: 'users',
  help: 'Distinct users with a subscription begun and not ended, active or past due, that costs something.',
  definition: 'By tier of the user. Deleted users count: what is owed is owed.',
  labels: { tier },
  sources: ['users', 'subscriptions'],
  owner: 'subscriptions',
})

export const mrr = metric({
  ...figures,
  name: 'platform_mrr',
  unit: 'currency',
  help: 'Monthly recurring revenue now, in major units of each currency.',
  definition:
    'Monthly value of subscriptions active or past due: month / n, year / 12n, week × 52/12n, rounded half away from zero to the minor unit for each subscription. No trials, no paused ones, before tax, after recurring discounts.',
  labels: { currency, tier },
  sources: ['users', 'subscriptions'],
  owner: 'subscriptions',
})

export const mrrMovement = metric({
  ...figures,
  name: 'platform_mrr_movement',
  unit: 'currency',
  help: 'How MRR moved, ever, each movement positive, in major units.',
  definition:
    "By the event's kind: new, upgrade (expansion), downgrade (contraction), cancel (churn), reactivate (reactivation). new + expansion + reactivation - contraction - churn is MRR.",
  labels: { movement: oneOf('new', 'expansion', 'contraction', 'churn', 'reactivation'), currency },
  sources: ['users', 'subscription_events'],
  owner: 'subscription-events',
})

export const subscriptionChanges = metric({
  ...figures,
  name: 'platform_subscription_changes',
  unit: 'changes',
  help: 'Subscriptions begun, upgraded, downgraded, cancelled and reactivated, ever.',
  definition: 'tier is the one changed to; where that is NULL or empty, the one changed from.',
  labels: { change: oneOf('new', 'upgrade', 'downgrade', 'cancel', 'reactivate'), tier },
  sources: ['users', 'subscription_events'],
  owner: 'subscription-events',
})

const paymentLabels = { kind: oneOf('subscription', 'credits'), currency, window: moneyWindows }

export const payments = metric({
  ...figures,
  name: 'platform_payments',
  unit: 'payments',
  help: 'Payments in the window.',
  labels: paymentLabels,
  sources: ['users', 'payments'],
  owner: 'payments',
})

export const paymentAmount = metric({
  ...figures,
  name: 'platform_payment_amount',
  unit: 'currency',
  help: 'Money paid in the window, in major units.',
  labels: paymentLabels,
  sources: ['users', 'payments'],
  owner: 'payments',
})

const refundLabels = { currency, window: moneyWindows }

export const refunds = metric({
  ...figures,
  name: 'platform_refunds',
  unit: 'refunds',
  help: 'Refunds in the window.',
  labels: refundLabels,
  sources: ['users', 'refunds'],
  owner: 'refunds',
})

export const refundAmount = metric({
  ...figures,
  name: 'platform_refund_amount',
  unit: 'currency',
  help: 'Money refunded in the window, in major units.',
  labels: refundLabels,
  sources: ['users', 'refunds'],
  owner: 'refunds',
})

export const credits = metric({
  ...figures,
  name: 'platform_credits',
  unit: 'credits',
  help: 'Credits purchased, consumed, granted, refunded and expired in the window.',
  labels: { kind: oneOf('purchased', 'consumed', 'granted', 'refunded', 'expired'), window: calendarAndEver },
  sources: ['users', 'credit_ledger'],
  owner: 'credits',
})

export const creditBalanceUsers = metric({
  ...figures,
  name: 'platform_credit_balance_users',
  unit: 'users',
  help: 'Live users by credit balance.',
  definition: 'Balance: purchased + granted + refunded - consumed - expired, 0 without an entry; debt is below 0.',
  labels: {
    balance: oneOf(...balanceBuckets.map(({ name }) => name)),
  },
  sources: ['users', 'credit_ledger'],
  owner: 'credit-balances',
})

export const creditsOutstanding = metric({
  ...figures,
  name: 'platform_credits_outstanding',
  unit: 'credits',
  help: 'The sum of all live users’ credit balances.',
  definition: 'Debts lower it.',
  sources: ['users', 'credit_ledger'],
  owner: 'credit-balances',
})
