import { createHash, randomUUID } from 'node:crypto'
import pg from 'pg'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createPool, type Pool } from '../../lib/postgres.ts'
import { sampleEvent, withRole } from '../../testing/audit-api/testbed.ts'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { createEventWriter, type EventWithId } from '../events/event-writer.ts'
import { migrateAudit } from '../migrations/migrate.ts'
import { createSealer, type Sealer } from './sealer.ts'
import { verifyChain } from './verify.ts'

let database: TestDatabase
let pool: Pool
let sealer: Sealer

beforeEach(async () => {
  database = await createDatabase()
  await migrateAudit(database.url)
  pool = createPool({
    connectionString: withRole(database.url, 'barometer_audit'),
    applicationName: 'test',
    connectionsMax: 8,
  })
  sealer = createSealer(pool, pino({ level: 'silent' }), () => new Date())
})
afterEach(async () => {
  await pool.end()
  await database.drop()
})

async function write(count: number): Promise<void> {
  const events = Array.from({ length: count }, () => ({ ...sampleEvent(), id: randomUUID() }) as EventWithId)
  await createEventWriter(pool).insert(events)
}

const record = `SELECT barometer_audit.record('{"type": "admin", "id": "ada", "name": "Ada"}', 'user.ban', '{"type": "user", "id": "u1"}')`

async function isWhole(): Promise<number> {
  const result = await verifyChain(pool, { whole: true })
  expect(result.finding).toBeUndefined()
  expect(result.complete).toBe(true)
  const { rows } = await pool.query(`
    SELECT count(*)::int AS places, coalesce(max(sequence), 0)::int AS highest, count(DISTINCT id)::int AS ids FROM barometer_audit.event_seal`)
  expect(rows[0].places).toBe(rows[0].highest)
  expect(rows[0].ids).toBe(rows[0].highest)
  return rows[0].highest
}

describe('what is sealed', () => {
  test('nothing is no batch more than one, and an empty chain holds', async () => {
    expect(await verifyChain(pool, { whole: true })).toMatchObject({ valid: true, complete: true, head: undefined })
    for (let tick = 0; tick < 3; tick += 1) await sealer.tick()
    const { rows } = await pool.query('SELECT count(*)::int AS count FROM barometer_audit.seal_batch')
    expect(rows[0].count).toBe(1)
    expect(await isWhole()).toBe(0)
  })

  test('a long transaction holds nothing back, and has its place when it is over', async () => {
    const [long, broken] = [new pg.Client(database.url), new pg.Client(database.url)]
    await Promise.all([long.connect(), broken.connect()])
    await long.query(`BEGIN; ${record}`)
    await broken.query(`BEGIN; ${record}`)
    await write(5)
    expect(await sealer.tick()).toMatchObject({ unsealed: 0, head: { sequence: 5 } })
    await write(5)
    expect(await sealer.tick()).toMatchObject({ head: { sequence: 10 } })
    await long.query(`${record}; COMMIT`)
    await broken.query('ROLLBACK')
    await write(1)
    expect(await sealer.tick()).toMatchObject({ unsealed: 0, head: { sequence: 13 } })
    expect(await isWhole()).toBe(13)
    await Promise.all([long.end(), broken.end()])
  })

  test('what is not sealed yet is counted', async () => {
    await sealer.tick()
    await write(7)
    const { rows } = await pool.query('SELECT unsealed FROM barometer_audit.chain_state()')
    expect(rows[0].unsealed).toBe('7')
    await pool.query('SELECT barometer_audit.seal(5)')
    const later = await pool.query('SELECT unsealed FROM barometer_audit.chain_state()')
    expect(later.rows[0].unsealed).toBe('2')
  })

  test('many rows of one transaction, and of many, are sealed in batches of bounded length', async () => {
    await sealer.tick()
    await database.pool.query(`DO $$ BEGIN FOR i IN 1..95 LOOP PERFORM (${record}); END LOOP; END $$`)
    for (let transactions = 0; transactions < 12; transactions += 1) await write(3)
    const lengths: number[] = []
    for (let more = true; more; ) {
      const { rows } = await pool.query('SELECT sealed, more FROM barometer_audit.seal(10)')
      lengths.push(rows[0].sealed)
      more = rows[0].more
    }
    expect(Math.max(...lengths)).toBe(10)
    expect(await isWhole()).toBe(95 + 36)
  })

  test('of many sealers at once one seals and the others go on', async () => {
    await write(900)
    const calls = Array.from({ length: 8 }, () => pool.query('SELECT sealed FROM barometer_audit.seal(100)'))
    const sealed = (await Promise.all(calls)).map(({ rows }) => rows[0].sealed)
    expect(sealed.filter((rows) => rows === 100).length).toBeGreaterThan(0)
    await sealer.tick()
    expect(await isWhole()).toBe(900)
  })

  test('an identity whose event was removed before the seal is sealed and named', async () => {
    await write(3)
    await database.pool.query(`SET session_replication_role = replica; DELETE FROM barometer_audit.event`)
    await sealer.tick()
    const { finding } = await verifyChain(pool, { whole: true })
    expect(finding).toMatchObject({ kind: 'removed', what: 'event', sequence: 1 })
  })

  test('an event that was changed before the seal is named: its hash was taken when it came', async () => {
    await write(3)
    await database.pool.query(
      `SET session_replication_role = replica; UPDATE barometer_audit.event SET actor_id = 'eve'`,
    )
    await sealer.tick()
    expect((await verifyChain(pool, { whole: true })).finding).toMatchObject({
      kind: 'changed',
      what: 'event',
      sequence: 1,
    })
  })
})

describe('after a restore', () => {
  const asRestored = (change: string) =>
    database.pool.query(`SET session_replication_role = replica; UPDATE barometer_audit.seal_batch SET ${change}`)

  test.each([
    ['into another cluster', 'cluster = 1'],
    ['to where transaction numbers are lower', "target = '900000000:900000000:'"],
  ])('%s, everything is compared once and nothing has two places', async (_where, change) => {
    await write(40)
    await sealer.tick()
    await write(30)
    // What was restored has numbers of transactions that this cluster has yet to give.
    await database.pool.query(
      "SET session_replication_role = replica; UPDATE barometer_audit.event_identity SET xact = '800000000' WHERE id NOT IN (SELECT id FROM barometer_audit.event_seal)",
    )
    await asRestored(change)
    for (let calls = 0; calls < 20; calls += 1) {
      await pool.query('SELECT barometer_audit.seal(3)')
      if (calls === 5) await write(8)
    }
    await write(2)
    expect(await sealer.tick()).toMatchObject({ unsealed: 0, head: { sequence: 80 } })
    expect(await isWhole()).toBe(80)
  })
})

describe('the canonical form', () => {
  test('is what docs/audit-log.md says: recomputed here without the database', async () => {
    await write(18)
    const strange = 'a "b" \\ / \b\f\n\r\t\u0001\u001f\u007f\u2028 ü 🎉'
    const events = [
      sampleEvent({
        target: { type: 'user', id: strange, name: strange },
        metadata: { bb: 1.5, a: [strange, null], é: {} },
      }),
      sampleEvent({ changes: { before: { n: 1e21 }, after: null }, context: { ip: '::1', user_agent: strange } }),
    ]
    await createEventWriter(pool).insert(events.map((event) => ({ ...event, id: randomUUID() }) as EventWithId))
    await pool.query('SELECT barometer_audit.seal(7)')
    await sealer.tick()
    const { rows: places } = await pool.query(`
      SELECT sequence, e.*, metadata::text AS metadata, changes::text AS changes,
        (extract(epoch FROM e.occurred_at) * 1000000)::bigint AS occurred, (extract(epoch FROM e.recorded_at) * 1000000)::bigint AS recorded
      FROM barometer_audit.event_seal s JOIN barometer_audit.event e USING (id) ORDER BY sequence`)
    const { rows: batches } = await pool.query(
      'SELECT *, (extract(epoch FROM sealed_at) * 1000000)::bigint AS sealed FROM barometer_audit.seal_batch ORDER BY number',
    )
    expect(places).toHaveLength(20)
    let chain: Buffer = Buffer.alloc(32)
    for (const batch of batches) {
      const own = places.filter(
        ({ sequence }) =>
          Number(sequence) >= Number(batch.first_sequence) && Number(sequence) <= Number(batch.last_sequence),
      )
      const rowsHash = sha256(...own.map(rowHash))
      chain = sha256(
        chain,
        ...[batch.number, batch.first_sequence, batch.last_sequence, batch.sealed].map(eightBytes),
        rowsHash,
      )
      expect(chain.toString('hex')).toBe(batch.chain_hash.toString('hex'))
    }
  })
})

function sha256(...parts: Buffer[]): Buffer {
  return createHash('sha256').update(Buffer.concat(parts)).digest()
}

function eightBytes(value: string): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(value))
  return bytes
}

function rowHash(row: Record<string, string>): Buffer {
  const fields = [
    'actor_type',
    'actor_id',
    'actor_name',
    'actor_email',
    'action',
    'target_type',
    'target_id',
    'target_name',
  ]
  const further = ['outcome', 'ip', 'user_agent', 'request_id', 'trace_id']
  const items = [
    '1',
    row.occurred,
    ...[...fields, ...further].map((name) => JSON.stringify(row[name] ?? null)),
    row.metadata ?? 'null',
    row.changes ?? 'null',
  ]
  const content = sha256(Buffer.from(`[${items.join(', ')}]`))
  const id = Buffer.from(String(row.id).replaceAll('-', ''), 'hex')
  return sha256(eightBytes(row.sequence ?? ''), id, eightBytes(row.recorded ?? ''), content)
}
