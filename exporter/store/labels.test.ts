import { afterAll, beforeAll, expect, test } from 'vitest'
import { type View, views } from '../../catalogue/views.ts'
import type { PoolClient } from '../../lib/postgres.ts'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { inSchema } from '../../testing/figures/samples.ts'
import {
  complete,
  createSchema,
  inputsAt,
  insertHistory,
  type PartialHistory,
} from '../../testing/second-implementation/history.ts'
import { layout } from '../figures/index.ts'
import { plainCandidates, refreshKept, refreshPopular } from './labels.ts'
import { migrateStore } from './migrate.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase()
  await createSchema(database.pool, 'numbers')
  await migrateStore({ DATABASE_URL: database.url, STORE_SCHEMA: 'store' })
})
afterAll(() => database.drop())

const asOf = '2026-06-15 12:00:00Z'
const storeSchema = 'store'
const counts = layout.dailyItems.plain

async function insert(client: PoolClient, history: PartialHistory): Promise<void> {
  await insertHistory(client, 'numbers', complete(history))
}

const keptWith = (client: PoolClient, ...present: View[]) =>
  refreshKept(client, {
    storeSchema,
    inputs: inputsAt(asOf),
    sets: plainCandidates(layout.labelSets, new Set(present)),
  })

/** So many users of each country. */
function usersOf(countries: Readonly<Record<string, number>>): NonNullable<PartialHistory['users']> {
  return Object.entries(countries).flatMap(([country, count]) => Array.from({ length: count }, () => ({ country })))
}

const countries = Array.from({ length: 22 }, (_, index) => `${String.fromCharCode(65 + index)}X`)

test('the first refresh keeps the 20 largest, ties by name, and what is kept stays', async () => {
  await inSchema(database.pool, 'numbers', async (client) => {
    // UX and VX are the largest; of the twenty with one user each, the first eighteen by name have a place.
    const ones = Object.fromEntries(countries.map((country) => [country, 1]))
    await insert(client, { users: usersOf({ ...ones, VX: 3, UX: 2, '': 9 }) })
    const wanted = ['VX', 'UX', ...countries.slice(0, 18)]
    expect((await keptWith(client, ...views)).country).toEqual(wanted)

    await insert(client, { users: usersOf({ SX: 50 }) })
    expect((await keptWith(client, ...views)).country).toEqual(wanted)
    await client.query('DELETE FROM users')
    expect((await keptWith(client, ...views)).country).toEqual(wanted)
  })
})

test('a new value enters at once while fewer than 20 are kept, never in the place of another', async () => {
  await inSchema(database.pool, 'numbers', async (client) => {
    await insert(client, { users: usersOf({ AX: 1 }) })
    expect((await keptWith(client, ...views)).country).toEqual(['AX'])
    await insert(client, { users: usersOf({ BX: 5 }) })
    expect((await keptWith(client, ...views)).country).toEqual(['AX', 'BX'])
    const { rows } = await client.query(
      `SELECT value, position FROM store.kept_value WHERE kept_set = 'country' ORDER BY 2`,
    )
    expect(rows).toEqual([
      { value: 'AX', position: 1 },
      { value: 'BX', position: 2 },
    ])
  })
})

test('our own words take no place, and free only as a tier', async () => {
  await inSchema(database.pool, 'numbers', async (client) => {
    const words = ['unknown', 'other', 'free', '', null]
    await insert(client, {
      users: words.map((signup_source) => ({ signup_source })),
      subscriptions: [...words.flatMap((tier) => (tier === null ? [] : [{ tier }])), { tier: 'pro' }],
    })
    const kept = await keptWith(client, ...views)
    expect(kept.signup_source).toEqual(['free'])
    expect(kept.tier).toEqual(['pro'])
  })
})

test('what counts towards a place counts in the figure: nobody internal, nothing ahead, first visits only', async () => {
  await inSchema(database.pool, 'numbers', async (client) => {
    const ahead = '2026-07-01 00:00:00Z'
    await insert(client, {
      users: [
        { user_id: 1, country: 'AX' },
        { user_id: 2, country: 'BX', is_internal: true, visitor_id: 'staff' },
        { user_id: 3, country: 'CX', created_at: ahead },
        { user_id: 4, country: 'DX', deleted_at: asOf },
      ],
      visits: [
        { visitor_id: 'a', source: 'first' },
        { visitor_id: 'a', source: 'second' },
        { visitor_id: 'staff', source: 'staff' },
        { visitor_id: 'b', source: 'ahead', visited_at: ahead },
      ],
      generations: [
        { user_id: 9, status: 'failed', failure_reason: 'oom', aspect_ratio: '1:1' },
        { user_id: 9, status: 'failed', failure_reason: 'ahead', finished_at: ahead, aspect_ratio: '2:1' },
        { user_id: 2, status: 'failed', failure_reason: 'staff', aspect_ratio: '3:1' },
      ],
      bug_reports: [{ severity: 'minor', status: 'closed' }],
    })
    expect(await keptWith(client, ...views)).toEqual({
      country: ['AX', 'DX'],
      signup_source: ['direct'],
      visit_source: ['first'],
      tier: [],
      aspect_ratio: ['1:1', '2:1'],
      failure_reason: ['oom'],
      severity: ['minor'],
    })
  })
})

test('a set whose view is not there is left alone until it is', async () => {
  await inSchema(database.pool, 'numbers', async (client) => {
    await insert(client, { users: [{}], subscriptions: [{ tier: 'pro' }] })
    await client.query('ALTER TABLE visits RENAME TO gone')
    const before = await keptWith(client, 'users')
    expect(before).toMatchObject({ country: ['DE'], tier: [] })
    expect(await keptWith(client, 'users', 'subscriptions')).toMatchObject({ country: ['DE'], tier: ['pro'] })
  })
})

test('popular items are chosen at the first refresh of a local day, 20 of each category and window, and stay for the day', async () => {
  await inSchema(database.pool, 'numbers', async (client) => {
    const at = (instant: string) => ({ storeSchema, counts, inputs: inputsAt(instant, { timezone: 'Asia/Kolkata' }) })
    const made = (scene: string, count: number) => Array.from({ length: count }, () => ({ scene, finished_at: asOf }))
    const names = countries.slice(0, 21)
    await insert(client, {
      generations: [...names.flatMap((name) => made(name, 1)), ...made('UX', 2), ...made('other', 5)],
    })
    const chosen = await refreshPopular(client, at('2026-06-15 18:29:59Z'))
    // UX and, of the rest with one each, the first nineteen by name, in each of three windows; `other` is not an item.
    expect(chosen).toHaveLength(60)
    const daily = chosen.filter(({ window }) => window === '1d').map(({ item }) => item)
    expect(daily.sort()).toEqual([...countries.slice(0, 19), 'UX'])

    await insert(client, { generations: made('new', 9) })
    expect(await refreshPopular(client, at('2026-06-15 18:29:59.999999Z'))).toEqual(chosen)
    const tomorrow = await refreshPopular(client, at('2026-06-15 18:30:00Z'))
    expect(tomorrow).toContainEqual({ category: 'scene', window: '1d', item: 'new' })
  })
})

test('a day that begins without any item stays without for the day', async () => {
  await inSchema(database.pool, 'numbers', async (client) => {
    const at = { storeSchema, counts, inputs: inputsAt(asOf) }
    expect(await refreshPopular(client, at)).toEqual([])
    await insert(client, { generations: [{ scene: 'beach', finished_at: asOf }] })
    expect(await refreshPopular(client, at)).toEqual([])
  })
})
