import { afterAll, beforeAll, expect, test } from 'vitest'
import * as metrics from '../../../catalogue/users.ts'
import { createDatabase, type TestDatabase } from '../../../testing/database.ts'
import { figure, samplesOf } from '../../../testing/figures/samples.ts'
import { createSchema, type PartialHistory } from '../../../testing/second-implementation/history.ts'
import { nothingKept } from '../../store/labels.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase()
  for (const name of ['numbers', 'uuids', 'texts'] as const) await createSchema(database.pool, name)
})
afterAll(() => database.drop())

const asOf = '2026-06-15 12:00:00Z'
const kept = { ...nothingKept, country: ['DE', 'FR'], tier: ['basic', 'pro'], signup_source: ['direct'] }

/** One of each kind that a rule tells apart; 9 is in no users at all. */
const people: PartialHistory['users'] = [
  { user_id: 1, created_at: '2026-06-01 00:00:00Z', country: 'DE' },
  { user_id: 2, created_at: '2026-06-01 00:00:00Z', country: 'FR', is_internal: true },
  { user_id: 3, created_at: '2026-06-01 00:00:00Z', country: 'FR', deleted_at: asOf },
  { user_id: 4, created_at: '2026-06-01 00:00:00Z', country: null, deleted_at: '2026-06-15 12:00:00.000001Z' },
  { user_id: 5, created_at: '2026-06-15 12:00:00.000001Z', country: 'DE' },
  { user_id: 6, created_at: asOf, country: 'IT' },
]
const everybody = [1, 2, 3, 4, 5, 6, 9]

test('users are who signed up by as_of and is neither internal nor deleted; a deletion ahead does not count yet', async () => {
  expect(await figure(database.pool, metrics.users, { users: people }, { asOf, kept })).toEqual({
    'free DE 0 dormant': 1,
    'free unknown 0 dormant': 1,
    'free other 0 dormant': 1,
  })
})

test('users are grouped by live characters and by generations of exactly 720 hours', async () => {
  const history: PartialHistory = {
    users: [{ user_id: 1 }, { user_id: 2, country: 'FR' }],
    characters: [
      { user_id: 1 },
      { user_id: 1, deleted_at: '2027-01-01 00:00:00Z' },
      { user_id: 1, deleted_at: '2026-02-01 00:00:00Z' },
      { user_id: 1, created_at: '2027-01-01 00:00:00Z' },
    ],
    generations: [
      { user_id: 1, created_at: '2026-05-16 12:00:00Z' },
      { user_id: 2, created_at: '2026-05-16 12:00:00.000001Z' },
      { user_id: 2, created_at: asOf, status: 'queued', finished_at: null },
    ],
  }
  const thresholds = { casual: 1, regular: 2, power: 3 }
  expect(await figure(database.pool, metrics.users, history, { asOf, kept, thresholds })).toEqual({
    'free DE 2-5 dormant': 1,
    'free FR 0 regular': 1,
  })
})

test('a user has the tier of the dearest live subscription; equal ones in two currencies are a tie, by name', async () => {
  const thirds = { user_id: 1, interval_count: 3 } as const
  const history: PartialHistory = {
    users: [{ user_id: 1 }],
    subscriptions: [
      // 333.33… of a currency a month, both.
      { ...thirds, tier: 'pro', currency: 'JPY', amount_minor: 1_000 },
      { ...thirds, tier: 'basic', currency: 'USD', amount_minor: 100_000, status: 'trialing' },
      { user_id: 1, tier: 'gone', amount_minor: 9_000_000, ended_at: asOf },
      { user_id: 1, tier: 'paused', amount_minor: 9_000_000, status: 'paused' },
      { user_id: 1, tier: 'ahead', amount_minor: 9_000_000, started_at: '2026-07-01 00:00:00Z' },
      { user_id: 1, tier: 'odd', amount_minor: 9_000_000, interval: 'fortnight' },
    ],
  }
  expect(await figure(database.pool, metrics.users, history, { asOf, kept })).toEqual({ 'basic DE 0 dormant': 1 })
})

test('sign-ups keep who was deleted, and begin with the local day and month', async () => {
  const users: PartialHistory['users'] = [
    { user_id: 1, created_at: '2026-06-14 18:29:59.999999Z', signup_source: 'direct' },
    { user_id: 2, created_at: '2026-06-14 18:30:00Z', signup_source: '', deleted_at: '2026-06-15 00:00:00Z' },
    { user_id: 3, created_at: '2026-05-31 18:30:00Z', signup_source: 'elsewhere' },
    { user_id: 4, created_at: '2026-05-31 18:29:59Z', is_internal: true },
  ]
  const found = await figure(database.pool, metrics.signups, { users }, { asOf, kept, timezone: 'Asia/Kolkata' })
  expect(found).toEqual({
    'today unknown DE': 1,
    // 2026-06-15 is a Monday.
    'week unknown DE': 1,
    'month direct DE': 1,
    'month unknown DE': 1,
    'month other DE': 1,
    'ever direct DE': 1,
    'ever unknown DE': 1,
    'ever other DE': 1,
  })
})

test('the day on which clocks go forward is 23 hours long, and a rolling day is 24 all the same', async () => {
  // Berlin: 2026-03-29 begins at 23:00 UTC and ends at 22:00 UTC.
  const users: PartialHistory['users'] = [
    { user_id: 1, created_at: '2026-03-28 22:59:59.999999Z' },
    { user_id: 2, created_at: '2026-03-28 23:00:00Z' },
    { user_id: 3, created_at: '2026-03-29 21:59:59Z' },
    { user_id: 4, created_at: '2026-03-29 22:00:00Z' },
  ]
  const sessions = users.map(({ user_id = 0, created_at = '' }) => ({ user_id, started_at: created_at }))
  const before = { asOf: '2026-03-29 21:59:59.999999Z', timezone: 'Europe/Berlin', kept }
  const after = { ...before, asOf: '2026-03-29 22:59:59.999999Z' }
  const today = async (at: typeof before) =>
    (await figure(database.pool, metrics.signups, { users }, at))['today direct DE']
  expect(await today(before)).toBe(2)
  expect(await today(after)).toBe(1)
  const active = await figure(database.pool, metrics.activeUsers, { users, sessions }, after)
  expect(active['1d free DE']).toBe(3)
})

test('a day that has midnight twice begins at the first', async () => {
  // Havana: 2026-11-01 is from 04:00 UTC, 00:00 again at 05:00 UTC.
  const sessions = [{ started_at: '2026-11-01 03:59:59Z' }, { started_at: '2026-11-01 04:00:00Z' }]
  const users = sessions.map(({ started_at }, index) => ({ user_id: index + 1, created_at: started_at }))
  const at = { asOf: '2026-11-01 20:00:00Z', timezone: 'America/Havana', kept }
  expect((await figure(database.pool, metrics.signups, { users }, at))['today direct DE']).toBe(1)
})

test('sessions happened, whoever is deleted or gone; active users are', async () => {
  const sessions = everybody.flatMap((user_id) => [
    { user_id, started_at: '2026-06-14 12:00:00.000001Z' },
    { user_id, started_at: '2026-06-14 12:00:00Z' },
    { user_id, started_at: '2026-06-15 12:00:00.000001Z' },
  ])
  const history = { users: people, sessions }
  expect(await figure(database.pool, metrics.sessions, history, { asOf })).toEqual({
    '1d': 6,
    '7d': 12,
    '30d': 12,
    ever: 12,
  })
  expect(await figure(database.pool, metrics.activeUsers, history, { asOf, kept })).toMatchObject({
    '1d free DE': 1,
    '1d free unknown': 1,
    '1d free other': 1,
  })
})

test('generating users are live, and counted once', async () => {
  const generations = everybody.flatMap((user_id) => [
    { user_id, created_at: asOf, status: 'queued' },
    { user_id, created_at: '2026-06-15 11:00:00Z' },
  ])
  expect(await figure(database.pool, metrics.generatingUsers, { users: people, generations }, { asOf })).toEqual({
    '1d': 3,
    '7d': 3,
    '30d': 3,
  })
})

test('the funnel follows visitors by their first visit ever', async () => {
  const history: PartialHistory = {
    users: [
      { user_id: 1, visitor_id: 'a', deleted_at: '2026-06-14 00:00:00Z' },
      { user_id: 2, visitor_id: 'b', created_at: '2026-07-01 00:00:00Z' },
      { user_id: 3, visitor_id: 'c', is_internal: true },
      { user_id: 4, visitor_id: 'c' },
      { user_id: 5, visitor_id: 'd' },
    ],
    visits: [
      { visit_id: 9, visitor_id: 'a', visited_at: '2026-06-14 00:00:00Z', source: 'first' },
      { visit_id: 10, visitor_id: 'a', visited_at: '2026-06-14 00:00:00Z', source: 'second' },
      { visit_id: 11, visitor_id: 'b', visited_at: '2026-06-10 00:00:00Z', source: null },
      { visit_id: 12, visitor_id: 'c', visited_at: '2026-06-14 00:00:00Z', source: 'first' },
      { visit_id: 13, visitor_id: 'd', visited_at: '2026-06-01 00:00:00Z', source: 'first' },
      { visit_id: 14, visitor_id: 'd', visited_at: '2026-06-14 00:00:00Z', source: 'second' },
      { visit_id: 15, visitor_id: 'e', visited_at: '2026-06-16 00:00:00Z', source: 'first' },
    ],
    generations: [
      { user_id: 1, finished_at: '2026-06-14 01:00:00Z' },
      { user_id: 2, finished_at: '2026-06-14 01:00:00Z' },
      { user_id: 5, finished_at: '2026-07-14 01:00:00Z' },
      { user_id: 5, status: 'failed', finished_at: '2026-06-14 01:00:00Z' },
    ],
  }
  const wanted = {
    'visit 7d first': 1,
    'visit 7d unknown': 1,
    'visit 30d first': 2,
    'visit 30d unknown': 1,
    'signup 7d first': 1,
    'signup 30d first': 2,
    'first_generation 7d first': 1,
    'first_generation 30d first': 1,
  }
  for (const schema of ['numbers', 'uuids', 'texts'] as const) {
    const at = { asOf, schema, kept: { ...kept, visit_source: ['first', 'second'] } }
    expect(await figure(database.pool, metrics.funnelUsers, history, at)).toEqual(wanted)
  }
})

test('retention is of the newest cohort whose day is over, by local dates', async () => {
  // St. John's is 2:30 behind in summer: 02:29 UTC is the day before.
  const history: PartialHistory = {
    users: [
      { user_id: 1, created_at: '2026-06-12 02:30:00Z' },
      { user_id: 2, created_at: '2026-06-13 02:29:59Z', deleted_at: '2026-06-13 12:00:00Z' },
      { user_id: 3, created_at: '2026-06-12 12:00:00Z', is_internal: true },
      { user_id: 4, created_at: '2026-06-14 02:30:00Z' },
    ],
    sessions: [
      { user_id: 1, started_at: '2026-06-14 02:29:59Z' },
      { user_id: 1, started_at: '2026-06-14 02:00:00Z' },
      { user_id: 2, started_at: '2026-06-14 02:30:00Z' },
      { user_id: 3, started_at: '2026-06-13 12:00:00Z' },
    ],
  }
  const at = { asOf, timezone: 'America/St_Johns' }
  expect(await figure(database.pool, metrics.retentionUsers, history, at)).toEqual({ d1: 2 })
  expect(await figure(database.pool, metrics.retainedUsers, history, at)).toEqual({ d1: 1 })
})

test('a cohort that is not yet old enough is absent, not 0', async () => {
  const users = [{ user_id: 1, created_at: '2026-06-14 00:00:00Z' }]
  expect(await samplesOf(database.pool, metrics.retentionUsers, { users }, { asOf })).toEqual([])
  const dayLater = { asOf: '2026-06-16 00:00:00Z' }
  expect(await figure(database.pool, metrics.retentionUsers, { users }, dayLater)).toEqual({ d1: 1 })
  expect(await figure(database.pool, metrics.retainedUsers, { users }, dayLater)).toEqual({ d1: 0 })
})

test('churn is of those who subscribed 720 hours ago and have nothing that runs, a pause being no end', async () => {
  const users = [{ user_id: 1 }, { user_id: 2 }, { user_id: 3 }, { user_id: 4 }, { user_id: 5, is_internal: true }]
  const ended_at = '2026-06-10 00:00:00Z'
  const history: PartialHistory = {
    users,
    subscriptions: [
      { user_id: 1, tier: 'basic', amount_minor: 500, ended_at, status: 'canceled' },
      { user_id: 1, tier: 'pro', amount_minor: 900, ended_at, status: 'canceled' },
      { user_id: 2, tier: 'pro', ended_at, status: 'canceled' },
      { user_id: 2, tier: 'basic', started_at: ended_at, status: 'trialing' },
      { user_id: 3, tier: 'pro', status: 'paused' },
      { user_id: 4, tier: 'pro', status: 'trialing', ended_at },
      { user_id: 5, tier: 'pro', ended_at },
      { user_id: 9, tier: 'basic', ended_at, started_at: '2026-05-16 12:00:00Z' },
      { user_id: 9, tier: 'pro', ended_at, started_at: '2026-05-16 12:00:00.000001Z' },
    ],
  }
  const at = { asOf, kept }
  expect(await figure(database.pool, metrics.subscribersAtStart, history, at)).toEqual({ 'pro 30d': 3, 'basic 30d': 1 })
  expect(await figure(database.pool, metrics.churnedSubscribers, history, at)).toEqual({ 'pro 30d': 1, 'basic 30d': 1 })
})

test('a week of life begins 168 hours after the one before, and is absent where it began for nobody', async () => {
  const history: PartialHistory = {
    users: [
      { user_id: 1, created_at: '2026-06-01 12:00:00Z' },
      { user_id: 2, created_at: '2026-06-08 12:00:00.000001Z', deleted_at: '2026-06-09 00:00:00Z' },
    ],
    sessions: [
      { user_id: 1, started_at: '2026-06-08 12:00:00Z' },
      { user_id: 2, started_at: '2026-06-01 00:00:00Z' },
      { user_id: 1, started_at: '2026-06-20 00:00:00Z' },
    ],
  }
  expect(await figure(database.pool, metrics.userLifetimeUsers, history, { asOf })).toEqual({ 0: 2, 1: 1, 2: 1 })
  expect(await figure(database.pool, metrics.userLifetimeSurvivors, history, { asOf })).toEqual({ 0: 1, 1: 1, 2: 0 })
})

test('a platform without a row has zeros where the labels are our own, each once', async () => {
  const sessions = await samplesOf(database.pool, metrics.sessions, {}, { asOf })
  expect(sessions.map((sample) => sample.labels.window).sort()).toEqual(['1d', '30d', '7d', 'ever'])
  const one = await samplesOf(
    database.pool,
    metrics.sessions,
    { sessions: [{ started_at: '2026-06-01 00:00:00Z' }] },
    { asOf },
  )
  expect(one.map((sample) => [sample.labels.window, 'value' in sample && sample.value]).sort()).toEqual([
    ['1d', 0],
    ['30d', 1],
    ['7d', 0],
    ['ever', 1],
  ])
})
