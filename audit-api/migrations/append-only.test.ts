import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPool, type Pool, transaction } from '../../lib/postgres.ts'
import { type AuditTestbed, openAuditTestbed, sampleEvent, withRole } from '../../testing/audit-api/testbed.ts'
import { createDatabase } from '../../testing/database.ts'
import { migrateAudit } from './migrate.ts'

let database: Awaited<ReturnType<typeof createDatabase>>
let bed: AuditTestbed
let platform: Pool
const platformRole = `platform_${randomUUID().slice(0, 8)}`

beforeAll(async () => {
  database = await createDatabase()
  bed = await openAuditTestbed(database.url)
  await bed.owner.query(`CREATE ROLE ${platformRole}`)
  await bed.owner.query('SELECT barometer_audit.grant_recorder($1)', [platformRole])
  await bed.owner.query(`CREATE TABLE public.account (id text PRIMARY KEY, suspended boolean)`)
  await bed.owner.query(`GRANT SELECT, INSERT, UPDATE ON public.account TO ${platformRole}`)
  platform = createPool({
    connectionString: withRole(database.url, platformRole),
    applicationName: 'test-platform',
    connectionsMax: 3,
  })
  const headers = { authorization: `Bearer ${bed.token({ scopes: ['ingest'] })}` }
  const payload = [sampleEvent(), sampleEvent({ occurred_at: '2025-05-05T00:00:00Z' })]
  const answer = await bed.server.inject({ method: 'POST', url: '/v1/audit/events', headers, payload })
  expect(answer.statusCode).toBe(201)
})

afterAll(async () => {
  await platform.end()
  await bed.owner.query(`DROP OWNED BY ${platformRole}; DROP ROLE ${platformRole}`)
  await bed.close()
  await database.drop()
})

async function auditTables(): Promise<string[]> {
  const { rows } = await bed.owner.query<{ name: string }>(`
    SELECT oid::regclass::text AS name FROM pg_class
    WHERE relnamespace = 'barometer_audit'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1`)
  // When a board was last asked for is no log; what follows from it is.
  const others = ['barometer_audit.migration', 'barometer_audit.dashboard_visit']
  return rows.map((row) => row.name).filter((name) => !others.includes(name))
}

/** A column of the tables that have no `occurred_at`. */
const columns: Readonly<Record<string, string>> = {
  'barometer_audit.event_seal': 'row_hash',
  'barometer_audit.event_erasure': 'content_hash',
  'barometer_audit.seal_batch': 'chain_hash',
  'barometer_audit.verification': 'valid',
  'barometer_audit.removed_month': 'sha256',
  'barometer_audit.error_series': 'since',
  'barometer_audit.retention_allowance': 'months',
}
const columnOf = (table: string) => columns[table] ?? 'occurred_at'

const attacks = (table: string) => [
  `UPDATE ${table} SET ${columnOf(table)} = ${columnOf(table)}`,
  `DELETE FROM ${table}`,
  `TRUNCATE ${table}`,
  `DROP TABLE ${table}`,
  `ALTER TABLE ${table} DISABLE TRIGGER ALL`,
  `DROP TRIGGER append_only ON ${table}`,
]

describe('the log is append-only', () => {
  test("the service's role may change neither the log nor any partition, nor take their guard away", async () => {
    const tables = await auditTables()
    expect(tables.length).toBeGreaterThanOrEqual(7 + 4 + 2)
    for (const statement of tables.flatMap(attacks)) {
      await expect(bed.service.query(statement), statement).rejects.toMatchObject({ code: '42501' })
    }
    const left = await bed.owner.query('SELECT count(*)::int AS count FROM barometer_audit.event')
    expect(left.rows[0].count).toBe(2)
  })

  test("the service's role may not write a partition past the log, nor grant itself more", async () => {
    const partition = (await auditTables()).find((name) => /event_\d/.test(name))
    const statements = [
      `INSERT INTO ${partition} SELECT * FROM barometer_audit.event LIMIT 1`,
      `SELECT barometer_audit.grant_service('barometer_audit')`,
      'CREATE TABLE barometer_audit.mine (id int)',
      'SELECT barometer_audit.allow_retention(1)',
      'INSERT INTO barometer_audit.retention_allowance (months) VALUES (1)',
      `SELECT barometer_audit.remove_month('2025-05-01', 1, 1, 1, 'x', sha256('x'))`,
      "INSERT INTO barometer_audit.event_seal SELECT 1, '3', gen_random_uuid(), sha256('x')",
      'INSERT INTO barometer_audit.seal_batch SELECT * FROM barometer_audit.seal_batch',
      'INSERT INTO barometer_audit.removed_month SELECT * FROM barometer_audit.removed_month',
      `INSERT INTO barometer_audit.event_identity SELECT gen_random_uuid(), sha256('x'), now(), '3'`,
      `INSERT INTO barometer_audit.event (id, occurred_at, recorded_at, actor_type, actor_id, actor_name, action,
         target_type, target_id, outcome)
       VALUES (gen_random_uuid(), now(), now(), 'admin', 'a', 'A', 'a.b', 't', 'x', 'success')`,
      'SELECT * FROM public.account',
    ]
    for (const statement of statements) {
      await expect(bed.service.query(statement), statement).rejects.toMatchObject({ code: '42501' })
    }
  })

  test('no function is open to everybody', async () => {
    const { rows } = await bed.owner.query(`
      SELECT oid::regprocedure::text FROM pg_proc
      WHERE pronamespace = 'barometer_audit'::regnamespace AND has_function_privilege('public', oid, 'EXECUTE')`)
    expect(rows).toEqual([])
  })

  test('a role that was given the rights by mistake is refused by the tables themselves', async () => {
    const careless = `careless_${randomUUID().slice(0, 8)}`
    await bed.owner.query(`CREATE ROLE ${careless}; GRANT USAGE ON SCHEMA barometer_audit TO ${careless};
      GRANT ALL ON ALL TABLES IN SCHEMA barometer_audit TO ${careless}`)
    const pool = createPool({
      connectionString: withRole(database.url, careless),
      applicationName: 'test',
      connectionsMax: 1,
    })
    for (const statement of (await auditTables()).flatMap((table) => attacks(table).slice(0, 3))) {
      await expect(pool.query(statement), statement).rejects.toThrow(/append-only/)
    }
    await pool.end()
    await bed.owner.query(`DROP OWNED BY ${careless}; DROP ROLE ${careless}`)
  })

  test('a plain owner can set it up, and then a superuser is refused too', async () => {
    const other = await createDatabase()
    const owner = `owner_${randomUUID().slice(0, 8)}`
    await other.pool.query(`CREATE ROLE ${owner}; GRANT CREATE ON DATABASE ${other.name} TO ${owner}`)
    expect(await migrateAudit(withRole(other.url, owner))).toContain('003-chain')
    for (const table of [
      'event',
      'event_identity',
      'event_seal',
      'seal_batch',
      `event_${new Date().toISOString().slice(0, 7).replace('-', '_')}`,
    ]) {
      for (const statement of attacks(`barometer_audit.${table}`).slice(0, 3)) {
        await expect(other.pool.query(statement), statement).rejects.toThrow(/append-only/)
      }
    }
    const service = createPool({
      connectionString: withRole(other.url, 'barometer_audit'),
      applicationName: 'test',
      connectionsMax: 1,
    })
    // The owner's functions work with the rights of a plain role too.
    expect((await service.query('SELECT last_sequence FROM barometer_audit.seal()')).rows).toEqual([
      { last_sequence: '0' },
    ])
    await service.end()
    await other.pool.query(`DROP OWNED BY ${owner} CASCADE`)
    await other.drop()
    await bed.owner.query(`DROP ROLE ${owner}`)
  })

  test('partitions of the coming months are there, and any month to be needed is made once by many at a time', async () => {
    const { rows } = await bed.owner.query(`SELECT count(*)::int AS count FROM pg_inherits
      WHERE inhparent = 'barometer_audit.event'::regclass`)
    expect(rows[0].count).toBeGreaterThanOrEqual(4)
    const month = () => bed.service.query("SELECT barometer_audit.ensure_month('2011-11-11')")
    await Promise.all(Array.from({ length: 6 }, month))
    expect(await auditTables()).toContain('barometer_audit.event_2011_11')
    await expect(bed.service.query("SELECT barometer_audit.ensure_month('1969-01-01')")).rejects.toThrow(/occurred_at/)
    await expect(bed.service.query("SELECT barometer_audit.ensure_month('infinity')")).rejects.toThrow(/occurred_at/)
  })

  test('migrating again changes nothing', async () => {
    expect(await migrateAudit(database.url)).toEqual([])
  })
})

const actor = JSON.stringify({ type: 'admin', id: 'ada', name: 'Ada' })
const target = JSON.stringify({ type: 'account', id: 'a1' })
const recordSql = "SELECT barometer_audit.record($1, 'account.suspend', $2) AS id"

describe('record() in SQL', () => {
  test('an action that is rolled back leaves no record, and one that is committed has its record', async () => {
    const act = (id: string, fail: boolean) =>
      transaction(platform, 'BEGIN', async (client) => {
        await client.query('INSERT INTO public.account VALUES ($1, true)', [id])
        const { rows } = await client.query(recordSql, [actor, JSON.stringify({ type: 'account', id })])
        if (fail) throw new Error('the action fails')
        return rows[0].id as string
      })
    await expect(act('failed', true)).rejects.toThrow('the action fails')
    const id = await act('done', false)
    const { rows } = await bed.service.query(
      "SELECT id, actor_name, outcome FROM barometer_audit.event WHERE action = 'account.suspend'",
    )
    expect(rows).toEqual([{ id, actor_name: 'Ada', outcome: 'success' }])
    const identities = await bed.service.query('SELECT FROM barometer_audit.event_identity')
    const events = await bed.service.query('SELECT FROM barometer_audit.event')
    expect(identities.rowCount).toBe(events.rowCount)
  })

  test('the platform may record, and read or write nothing of the log', async () => {
    for (const statement of [
      'SELECT FROM barometer_audit.event',
      'INSERT INTO barometer_audit.event_identity SELECT gen_random_uuid(), null, now()',
      "SELECT barometer_audit.ensure_month('2012-01-01')",
    ]) {
      await expect(platform.query(statement), statement).rejects.toMatchObject({ code: '42501' })
    }
  })

  test('the same id with the same content is stored once, by SQL and by HTTP alike; other content is refused', async () => {
    const id = randomUUID()
    const headers = { authorization: `Bearer ${bed.token({ scopes: ['ingest'] })}` }
    const event = {
      id,
      occurred_at: '2026-04-01T12:00:00.123456Z',
      actor: { type: 'admin', id: 'ada', name: 'Ada' },
      action: 'account.close',
      target: { type: 'account', id: 'a1' },
      outcome: 'success',
      context: { ip: '10.0.0.1' },
      metadata: { b: 1, a: { deep: [true, null, 'ü'] } },
      changes: { before: { open: true }, after: { open: false } },
    }
    const record = (reason: number) =>
      platform.query('SELECT barometer_audit.record($1, $2, $3, $4, $5, $6, $7, $8, $9)', [
        actor,
        event.action,
        target,
        'success',
        JSON.stringify(event.context),
        JSON.stringify({ a: event.metadata.a, b: reason }),
        JSON.stringify(event.changes),
        event.occurred_at,
        id,
      ])
    await record(1)
    await record(1)
    const again = await bed.server.inject({ method: 'POST', url: '/v1/audit/events', headers, payload: event })
    expect(again.statusCode, again.body).toBe(200)
    await expect(record(2)).rejects.toMatchObject({ code: '23505' })
    const stored = await bed.service.query('SELECT FROM barometer_audit.event WHERE id = $1', [id])
    expect(stored.rowCount).toBe(1)
  })

  test.each([
    ['an unknown field', { ...JSON.parse(actor), role: 'x' }, JSON.parse(target), /actor\.role is not known/],
    ['a missing field', { type: 'admin', id: 'a' }, JSON.parse(target), /actor\.name is missing/],
    ['a nested value', JSON.parse(actor), { type: 'account', id: { a: 1 } }, /target\.id is an object/],
    ['a strange type', { ...JSON.parse(actor), type: 'cat' }, JSON.parse(target), /event_actor_type/],
    ['an oversize field', { ...JSON.parse(actor), name: 'x'.repeat(201) }, JSON.parse(target), /event_actor_name/],
  ])('%s is refused by name', async (_what, badActor, badTarget, message) => {
    await expect(platform.query(recordSql, [JSON.stringify(badActor), JSON.stringify(badTarget)])).rejects.toThrow(
      message,
    )
  })

  test('too much metadata, strange changes and a time far ahead are refused', async () => {
    const record = (column: string, value: unknown) =>
      platform.query(`SELECT barometer_audit.record($1, 'a.b', $2, ${column} => $3)`, [actor, target, value])
    const keys = Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`k${index}`, index]))
    await expect(record('metadata', JSON.stringify(keys))).rejects.toThrow(/metadata/)
    await expect(record('metadata', '[1]')).rejects.toThrow(/event_metadata/)
    await expect(record('changes', '{"from": 1}')).rejects.toThrow(/changes/)
    await expect(record('occurred_at', '2200-01-01')).rejects.toThrow(/occurred_at/)
  })
})
