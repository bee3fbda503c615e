import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPool, type Pool, transaction } from '../../lib/postgres.ts'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { type IndexFinding, inspectAccess } from './indexes.ts'

const time = 'timestamp with time zone'
const now = new Date('2026-11-24T12:00:00Z')
let database: TestDatabase
let pool: Pool

beforeAll(async () => {
  database = await createDatabase()
  await database.pool.query(`
    CREATE TABLE account (id bigint PRIMARY KEY, made timestamptz NOT NULL, moved timestamp NOT NULL, joined_ms bigint NOT NULL);
    CREATE INDEX ON account (made);
    CREATE TABLE "Log" (id uuid, "userRef" bigint NOT NULL, at timestamptz NOT NULL) PARTITION BY RANGE (at);
    CREATE TABLE log_2026 PARTITION OF "Log" FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    CREATE TABLE log_2027 PARTITION OF "Log" FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
    CREATE TABLE visit (id text, visitor text NOT NULL, at timestamptz NOT NULL);
    CREATE INDEX ON visit (at, visitor);
    INSERT INTO account SELECT n, '2026-11-01', '2026-11-01', 0 FROM generate_series(1, 50) AS n;
    CREATE VIEW users AS SELECT id AS user_id, made AS created_at, moved AT TIME ZONE 'UTC' AS updated_at,
      moved::timestamptz AS deleted_at, to_timestamp(joined_ms / 1000.0) AS joined_at FROM account;
    CREATE VIEW sessions AS SELECT id AS session_id, "userRef" AS user_id, at AS started_at FROM "Log";
    CREATE VIEW visits AS SELECT id AS visit_id, visitor AS visitor_id, at AS visited_at FROM visit;
    CREATE VIEW latest AS SELECT "userRef" AS entry_id, max(at) AS created_at FROM "Log" GROUP BY 1;
    CREATE VIEW both_tables AS SELECT id::text AS entry_id, made AS created_at FROM account UNION ALL SELECT id, at FROM visit;
    ANALYZE;
  `)
  pool = createPool({ connectionString: database.url, applicationName: 'test', connectionsMax: 1 })
})
afterAll(async () => {
  await pool.end()
  await database.drop()
})

async function findings(view: string, columns: Record<string, string>): Promise<readonly IndexFinding[]> {
  const list = Object.entries(columns).map(([name, type]) => ({ name, type }))
  const { indexes } = await transaction(pool, 'BEGIN READ ONLY', (client) => inspectAccess(client, view, list, now))
  return indexes
}

test('an index underneath is found though the table is small', async () => {
  expect(await findings('users', { user_id: 'bigint', created_at: time })).toEqual([
    { columns: ['created_at'], indexed: true, create: [] },
  ])
})

test('a computed time column is named with the index on its expression', async () => {
  const [updated, joined] = await findings('users', { user_id: 'bigint', updated_at: time, joined_at: time })
  expect(updated?.create).toEqual([
    expect.stringMatching(/^CREATE INDEX CONCURRENTLY ON public\.account \(\(.*moved.*\)\);$/),
  ])
  expect(joined?.indexed).toBe(false)
  for (const statement of [...(updated?.create ?? []), ...(joined?.create ?? [])]) await database.pool.query(statement)
  const after = await findings('users', { user_id: 'bigint', updated_at: time, joined_at: time })
  expect(after.map(({ columns, indexed }) => [columns[0], indexed])).toEqual([
    ['updated_at', true],
    ['joined_at', true],
    ['user_id', true],
  ])
})

test('a cast that depends on the session cannot be indexed, and the view is what to change', async () => {
  const [finding] = await findings('users', { user_id: 'bigint', deleted_at: time })
  expect(finding).toMatchObject({ indexed: false, create: [] })
  expect(finding?.note).toContain('expected AT TIME ZONE with a fixed zone')
})

test('a partitioned table gets one statement, on the whole table and with names quoted, that works', async () => {
  const columns = { session_id: 'uuid', user_id: 'bigint', started_at: time }
  const found = await findings('sessions', columns)
  expect(found).toEqual([
    { columns: ['started_at'], indexed: false, create: ['CREATE INDEX ON public."Log" (at);'] },
    { columns: ['user_id', 'started_at'], indexed: false, create: ['CREATE INDEX ON public."Log" ("userRef", at);'] },
  ])
  for (const { create } of found) for (const statement of create) await database.pool.query(statement)
  expect((await findings('sessions', columns)).map(({ indexed }) => indexed)).toEqual([true, true])
})

test('an index that only contains the column, after another, does not count', async () => {
  const found = await findings('visits', { visit_id: 'text', visitor_id: 'text', visited_at: time })
  expect(found).toEqual([
    { columns: ['visited_at'], indexed: true, create: [] },
    { columns: ['visitor_id'], indexed: false, create: ['CREATE INDEX CONCURRENTLY ON public.visit (visitor);'] },
  ])
})

test('a column computed over several rows is said to be one', async () => {
  const [finding] = await findings('latest', { entry_id: 'bigint', created_at: time })
  expect(finding?.note).toContain('from several rows or tables')
  expect(finding?.create).toEqual([])
})

test('an id that is computed forces a look through the whole table for each changed row, and is named', async () => {
  await database.pool.query(`
    CREATE TABLE picture (id bigint PRIMARY KEY, at timestamptz NOT NULL);
    CREATE INDEX ON picture (at);
    CREATE VIEW generations AS SELECT id::text AS generation_id, at AS updated_at FROM picture;`)
  const columns = { generation_id: 'text', updated_at: time }
  const found = await findings('generations', columns)
  expect(found).toMatchObject([{ indexed: true }, { columns: ['generation_id'], indexed: false }])
  for (const statement of found[1]?.create ?? []) await database.pool.query(statement)
  expect((await findings('generations', columns)).map(({ indexed }) => indexed)).toEqual([true, true])
})

test('a union is followed into each of its tables', async () => {
  expect(await findings('both_tables', { entry_id: 'text', created_at: time })).toMatchObject([{ indexed: true }])
  await database.pool.query('DROP INDEX account_made_idx')
  expect(await findings('both_tables', { entry_id: 'text', created_at: time })).toMatchObject([
    { indexed: false, create: ['CREATE INDEX CONCURRENTLY ON public.account (made);'] },
  ])
})

test('an index on an expression is found though the planner takes another for the rest of the view', async () => {
  await database.pool.query(`
    CREATE TABLE purchase (id bigint PRIMARY KEY, buyer int NOT NULL, back timestamptz);
    CREATE INDEX ON purchase (back);
    INSERT INTO purchase SELECT n, n, CASE WHEN n < 3 THEN '2026-11-01'::timestamptz END FROM generate_series(1, 500) AS n;
    CREATE VIEW refunds AS SELECT id AS refund_id, buyer::bigint AS user_id, back AS refunded_at FROM purchase WHERE back IS NOT NULL;
    ANALYZE purchase`)
  const columns = { refund_id: 'bigint', user_id: 'bigint', refunded_at: time }
  const found = await findings('refunds', columns)
  expect(found.flatMap(({ create }) => create)).toEqual([
    'CREATE INDEX CONCURRENTLY ON public.purchase (((buyer)::bigint), back);',
  ])
  for (const { create } of found) for (const statement of create) await database.pool.query(statement)
  expect((await findings('refunds', columns)).map(({ indexed }) => indexed)).toEqual([true, true])
})

test('a view that joins is found by the indexes of all its tables, or the one that lacks is named', async () => {
  await database.pool.query(`
    CREATE TABLE client (id bigint PRIMARY KEY, customer text NOT NULL UNIQUE);
    CREATE TABLE "Charge" (id text PRIMARY KEY, customer text NOT NULL, at timestamptz NOT NULL);
    CREATE INDEX ON "Charge" (at);
    INSERT INTO client SELECT n, 'cus_' || n FROM generate_series(1, 500) AS n;
    INSERT INTO "Charge" SELECT 'ch_' || n, 'cus_' || n, '2026-11-01' FROM generate_series(1, 500) AS n;
    CREATE VIEW payments AS SELECT t.id AS payment_id, u.id AS user_id, t.at AS paid_at
      FROM "Charge" AS t JOIN client AS u ON u.customer = t.customer;
    ANALYZE client; ANALYZE "Charge"`)
  const columns = { payment_id: 'text', user_id: 'bigint', paid_at: time }
  const found = await findings('payments', columns)
  expect(found.flatMap(({ create }) => create)).toEqual(['CREATE INDEX CONCURRENTLY ON public."Charge" (customer);'])
  for (const { create } of found) for (const statement of create) await database.pool.query(statement)
  expect((await findings('payments', columns)).map(({ indexed }) => indexed)).toEqual([true, true])
})

test('a view that is empty on purpose lacks nothing, and a time that is NULL in some cases is no cast', async () => {
  await database.pool.query(`CREATE VIEW nothing AS SELECT NULL::bigint AS visit_id, NULL::timestamptz AS visited_at WHERE false;
    CREATE VIEW removed AS SELECT id AS character_id, CASE WHEN joined_ms > 0 THEN made END AS deleted_at FROM account`)
  expect(await findings('nothing', { visit_id: 'bigint', visited_at: time })).toEqual([])
  const [finding] = await findings('removed', { character_id: 'bigint', deleted_at: time })
  expect(finding?.note).toBeUndefined()
  expect(finding?.create).toEqual([expect.stringMatching(/^CREATE INDEX CONCURRENTLY ON public\.account \(\(.*CASE/)])
  for (const statement of finding?.create ?? []) await database.pool.query(statement)
  expect((await findings('removed', { character_id: 'bigint', deleted_at: time }))[0]?.indexed).toBe(true)
})
