import * as metrics from '../../catalogue/revenue.ts'
import {
  by,
  counts,
  currencyOf,
  type ExpectedMetric,
  fold,
  foldOneOf,
  isInternal,
  liveUsers,
  money,
  monthly,
  runsAt,
  Tally,
  tierOf,
  type World,
  windowsOf,
} from './rules.ts'

export function expectedRevenue(world: World): ExpectedMetric[] {
  return [
    ...subscriptions(world),
    ...subscriptionEvents(world),
    ...payments(world),
    ...refunds(world),
    credits(world),
    ...balances(world),
  ]
}

function subscriptions(world: World): ExpectedMetric[] {
  const all = new Tally()
  const mrr = new Tally()
  const payers = new Set<number>()
  for (const row of world.history.subscriptions) {
    if (isInternal(world, row.user_id) || !runsAt(row, world.now)) continue
    const tier = fold(world, row.tier, 'tier')
    all.add([tier, foldOneOf(row.status, metrics.subscriptions, 'status')])
    if (row.status !== 'active' && row.status !== 'past_due') continue
    if (row.amount_minor > 0) payers.add(row.user_id)
    const { over, under } = monthly(row)
    // Half away from zero, of what is not negative: add a half and cut off.
    mrr.add([currencyOf(row), tier], (2n * over + under) / (2n * under))
  }
  const paying = new Tally()
  for (const id of payers) paying.add([tierOf(world, id)])
  return [counts(metrics.subscriptions, all), counts(metrics.payingUsers, paying), money(metrics.mrr, mrr, 0)]
}

const movements: Readonly<Record<string, { movement: string; sign: number }>> = {
  new: { movement: 'new', sign: 1 },
  upgrade: { movement: 'expansion', sign: 1 },
  downgrade: { movement: 'contraction', sign: -1 },
  cancel: { movement: 'churn', sign: -1 },
  reactivate: { movement: 'reactivation', sign: 1 },
}

function subscriptionEvents(world: World): ExpectedMetric[] {
  const moved = new Tally()
  const changes = new Tally()
  for (const row of world.history.subscription_events) {
    const known = movements[row.kind]
    if (known === undefined || isInternal(world, row.user_id) || !by(world, row.occurred_at)) continue
    moved.add([known.movement, currencyOf(row)], known.sign * (row.mrr_after_minor - row.mrr_before_minor))
    changes.add([row.kind, fold(world, row.to_tier || row.from_tier, 'tier')])
  }
  return [money(metrics.mrrMovement, moved, 1), counts(metrics.subscriptionChanges, changes)]
}

function payments(world: World): ExpectedMetric[] {
  const number = new Tally()
  const amount = new Tally()
  for (const row of world.history.payments) {
    if (isInternal(world, row.user_id) || !['subscription', 'credits'].includes(row.kind)) continue
    for (const window of windowsOf(world, metrics.payments, row.paid_at)) {
      number.add([row.kind, currencyOf(row), window])
      amount.add([row.kind, currencyOf(row), window], row.amount_minor)
    }
  }
  return [counts(metrics.payments, number), money(metrics.paymentAmount, amount, 1)]
}

function refunds(world: World): ExpectedMetric[] {
  const number = new Tally()
  const amount = new Tally()
  for (const row of world.history.refunds) {
    if (isInternal(world, row.user_id)) continue
    for (const window of windowsOf(world, metrics.refunds, row.refunded_at)) {
      number.add([currencyOf(row), window])
      amount.add([currencyOf(row), window], row.amount_minor)
    }
  }
  return [counts(metrics.refunds, number), money(metrics.refundAmount, amount, 0)]
}

const signs: Readonly<Record<string, number>> = { purchased: 1, granted: 1, refunded: 1, consumed: -1, expired: -1 }

function credits(world: World): ExpectedMetric {
  const tally = new Tally()
  for (const row of world.history.credit_ledger)
    if (!isInternal(world, row.user_id) && row.kind in signs)
      for (const window of windowsOf(world, metrics.credits, row.created_at)) tally.add([row.kind, window], row.credits)
  return counts(metrics.credits, tally)
}

const steps = [10, 50, 100, 500, 1000, 5000]

function bucketOf(balance: number): string {
  if (balance <= 0) return balance < 0 ? 'debt' : '0'
  const place = steps.findIndex((step) => balance <= step)
  return place === -1 ? '5001+' : `${(steps[place - 1] ?? 0) + 1}-${steps[place]}`
}

function balances(world: World): ExpectedMetric[] {
  const users = new Tally()
  const total = new Tally()
  for (const user of liveUsers(world)) {
    let balance = 0
    for (const row of world.history.credit_ledger)
      if (row.user_id === user.user_id && by(world, row.created_at)) balance += (signs[row.kind] ?? 0) * row.credits
    users.add([bucketOf(balance)])
    total.add([], balance)
  }
  return [counts(metrics.creditBalanceUsers, users), counts(metrics.creditsOutstanding, total)]
}
