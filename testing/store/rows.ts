import fc from 'fast-check'
import {
  appendedBy,
  type ColumnsOf,
  columns,
  isOptional,
  type Kind,
  kindOf,
  type View,
  views,
} from '../../catalogue/views.ts'

/** An instant that is worked out when its row is written, from the clock and what was read before. */
export type Time =
  | { time: 'now' | 'overlap' | 'earliest' }
  /** Seconds back from now, or ahead. */
  | { time: 'back' | 'ahead'; n: number }
  /** Whole hours, as the store adds them up. */
  | { time: 'hourBack'; n: number }
  /** Quarters of an hour, on the grid on which days begin, and a microsecond more or less. */
  | { time: 'gridBack' | 'gridAhead'; n: number; by: number }
  /** Hours before now, and a microsecond more or less. */
  | { time: 'window'; n: number; by: number }
  /** When the row before it in its view happened, exactly. */
  | { time: 'same' }
  /** Days after the row's user signed up. */
  | { time: 'life'; n: number; by: number }

/** When a change says that it happened: within the overlap before what was read last, and never ahead. */
export type Stamp = { stamp: 'now' | 'same' | 'lastRead' | 'earliest' } | { stamp: 'back'; n: number }

export type SeedValue = string | number | boolean | null | Time | Stamp
export type Seed = Readonly<Record<string, SeedValue>>
export interface SeededRow {
  view: View
  seed: Seed
}

/** Views whose rows change. */
export type MutableView = { [Of in View]: 'updated_at' extends keyof ColumnsOf<Of> ? Of : never }[View]
const isMutable = (view: View): view is MutableView => appendedBy[view] === undefined

/** 12 users, so that things meet; 13 is in no `users`. */
export const usersMax = 12
const user_id = fc.integer({ min: 1, max: usersMax + 1 })
/** Somebody, or more often one of two who do much. */
const busyUser = fc.oneof({ weight: 3, arbitrary: user_id }, { weight: 2, arbitrary: fc.constantFrom(1, 1, 2) })
const visitor_id = fc.integer({ min: 1, max: 8 }).map((n) => `v${n}`)
const by = fc.integer({ min: -1, max: 1 })
const of = <Name extends string, Rest>(name: Name, rest: { [Key in keyof Rest]: fc.Arbitrary<Rest[Key]> }) =>
  fc.record({ time: fc.constant(name), ...rest })
const life = fc.record({ time: fc.constant('life' as const), n: fc.constantFrom(0, 0, 1, 7, 14, 30), by })

const past: fc.MaybeWeightedArbitrary<Time>[] = [
  { weight: 5, arbitrary: of('back', { n: fc.nat(7_200) }) as fc.Arbitrary<Time> },
  { weight: 2, arbitrary: fc.constantFrom<Time>({ time: 'now' }, { time: 'overlap' }, { time: 'earliest' }) },
  { weight: 2, arbitrary: fc.constant<Time>({ time: 'same' }) },
  { weight: 3, arbitrary: of('hourBack', { n: fc.nat(50) }) as fc.Arbitrary<Time> },
  { weight: 4, arbitrary: of('gridBack', { n: fc.nat(220), by }) as fc.Arbitrary<Time> },
  { weight: 3, arbitrary: of('gridBack', { n: fc.nat(4_400), by }) as fc.Arbitrary<Time> },
  { weight: 2, arbitrary: of('window', { n: fc.constantFrom(2, 24, 168, 720), by }) as fc.Arbitrary<Time> },
  { weight: 1, arbitrary: life },
]
const ahead: fc.MaybeWeightedArbitrary<Time>[] = [
  { weight: 1, arbitrary: of('ahead', { n: fc.nat(7_200) }) as fc.Arbitrary<Time> },
  { weight: 1, arbitrary: of('gridAhead', { n: fc.nat(200), by }) as fc.Arbitrary<Time> },
  { weight: 1, arbitrary: of('gridAhead', { n: fc.nat(3_400), by }) as fc.Arbitrary<Time> },
]
const time: fc.Arbitrary<Time> = fc.oneof(
  { weight: 5, arbitrary: fc.oneof(...past) },
  { weight: 1, arbitrary: fc.oneof(...ahead) },
)
const evenTime: fc.Arbitrary<Time> = fc.oneof(fc.oneof(...past), fc.oneof(...ahead))
const maybe = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { freq: 2 })
const seldom = <Value>(arbitrary: fc.Arbitrary<Value>) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 1, arbitrary })

export const updated_at: fc.Arbitrary<Stamp> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Stamp>({ stamp: 'now' }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Stamp>({ stamp: 'same' }, { stamp: 'lastRead' }, { stamp: 'earliest' }),
  },
  { weight: 2, arbitrary: fc.record({ stamp: fc.constant('back' as const), n: fc.nat(10_000) }) },
)

const text = fc.constantFrom
const item = fc.oneof(text(null, '', 'beach', 'forest', 'other', 'unknown', 'müller "quoted" \\'), text('a', 'b', 'c'))
const currency = text('EUR', 'USD', 'JPY', 'KWD', '')
const tier = text('pro', 'basic', 'max', 'free', '', 'other')
const amount_minor = text(0, 1, 5, 500, 1_000, 1_999, 12_000, 200_000_000)

const ofUser = {
  country: text(null, '', 'DE', 'FR', 'US'),
  signup_source: text(null, '', 'direct', 'referral', 'unknown'),
  visitor_id: maybe(visitor_id),
  is_internal: fc.integer({ min: 0, max: 9 }).map((n) => n < 2),
  deleted_at: seldom(evenTime),
}
const ofGeneration = {
  started_at: maybe(time),
  finished_at: fc.oneof({ weight: 3, arbitrary: time }, { weight: 1, arbitrary: fc.constant(null) }),
  status: text('queued', 'running', 'succeeded', 'succeeded', 'succeeded', 'failed', 'cancelled', 'lost'),
  is_nsfw: fc.boolean(),
  image_count: fc.nat(4),
  failure_reason: text(null, '', 'oom', 'nsfw'),
  scene: item,
  environment: item,
  outfit: text(null, 'dress', 'suit'),
}
const ofSubscription = {
  tier,
  status: text('trialing', 'active', 'active', 'active', 'past_due', 'paused', 'canceled', 'unpaid'),
  amount_minor,
  currency,
  interval: text('month', 'month', 'year', 'week'),
  interval_count: text(1, 1, 2, 3),
  ended_at: seldom(evenTime),
}
const ofReport = { status: text('open', 'open', 'closed'), severity: text(null, '', 'major', 'minor') }
const ofRequest = { status: text('pending', 'pending', 'approved', 'rejected') }

const row = (view: View, weight: number, columns: Record<string, fc.Arbitrary<SeedValue>>) => ({
  weight,
  arbitrary: fc.record({ view: fc.constant(view), seed: fc.record(columns) as fc.Arbitrary<Seed> }),
})

const generationColumns: Record<string, fc.Arbitrary<SeedValue>> = {
  ...{ user_id: busyUser, created_at: time, updated_at },
  ...ofGeneration,
  type: text('studio', 'studio', 'base_image', 'video'),
  quality: text('draft', 'hq', ''),
  aspect_ratio: text('', '1:1', '16:9'),
  pose: text(null, 'sitting'),
}
const generations = fc.record(generationColumns) as fc.Arbitrary<Seed>

/** Some of the columns get another value, and `updated_at` says so. */
const change = (columns: Record<string, fc.Arbitrary<SeedValue>>): fc.Arbitrary<Seed> =>
  fc.record({ ...columns, updated_at }, { requiredKeys: ['updated_at'] }) as fc.Arbitrary<Seed>

/** Of a view that has no columns of its own here: what its kinds allow, which finds less than what was thought about. */
function ofKinds(view: View): Record<string, fc.Arbitrary<SeedValue>> {
  const [id, ...names] = Object.keys(columns[view])
  const happens = names.find((name) => columns[view][name]?.kind === 'instant')
  const entries = names.map((name) => {
    const { kind, values } = columns[view][name] ?? { kind: 'text' }
    if (name === 'updated_at') return [name, updated_at]
    const byKind: Record<Kind, fc.Arbitrary<SeedValue>> = {
      id: name === 'user_id' ? user_id : fc.integer({ min: 1, max: 20 }),
      instant: name === happens ? time : evenTime,
      text: values === undefined ? text('', 'some', 'other') : text(...values, 'lost'),
      country: text('DE', 'FR', ''),
      currency,
      flag: fc.boolean(),
      number: fc.nat(4),
      minorUnits: amount_minor,
    }
    return [name, isOptional(kind) ? maybe(byKind[kindOf(kind)]) : byKind[kindOf(kind)]]
  })
  if (id === undefined) throw new Error(`the view ${view} has no columns`)
  return Object.fromEntries(entries)
}

/** Ids, a row's user and the instants of what happened do not change. */
function changeOfKinds(view: View): fc.Arbitrary<Seed> {
  const changing = Object.entries(ofKinds(view)).filter(([name]) => {
    const { kind = 'id' } = columns[view][name] ?? {}
    return kindOf(kind) !== 'id' && kind !== 'instant'
  })
  return change(Object.fromEntries(changing))
}

const ownRows: Partial<Record<View, fc.WeightedArbitrary<SeededRow>>> = {
  users: row('users', 9, { created_at: time, updated_at, ...ofUser }),
  visits: row('visits', 5, { visitor_id, visited_at: time, source: text(null, '', 'direct', 'ad') }),
  sessions: row('sessions', 6, { user_id: busyUser, started_at: time }),
  characters: row('characters', 3, { user_id, created_at: time, updated_at, deleted_at: seldom(evenTime) }),
  generations: { weight: 10, arbitrary: generations.map((seed): SeededRow => ({ view: 'generations', seed })) },
  subscriptions: row('subscriptions', 5, { user_id, started_at: time, updated_at, ...ofSubscription }),
  subscription_events: row('subscription_events', 3, {
    subscription_id: fc.integer({ min: 1, max: 20 }),
    ...{ user_id, occurred_at: time },
    kind: text('new', 'upgrade', 'downgrade', 'cancel', 'reactivate', 'renamed'),
    from_tier: text(null, '', 'basic'),
    to_tier: text(null, '', 'pro', 'free'),
    mrr_before_minor: text(0, 1_000),
    mrr_after_minor: text(0, 500, 1_999),
    currency,
  }),
  payments: row('payments', 3, {
    user_id,
    paid_at: time,
    kind: text('subscription', 'credits', 'gift'),
    amount_minor,
    currency,
  }),
  refunds: row('refunds', 2, {
    payment_id: fc.integer({ min: 1, max: 20 }),
    ...{ user_id, refunded_at: time, amount_minor, currency },
  }),
  credit_ledger: row('credit_ledger', 4, {
    ...{ user_id, created_at: time },
    kind: text('purchased', 'consumed', 'granted', 'refunded', 'expired', 'lent'),
    credits: text(1, 9, 10, 50, 100, 5_001),
  }),
  bug_reports: row('bug_reports', 2, { created_at: time, updated_at, ...ofReport }),
  influencer_requests: row('influencer_requests', 2, { created_at: time, updated_at, ...ofRequest }),
}
const rows: fc.Arbitrary<SeededRow> = fc.oneof(
  ...Object.values(ownRows),
  ...views.filter((view) => ownRows[view] === undefined).map((view) => row(view, 3, ofKinds(view))),
)

const ownChanges: Partial<Record<MutableView, fc.Arbitrary<Seed>>> = {
  users: change({ ...ofUser, is_internal: fc.boolean(), deleted_at: maybe(evenTime) }),
  characters: change({ deleted_at: maybe(evenTime) }),
  generations: change(ofGeneration),
  subscriptions: change({ ...ofSubscription, ended_at: maybe(evenTime) }),
  bug_reports: change(ofReport),
  influencer_requests: change(ofRequest),
}
const changes = Object.fromEntries(
  views.filter(isMutable).map((view) => [view, ownChanges[view] ?? changeOfKinds(view)]),
) as Record<MutableView, fc.Arbitrary<Seed>>

export const rowSeeds = { rows, generations, changes, ofKinds, changeOfKinds }
