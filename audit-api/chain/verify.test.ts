import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPool, type Pool } from '../../lib/postgres.ts'
import { sampleEvent, withRole } from '../../testing/audit-api/testbed.ts'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { createEventWriter, type EventWithId } from '../events/event-writer.ts'
import { migrateAudit } from '../migrations/migrate.ts'
import { createSealer } from './sealer.ts'
import { type Finding, type VerifyOptions, verifyChain } from './verify.ts'

let sealed: TestDatabase
const events = 300

beforeAll(async () => {
  sealed = await createDatabase()
  await migrateAudit(sealed.url)
  const pool = servicePool(sealed.url)
  const sealer = createSealer(pool, pino({ level: 'silent' }), () => new Date())
  const writer = createEventWriter(pool)
  for (let batch = 0; batch < 3; batch += 1) {
    await writer.insert(
      Array.from({ length: events / 3 }, () => ({ ...sampleEvent(), id: randomUUID() }) as EventWithId),
    )
    await sealer.tick()
  }
  await pool.end()
  await sealed.pool.end()
})
afterAll(async () => {
  await sealed.drop().catch(() => {})
})

function servicePool(url: string): Pool {
  return createPool({ connectionString: withRole(url, 'barometer_audit'), applicationName: 'test', connectionsMax: 4 })
}

/** A copy of the sealed log, in which a superuser without triggers has run `statements`; then what verification says. */
async function tampered(statements: string, options: Partial<VerifyOptions> = {}): Promise<Finding | undefined> {
  const copy = await createDatabase(sealed.name)
  const pool = servicePool(copy.url)
  try {
    const { rows } = await pool.query(
      "SELECT chain_hash, encode(chain_hash, 'hex') AS hex FROM barometer_audit.seal_batch WHERE number = 3",
    )
    const anchor = { batch: 3, sequence: events, chainHash: rows[0].hex as string, key: 'the-anchor' }
    await copy.pool.query(
      `BEGIN; SET LOCAL session_replication_role = replica; SET LOCAL search_path = barometer_audit, public; ${statements}; COMMIT`,
    )
    const { finding, valid } = await verifyChain(pool, { whole: true, anchors: [anchor], ...options })
    expect(valid).toBe(finding === undefined)
    return finding
  } finally {
    await pool.end()
    await copy.drop()
  }
}

const at = (sequence: number) => `(SELECT id FROM event_seal WHERE sequence = ${sequence})`
const columns = `id, recorded_at, actor_type, actor_id, actor_name, actor_email, action, target_type, target_id, target_name,
  outcome, ip, user_agent, request_id, trace_id, metadata, changes`
const anotherId = "'00000000-0000-4000-8000-000000000001'"

describe('a chain that nobody touched', () => {
  test('is valid from its beginning, from any place, and with its anchor', async () => {
    expect(await tampered('SELECT')).toBeUndefined()
    expect(await tampered('SELECT', { fromSequence: 150, whole: false })).toBeUndefined()
    expect(await tampered('SELECT', { fromSequence: 301 })).toBeUndefined()
  })
})

describe('a superuser with triggers off is found out', () => {
  test.each([
    ['actor_id', "'eve'"],
    ['actor_type', "'system'"],
    ['actor_name', "'Eve'"],
    ['actor_email', 'NULL'],
    ['action', "'user.praise'"],
    ['target_type', "'cat'"],
    ['target_id', "'other'"],
    ['target_name', 'NULL'],
    ['outcome', "'failure'"],
    ['ip', "'10.0.0.1'"],
    ['user_agent', "'x'"],
    ['request_id', "'x'"],
    ['trace_id', "'x'"],
    ['metadata', `'{"a": 1}'`],
    ['changes', `'{"after": 1}'`],
    ['recorded_at', "recorded_at + interval '1 microsecond'"],
  ])('changed %s', async (column, value) => {
    expect(await tampered(`UPDATE event SET ${column} = ${value} WHERE id = ${at(42)}`)).toMatchObject({
      kind: 'changed',
      what: 'event',
      sequence: 42,
    })
  })

  test.each<[string, string, Partial<Finding>]>([
    [
      'an event at another time',
      `UPDATE event SET occurred_at = occurred_at - interval '1 second' WHERE id = ${at(42)}`,
      { kind: 'removed', what: 'event', sequence: 42 },
    ],
    [
      'an event at another time, and its identity too',
      `UPDATE event SET occurred_at = occurred_at - interval '1 second' WHERE id = ${at(42)};
      UPDATE event_identity SET occurred_at = occurred_at - interval '1 second' WHERE id = ${at(42)}`,
      { kind: 'changed', what: 'event', sequence: 42 },
    ],
    ['a removed event', `DELETE FROM event WHERE id = ${at(7)}`, { kind: 'removed', what: 'event', sequence: 7 }],
    [
      'a removed identity',
      `DELETE FROM event_identity WHERE id = ${at(7)}`,
      { kind: 'removed', what: 'identity', sequence: 7 },
    ],
    [
      'a removed event and identity',
      `DELETE FROM event WHERE id = ${at(7)}; DELETE FROM event_identity WHERE id = ${at(7)}`,
      { kind: 'removed', what: 'identity', sequence: 7 },
    ],
    [
      'a changed identity',
      `UPDATE event_identity SET content_hash = sha256('x') WHERE id = ${at(7)}`,
      { kind: 'changed', what: 'identity', sequence: 7 },
    ],
    [
      'an identity of another transaction',
      `UPDATE event_identity SET xact = '3' WHERE id = ${at(7)}`,
      { kind: 'changed', what: 'identity', sequence: 7 },
    ],
    [
      'a removed place',
      `DELETE FROM event_seal WHERE sequence = 150`,
      { kind: 'removed', what: 'place', sequence: 150, batch: 2 },
    ],
    [
      'the first place of a batch removed',
      `DELETE FROM event_seal WHERE sequence = 101`,
      { kind: 'removed', what: 'place', sequence: 101 },
    ],
    [
      'the last places removed',
      `DELETE FROM event_seal WHERE sequence > 290`,
      { kind: 'removed', what: 'place', sequence: 291 },
    ],
    [
      'an event removed with all that stands for it',
      `DELETE FROM event WHERE id = ${at(7)}; DELETE FROM event_identity WHERE id = ${at(7)}; DELETE FROM event_seal WHERE sequence = 7`,
      { kind: 'removed', what: 'place', sequence: 7 },
    ],
    [
      'an event removed and the sequence closed up behind it',
      `DELETE FROM event WHERE id = ${at(7)}; DELETE FROM event_identity WHERE id = ${at(7)};
      DELETE FROM event_seal WHERE sequence = 7; UPDATE event_seal SET sequence = sequence + 1000000 WHERE sequence > 7; UPDATE event_seal SET sequence = sequence - 1000001 WHERE sequence > 1000000`,
      { kind: 'changed', what: 'event', sequence: 7 },
    ],
    [
      'two events that changed places',
      `UPDATE event_seal SET sequence = 999 WHERE sequence = 20; UPDATE event_seal SET sequence = 20 WHERE sequence = 30; UPDATE event_seal SET sequence = 30 WHERE sequence = 999`,
      { kind: 'changed', what: 'event', sequence: 20 },
    ],
    [
      'two events that changed their content',
      `UPDATE event SET target_id = CASE WHEN id = ${at(20)} THEN (SELECT target_id FROM event WHERE id = ${at(30)}) ELSE (SELECT target_id FROM event WHERE id = ${at(20)}) END
      WHERE id IN (${at(20)}, ${at(30)})`,
      { kind: 'changed', what: 'event', sequence: 20 },
    ],
    [
      'a place changed with the event and the identity',
      `UPDATE event SET actor_id = 'eve' WHERE id = ${at(42)};
      UPDATE event_identity i SET content_hash = content_hash(e.occurred_at, e.actor_type, e.actor_id, e.actor_name, e.actor_email, e.action, e.target_type, e.target_id, e.target_name, e.outcome, e.ip, e.user_agent, e.request_id, e.trace_id, e.metadata, e.changes)
        FROM event e WHERE e.id = ${at(42)} AND i.id = e.id;
      UPDATE event_seal s SET row_hash = sha256(int8send(s.sequence) || uuid_send(s.id) || time_bytes(e.recorded_at) || i.content_hash)
        FROM event e, event_identity i WHERE s.sequence = 42 AND e.id = s.id AND i.id = s.id`,
      { kind: 'changed', what: 'batch', batch: 1 },
    ],
    ['a removed batch', `DELETE FROM seal_batch WHERE number = 2`, { kind: 'removed', what: 'batch', batch: 2 }],
    [
      'the first batch removed',
      `DELETE FROM seal_batch WHERE number = 1`,
      { kind: 'removed', what: 'batch', batch: 1 },
    ],
    [
      'a batch of another time',
      `UPDATE seal_batch SET sealed_at = sealed_at - interval '1 day' WHERE number = 2`,
      { kind: 'changed', what: 'batch', batch: 2 },
    ],
    [
      'a batch of another length',
      `UPDATE seal_batch SET last_sequence = 1000000 WHERE number = 2`,
      { kind: 'changed', what: 'batch', batch: 2 },
    ],
    [
      'an inserted place',
      `INSERT INTO event_seal SELECT 301, '5', ${anotherId}, row_hash FROM event_seal WHERE sequence = 1`,
      { kind: 'inserted', what: 'place', sequence: 301 },
    ],
    [
      'an inserted event',
      `INSERT INTO event (occurred_at, ${columns}) SELECT occurred_at + interval '1 minute', ${columns} FROM event WHERE id = ${at(9)}`,
      { kind: 'inserted', what: 'event' },
    ],
    [
      'an inserted event with an identity of an old transaction',
      `INSERT INTO event (occurred_at, ${columns}) SELECT occurred_at, ${columns.replace('id', anotherId)} FROM event WHERE id = ${at(9)};
      INSERT INTO event_identity SELECT ${anotherId}, content_hash, occurred_at, xact FROM event_identity WHERE id = ${at(9)}`,
      { kind: 'inserted', what: 'identity', id: '00000000-0000-4000-8000-000000000001' },
    ],
    [
      'the end cut off',
      `DELETE FROM event WHERE id IN (SELECT id FROM event_seal WHERE sequence > 200); DELETE FROM event_identity WHERE id IN (SELECT id FROM event_seal WHERE sequence > 200);
      DELETE FROM event_seal WHERE sequence > 200; DELETE FROM seal_batch WHERE number = 3`,
      { kind: 'removed', what: 'batch', batch: 3 },
    ],
    [
      'the whole log emptied',
      `TRUNCATE event, event_identity, event_seal, seal_batch`,
      { kind: 'removed', what: 'batch', batch: 3 },
    ],
    [
      'the whole chain written anew',
      `UPDATE seal_batch SET chain_hash = sha256(chain_hash)`,
      { kind: 'changed', what: 'batch', batch: 3 },
    ],
  ])('%s', async (_what, statements, finding) => {
    expect(await tampered(statements)).toMatchObject(finding)
  })
})
