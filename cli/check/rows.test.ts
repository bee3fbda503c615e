import { afterAll, beforeAll, expect, test } from 'vitest'
import { contract, type View } from '../../catalogue/views.ts'
import { createPool, type Pool, transaction } from '../../lib/postgres.ts'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { createPlatformDatabase, type PlatformDatabase } from '../../testing/platform.ts'
import { withCast } from './casts.ts'
import { inspectRows } from './rows.ts'

let platform: PlatformDatabase
let pool: Pool
let other: TestDatabase

beforeAll(async () => {
  platform = await createPlatformDatabase()
  other = await createDatabase()
  pool = createPool({ connectionString: platform.url, applicationName: 'test', connectionsMax: 1 })
  await pool.query(`INSERT INTO platform.users (created_at, updated_at, country) SELECT now() - interval '9 days', now() - interval '8 days', 'DE'
    FROM generate_series(1, 20)`)
})
afterAll(async () => {
  await pool.end()
  await platform.drop()
  await other.drop()
})

/** What is said of a view after some statements, which are taken back. */
async function after(view: View, time: string, ...statements: string[]): Promise<string[]> {
  const columns = Object.keys(contract[view])
  let lines: string[] = []
  await transaction(pool, 'BEGIN', async (client) => {
    for (const statement of statements) await client.query(statement)
    lines = await inspectRows(client, { view, schema: 'barometer_source', columns, time, withUsers: true })
    await client.query('ROLLBACK; BEGIN')
  })
  return lines
}

const generation = (columns: string, values: string): string =>
  `INSERT INTO platform.generations (user_id, type, quality, aspect_ratio, status, ${columns})
   SELECT id, 'studio', 'hq', '1:1', 'succeeded', ${values} FROM platform.users`

test('rows that are as they should be are passed over in silence', async () => {
  expect(await after('users', 'created_at')).toEqual([])
  const times = 'created_at, started_at, finished_at, updated_at'
  const good = `now() - interval '2 h', now() - interval '1 h', now() - interval '1 h', now() - interval '1 h'`
  expect(await after('generations', 'created_at', generation(times, good))).toEqual([])
  // A subscription may be ended ahead, at the end of what is paid for, without a change when that day comes.
  const ahead = `INSERT INTO platform.subscriptions (user_id, tier, status, amount_minor, currency, started_at, ended_at, updated_at)
    SELECT id, 'pro', 'canceled', 1, 'USD', now() - interval '9 d', now() + interval '9 d', now() - interval '1 d' FROM platform.users`
  expect(await after('subscriptions', 'started_at', ahead)).toEqual([])
})

test('times ahead of the clock, and times of 1970, are named with the column', async () => {
  const ahead = await after(
    'users',
    'created_at',
    `UPDATE platform.users SET created_at = now() + interval '2 h', updated_at = now() + interval '2 h'`,
  )
  expect(ahead).toEqual([
    expect.stringMatching(
      /^barometer_source\.users\.created_at: the newest is .* UTC, 120 min ahead of the database's clock; expected the past/,
    ),
    expect.stringMatching(/^barometer_source\.users\.updated_at: the newest is .* UTC, 120 min ahead/),
  ])
  const old = await after('users', 'created_at', `UPDATE platform.users SET created_at = to_timestamp(1760000)`)
  expect(old).toEqual([expect.stringContaining('created_at: the newest is 1970-01-21; expected a time of this age')])
})

test('an updated_at that does not move is seen by what happened after it', async () => {
  const times = 'created_at, started_at, finished_at, updated_at'
  const unmoved = `now() - interval '2 h', now() - interval '1 h', now() - interval '1 h', now() - interval '2 h'`
  expect(await after('generations', 'created_at', generation(times, unmoved))).toEqual([
    'barometer_source.generations.updated_at: 20 of the newest rows have it before started_at; expected that it moves with every change',
    'barometer_source.generations.updated_at: 20 of the newest rows have it before finished_at; expected that it moves with every change',
  ])
  const deleted = await after('users', 'created_at', `UPDATE platform.users SET deleted_at = now() - interval '1 d'`)
  expect(deleted).toEqual([
    expect.stringContaining('users.updated_at: it is before deleted_at in all 20 rows that have one'),
  ])
  const never = `INSERT INTO platform.users (created_at, updated_at) SELECT '2026-01-02', '2026-01-02' FROM generate_series(1, 1000)`
  expect(await after('users', 'created_at', 'DELETE FROM platform.users', never)).toEqual([
    expect.stringContaining('users.updated_at: it is created_at in all of the newest 1000 rows'),
  ])
})

test('a join that doubles rows, and ids that are no users, are named', async () => {
  const doubled = `CREATE OR REPLACE VIEW barometer_source.sessions AS SELECT s.id AS session_id, s.user_id, s.started_at
    FROM platform.sessions s, generate_series(1, 2)`
  const session = `INSERT INTO platform.sessions (user_id, started_at) SELECT id, now() FROM platform.users`
  expect(await after('sessions', 'started_at', session, doubled)).toEqual([
    expect.stringContaining('sessions.session_id: 20 of the newest rows have an id that another has'),
  ])
  const strangers = `INSERT INTO platform.sessions (user_id, started_at) SELECT 1000000 + id, now() FROM platform.users`
  expect(await after('sessions', 'started_at', strangers)).toEqual([
    'barometer_source.sessions.user_id: 20 of the newest 20 rows name nobody in users; expected users.user_id',
  ])
})

test('codes in small letters, and amounts that cannot be, are named', async () => {
  const payment = `INSERT INTO platform.payments (user_id, kind, amount_minor, currency, paid_at) SELECT id, 'credits', -5, 'usd', now() FROM platform.users`
  expect(await after('payments', 'paid_at', payment)).toEqual([
    'barometer_source.payments.currency has "usd"; expected ISO 4217 (USD) in capitals',
    'barometer_source.payments.amount_minor has -5; expected not below 0',
  ])
  const ledger = `CREATE OR REPLACE VIEW barometer_source.credit_ledger AS SELECT id AS entry_id, user_id, created_at, kind, -credits AS credits FROM platform.credit_ledger`
  const entry = `INSERT INTO platform.credit_ledger (user_id, kind, credits) SELECT id, 'granted', 7 FROM platform.users`
  expect(await after('credit_ledger', 'created_at', entry, ledger)).toEqual([
    'barometer_source.credit_ledger.credits has -7; expected above 0',
  ])
})

test.each([
  ['view users: column created_at is timestamp without time zone; expected timestamptz', "AT TIME ZONE 'UTC'"],
  ['view users: column user_id is integer; expected bigint, uuid or text', '…::bigint'],
  ['view users: column user_id is character varying; expected bigint, uuid or text', '…::text'],
  ['view payments: column amount_minor is numeric; expected bigint', 'round(… * 100)::bigint'],
  ['view generations: column status is "GenerationStatus"; expected text', '…::text'],
  ['view refunds: column refunded_at is integer; expected timestamptz', 'to_timestamp(…)'],
])('%s: and what to write', (problem, cast) => {
  expect(withCast(problem)).toMatch(problem)
  expect(withCast(problem)).toContain(cast)
})

test('a problem that no cast mends is left as it is', () => {
  const missing = 'view users: column country is missing; expected char'
  expect(withCast(missing)).toBe(missing)
})
