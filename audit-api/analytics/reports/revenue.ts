import { Type } from 'typebox'
import {
  credits as creditsMetric,
  mrr,
  payingUsers,
  subscriptions as subscriptionsMetric,
} from '../../../catalogue/revenue.ts'
import { distinct, periodsOf, type Report, Sums } from '../report.ts'
import { bucketProperties, count, number, text } from '../schema.ts'
import type { Filters } from '../sources/store.ts'

const dashboard = 'barometer-revenue'
const statuses = ['trialing', 'active', 'past_due', 'paused', 'canceled'] as const

const passes = (filters: Filters, name: string, value: string): boolean => filters[name]?.includes(value) ?? true

const subscriptions: Report = {
  path: 'revenue/subscriptions',
  dashboard,
  summary: 'Subscriptions and MRR now, by tier',
  description: `As ${subscriptionsMetric.name}, ${payingUsers.name} and ${mrr.name}.`,
  parameters: { filters: ['tier', 'currency'] },
  item: {
    tier: text,
    subscriptions: count,
    ...Object.fromEntries(statuses.map((status) => [status, count])),
    paying_users: count,
  },
  more: { mrr: Type.Array(Type.Object({ tier: text, currency: text, mrr: number })) },
  load: (read, { store }) =>
    store.read(async (reading) => {
      const figures = await reading.figures()
      const running = figures
        .series(subscriptionsMetric)
        .filter(({ labels }) => passes(read.filters, 'tier', labels.tier))
      const items = distinct(running.map(({ labels }) => labels.tier)).map((tier) => {
        const of = (status?: (typeof statuses)[number]) =>
          figures.sum(subscriptionsMetric, { tier, ...(status === undefined ? {} : { status }) }) ?? 0
        const byStatus = Object.fromEntries(statuses.map((status) => [status, of(status)]))
        return { tier, subscriptions: of(), ...byStatus, paying_users: figures.sum(payingUsers, { tier }) ?? 0 }
      })
      const money = figures
        .series(mrr)
        .filter(
          ({ labels }) =>
            passes(read.filters, 'tier', labels.tier) && passes(read.filters, 'currency', labels.currency),
        )
        .map(({ labels, value }) => ({ tier: labels.tier, currency: labels.currency, mrr: value }))
      return { as_of: figures.asOf.toISOString(), timezone: reading.timezone, mrr: money, items }
    }),
}

const kinds = ['purchased', 'consumed', 'granted', 'refunded', 'expired'] as const

const credits: Report = {
  path: 'revenue/credits',
  dashboard,
  summary: 'Credits by period',
  description: `As ${creditsMetric.name}.`,
  parameters: { period: true },
  item: { ...bucketProperties, ...Object.fromEntries(kinds.map((kind) => [kind, number])) },
  load: (read, { store }) =>
    store.read(async (reading) => {
      const { buckets, range } = await periodsOf(reading, read.asked)
      const sums = new Sums()
      type Found = { bucket: string; kind: string; credits: string }
      for (const row of await reading.sums<Found>('credits', { period: read.asked.period, range }))
        sums.add([row.bucket, row.kind], row.credits)
      const items = buckets.map((bucket) => ({
        ...bucket,
        ...Object.fromEntries(kinds.map((kind) => [kind, sums.get(bucket.period, kind)])),
      }))
      return { as_of: reading.asOf, timezone: reading.timezone, items }
    }),
}

const movements = ['new', 'expansion', 'contraction', 'churn', 'reactivation'] as const
const changes = ['new', 'upgrade', 'downgrade', 'cancel', 'reactivate'] as const
const signOf = (movement: string): number => (movement === 'contraction' || movement === 'churn' ? -1 : 1)

const trends: Report = {
  path: 'revenue/trends',
  dashboard,
  summary: 'Payments, refunds and MRR by period and currency',
  description:
    'Amounts in major units; currencies are never added together. mrr is that at the end of the period, the sum of all its movements. changes are subscriptions by tier, which the filter tier is for; currency filters the rest.',
  parameters: { period: true, filters: ['currency', 'tier'] },
  item: {
    ...bucketProperties,
    currency: text,
    subscription_payments: count,
    subscription_amount: number,
    credits_payments: count,
    credits_amount: number,
    refunds: count,
    refund_amount: number,
    net_amount: number,
    ...Object.fromEntries(movements.map((movement) => [`mrr_${movement}`, number])),
    mrr: number,
  },
  more: {
    changes: Type.Array(
      Type.Object({ period: text, tier: text, ...Object.fromEntries(changes.map((change) => [change, count])) }),
    ),
  },
  load: (read, { store }) =>
    store.read(async (reading) => {
      const { buckets, range } = await periodsOf(reading, read.asked)
      const over = { period: read.asked.period, range, filters: read.filters }
      type Money = {
        bucket: string | null
        currency: string
        kind?: string
        movement?: string
        n?: string
        amount: string
      }
      const payments = await reading.sums<Money>('payments', over)
      const refunds = await reading.sums<Money>('refunds', over)
      const moved = await reading.sums<Money>('mrr_movements', over)
      const earlier = await reading.sums<Money>('mrr_movements', {
        ...{ period: 'all', range: { from: '-infinity', to: range.from }, filters: read.filters },
      })
      const sums = new Sums()
      for (const row of payments) {
        sums.add([row.bucket, row.currency, `${row.kind} payments`], row.n ?? 0)
        sums.add([row.bucket, row.currency, `${row.kind} amount`], row.amount)
      }
      for (const row of refunds) {
        sums.add([row.bucket, row.currency, 'refunds'], row.n ?? 0)
        sums.add([row.bucket, row.currency, 'refund amount'], row.amount)
      }
      for (const row of moved) sums.add([row.bucket, row.currency, row.movement ?? ''], row.amount)
      const running = new Sums()
      for (const row of earlier) running.add([row.currency], signOf(row.movement ?? '') * Number(row.amount))
      const currencies = distinct([...payments, ...refunds, ...moved, ...earlier].map((row) => row.currency))
      const items = buckets.flatMap((bucket) =>
        currencies.map((currency) => {
          const of = (name: string) => sums.get(bucket.period, currency, name)
          for (const movement of movements) running.add([currency], signOf(movement) * of(movement))
          return {
            ...{ ...bucket, currency },
            subscription_payments: of('subscription payments'),
            subscription_amount: of('subscription amount'),
            credits_payments: of('credits payments'),
            credits_amount: of('credits amount'),
            refunds: of('refunds'),
            refund_amount: of('refund amount'),
            net_amount: exact(of('subscription amount') + of('credits amount') - of('refund amount')),
            ...Object.fromEntries(movements.map((movement) => [`mrr_${movement}`, of(movement)])),
            mrr: exact(running.get(currency)),
          }
        }),
      )
      type Change = { bucket: string; tier: string; change: string; n: string }
      const changed = await reading.sums<Change>('subscription_changes', over)
      const counts = new Sums()
      for (const row of changed) counts.add([row.bucket, row.tier, row.change], row.n)
      const tiers = distinct(changed.map((row) => row.tier))
      const byTier = buckets.flatMap(({ period }) =>
        tiers.map((tier) => ({
          ...{ period, tier },
          ...Object.fromEntries(changes.map((change) => [change, counts.get(period, tier, change)])),
        })),
      )
      return { as_of: reading.asOf, timezone: reading.timezone, changes: byTier, items }
    }),
}

/** Sums of decimals as doubles are a hair off; no currency has more than 4 decimals. */
const exact = (amount: number): number => Math.round(amount * 10_000) / 10_000

export const revenue: readonly Report[] = [subscriptions, credits, trends]
