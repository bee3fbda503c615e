import { afterAll, beforeAll, expect, test } from 'vitest'
import * as metrics from '../../../catalogue/revenue.ts'
import { createDatabase, type TestDatabase } from '../../../testing/database.ts'
import { figure, samplesOf } from '../../../testing/figures/samples.ts'
import { createSchema, type PartialHistory } from '../../../testing/second-implementation/history.ts'
import { nothingKept } from '../../store/labels.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase()
  await createSchema(database.pool, 'numbers')
})
afterAll(() => database.drop())

const asOf = '2026-06-15 12:00:00Z'
const ahead = '2026-06-15 12:00:00.000001Z'
const kept = { ...nothingKept, tier: ['basic', 'pro'] }

/** Live, internal, deleted; 9 is in no users at all. */
const users: PartialHistory['users'] = [
  { user_id: 1 },
  { user_id: 2, is_internal: true },
  { user_id: 3, deleted_at: asOf },
]
const everybody = [1, 2, 3, 9]

test('subscriptions are those that run, whatever the status, of deleted users too', async () => {
  const subscriptions = everybody.flatMap((user_id) => [
    { user_id },
    { user_id, status: 'paused', tier: 'free', started_at: asOf },
    { user_id, status: 'canceled', tier: '', ended_at: ahead },
    { user_id, status: 'canceled', ended_at: asOf },
    { user_id, status: 'unpaid', tier: 'rare', ended_at: null },
    { user_id, started_at: ahead },
  ])
  const found = await figure(database.pool, metrics.subscriptions, { users, subscriptions }, { asOf, kept })
  expect(found).toEqual({ 'pro active': 3, 'free paused': 3, 'unknown canceled': 3, 'other other': 3 })
})

test('who pays has a running subscription that costs something, once, in the tier of the dearest live one', async () => {
  const subscriptions: PartialHistory['subscriptions'] = [
    { user_id: 1, tier: 'basic', amount_minor: 100, status: 'past_due' },
    { user_id: 1, tier: 'basic', amount_minor: 100 },
    { user_id: 1, tier: 'pro', amount_minor: 900, status: 'trialing' },
    { user_id: 2, tier: 'pro' },
    { user_id: 3, tier: 'basic' },
    { user_id: 4, tier: 'basic', amount_minor: 0 },
    { user_id: 9, tier: 'basic', status: 'paused' },
  ]
  expect(await figure(database.pool, metrics.payingUsers, { users, subscriptions }, { asOf, kept })).toEqual({
    pro: 1,
    basic: 1,
  })
})

test('MRR is rounded to the minor unit for each subscription, half away from zero, in major units', async () => {
  const subscriptions: PartialHistory['subscriptions'] = [
    // 0.5 of a minor unit each: 1, not 0, and 2 together, not 1.
    { currency: 'JPY', amount_minor: 1, interval_count: 2 },
    { currency: 'JPY', amount_minor: 1, interval_count: 2 },
    // 12,000 fils a year: 1,000 fils a month.
    { currency: 'KWD', amount_minor: 12_000, interval: 'year' },
    // 1,000 a week: 4,333.33 a month.
    { currency: 'EUR', amount_minor: 1_000, interval: 'week' },
    { currency: 'EUR', amount_minor: 1_000, status: 'past_due', user_id: 3 },
    { currency: 'EUR', amount_minor: 70_000, interval: 'year', interval_count: 2, tier: 'basic' },
    { currency: 'EUR', status: 'trialing' },
    { currency: 'EUR', status: 'paused' },
    { currency: 'EUR', ended_at: asOf },
    { currency: 'EUR', user_id: 2 },
    { currency: 'EUR', interval: 'fortnight' },
    { currency: 'EUR', interval_count: 0 },
    { currency: '', amount_minor: 100 },
  ]
  expect(await figure(database.pool, metrics.mrr, { users, subscriptions }, { asOf, kept })).toEqual({
    'JPY pro': 2,
    'KWD pro': 1,
    'EUR pro': 53.33,
    'EUR basic': 29.17,
    'unknown pro': 1,
  })
})

test('MRR moves by the kind of the event, and a change of tier is the tier changed to', async () => {
  const subscription_events: PartialHistory['subscription_events'] = [
    { kind: 'new', mrr_after_minor: 1_000 },
    { kind: 'new', mrr_after_minor: 1_000, user_id: 2 },
    { kind: 'new', mrr_after_minor: 1_000, occurred_at: ahead },
    { kind: 'upgrade', mrr_before_minor: 1_000, mrr_after_minor: 2_500, from_tier: 'basic', user_id: 3 },
    { kind: 'downgrade', mrr_before_minor: 2_500, mrr_after_minor: 2_000, from_tier: 'pro', to_tier: 'basic' },
    { kind: 'cancel', mrr_before_minor: 2_000, mrr_after_minor: 0, from_tier: 'basic', to_tier: '' },
    { kind: 'reactivate', mrr_before_minor: 0, mrr_after_minor: 1, to_tier: null, user_id: 9, currency: 'JPY' },
    { kind: 'renamed', mrr_after_minor: 5 },
  ]
  const history = { users, subscription_events }
  expect(await figure(database.pool, metrics.mrrMovement, history, { asOf })).toEqual({
    'new EUR': 10,
    'expansion EUR': 15,
    'contraction EUR': 5,
    'churn EUR': 20,
    'reactivation JPY': 1,
  })
  expect(await figure(database.pool, metrics.subscriptionChanges, history, { asOf, kept })).toEqual({
    'new pro': 1,
    'upgrade pro': 1,
    'downgrade basic': 1,
    'cancel basic': 1,
    'reactivate unknown': 1,
  })
})

test('money is in major units of its currency, and a currency that was seen has zeros for every kind and window', async () => {
  const payments = everybody.flatMap((user_id) => [
    { user_id, paid_at: asOf, amount_minor: 1_001, currency: 'KWD' },
    { user_id, paid_at: '2026-05-16 12:00:00Z', amount_minor: 500, currency: 'JPY', kind: 'credits' },
    { user_id, paid_at: asOf, kind: 'gift' },
    { user_id, paid_at: ahead },
  ])
  const history = { users, payments }
  expect(await figure(database.pool, metrics.paymentAmount, history, { asOf })).toEqual({
    'subscription KWD today': 3.003,
    'subscription KWD week': 3.003,
    'subscription KWD month': 3.003,
    'subscription KWD 30d': 3.003,
    'subscription KWD ever': 3.003,
    // Exactly 720 hours ago is out of the 30 days.
    'credits JPY ever': 1_500,
  })
  expect((await figure(database.pool, metrics.payments, history, { asOf }))['credits JPY ever']).toBe(3)
  expect(await samplesOf(database.pool, metrics.payments, history, { asOf })).toHaveLength(2 * 2 * 5)

  const refunds = everybody.map((user_id) => ({ user_id, refunded_at: '2026-06-14 23:59:59Z', amount_minor: 5 }))
  expect(await figure(database.pool, metrics.refundAmount, { users, refunds }, { asOf })).toEqual({
    'EUR month': 0.15,
    'EUR 30d': 0.15,
    'EUR ever': 0.15,
  })
  expect((await figure(database.pool, metrics.refunds, { users, refunds }, { asOf }))['EUR ever']).toBe(3)
})

test('credits happened; balances are of live users, debts below 0, and 0 without an entry', async () => {
  const credit_ledger = [...everybody, 4].flatMap((user_id) => [
    { user_id, created_at: asOf, kind: 'purchased', credits: 10 },
    { user_id, kind: 'consumed', credits: 3 },
    { user_id, kind: 'lent', credits: 1_000 },
    { user_id, created_at: ahead, kind: 'granted', credits: 1_000 },
  ])
  const history = {
    users: [...(users ?? []), { user_id: 4 }, { user_id: 5 }, { user_id: 6 }],
    credit_ledger: [
      ...credit_ledger,
      { user_id: 4, kind: 'granted', credits: 4 },
      { user_id: 5, kind: 'expired', credits: 20 },
    ],
  }
  expect(await figure(database.pool, metrics.credits, history, { asOf })).toMatchObject({
    'purchased today': 40,
    'purchased ever': 40,
    'consumed ever': 12,
    'granted ever': 4,
    'expired ever': 20,
  })
  expect(await figure(database.pool, metrics.creditBalanceUsers, history, { asOf })).toEqual({
    '1-10': 1,
    '11-50': 1,
    debt: 1,
    '0': 1,
  })
  expect(await figure(database.pool, metrics.creditsOutstanding, history, { asOf })).toEqual({ '': -2 })
})
