import { createHash, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { gunzipSync } from 'node:zlib'
import { GetObjectCommand } from '@aws-sdk/client-s3'
import { from as copyFrom } from 'pg-copy-streams'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type RunningS3, startS3 } from '../../demo/stack/s3.ts'
import { readSettings } from '../../lib/settings.ts'
import { type AuditTestbed, openAuditTestbed, sampleEvent } from '../../testing/audit-api/testbed.ts'
import { createDatabase, type TestDatabase, testDirectory } from '../../testing/database.ts'
import { createSealer } from '../chain/sealer.ts'
import { verifyChain } from '../chain/verify.ts'
import { createEventWriter, type EventWithId } from '../events/event-writer.ts'
import { migrateAudit } from '../migrations/migrate.ts'
import { getText, lastKeys, type ObjectStore, openObjectStore } from '../storage/object-store.ts'
import { retainMonths } from './retention.ts'

const operating = readFileSync(new URL('../../docs/operating.md', import.meta.url), 'utf8')

let s3: RunningS3
let database: TestDatabase
let bed: AuditTestbed
let store: ObjectStore

beforeAll(async () => {
  s3 = await startS3({ directory: testDirectory('s3'), bucket: 'audit' })
})
afterAll(async () => {
  await s3.stop()
})
beforeEach(async () => {
  database = await createDatabase()
  bed = await openAuditTestbed(database.url)
  const opened = openObjectStore(
    readSettings({
      ...{ S3_ENDPOINT: s3.url, S3_BUCKET: s3.bucket, AUDIT_S3_PREFIX: randomUUID() },
      ...{ S3_ACCESS_KEY_ID: s3.accessKeyId, S3_SECRET_ACCESS_KEY: s3.secretAccessKey },
    }),
  )
  if (opened === undefined) throw new Error('S3 is not set')
  store = opened
  return async () => {
    store.client.destroy()
    await bed.close()
    await database.drop()
  }
})

const log = pino({ level: 'silent' })
const seal = () => createSealer(bed.service, log, () => new Date()).tick()
const retain = (months = 2) =>
  retainMonths({
    ...{ pool: bed.service, writer: createEventWriter(bed.service), store, log, months, now: () => new Date() },
  })
const allow = (months: number) => migrateAudit(database.url, { retentionMonths: months })

async function write(month: string, count: number, changes: Record<string, unknown> = {}): Promise<void> {
  const events = Array.from({ length: count }, (_, index) => ({
    ...sampleEvent({ occurred_at: `${month}-03T00:00:00.${String(index).padStart(6, '0')}Z`, ...changes }),
    id: randomUUID(),
  }))
  await createEventWriter(bed.service).insert(events as EventWithId[])
}

const eventsOf = async (month: string): Promise<number> => {
  const { rows } = await bed.owner.query(
    `SELECT count(*)::int AS count FROM barometer_audit.event WHERE to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM') = $1`,
    [month],
  )
  return rows[0].count
}

async function object(key: string): Promise<Buffer> {
  const { Body: body } = await store.client.send(new GetObjectCommand({ Bucket: store.bucket, Key: key }))
  return Buffer.from((await body?.transformToByteArray()) ?? [])
}

/** What the statements of docs/operating.md say of a file, run as the role of the service. */
async function readBack(csv: string): Promise<unknown> {
  const [make, judge] = operating.matchAll(/```sql\n([^`]+)```/g).map(([, sql]) => sql)
  if (make === undefined || judge === undefined) throw new Error('docs/operating.md has no such statements')
  const client = await bed.service.connect()
  try {
    await client.query(make)
    await pipeline(
      Readable.from([csv]),
      client.query(copyFrom('COPY archived FROM STDIN WITH (FORMAT csv, HEADER true)')),
    )
    return (await client.query(judge)).rows[0]
  } finally {
    client.release(true)
  }
}

test('old months go to S3 whole and are taken out, the chain still holds, and the file can be recomputed', async () => {
  const now = new Date()
  const recent = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 2, 1)).toISOString().slice(0, 7)
  await write('2024-01', 30, { metadata: { text: 'a "quoted",\nline', n: 1 } })
  await write('2024-02', 20)
  await write(recent, 10)
  await seal()
  await allow(2)
  expect(await retain()).toEqual(['2024-01', '2024-02'])
  expect([await eventsOf('2024-01'), await eventsOf('2024-02'), await eventsOf(recent)]).toEqual([0, 0, 10])
  await seal()
  expect(await verifyChain(bed.service, { whole: true })).toMatchObject({
    valid: true,
    complete: true,
    finding: undefined,
  })
  const keys = await lastKeys(store, `${store.prefix}months/`, 10)
  expect(keys).toHaveLength(4)
  const manifest = JSON.parse(await getText(store, keys[1] ?? ''))
  expect(manifest).toMatchObject({
    ...{ version: 1, month: '2024-01', rows: 30, first_sequence: 1, last_sequence: 30, object_key: keys[0] },
    chain: { before: null, after: { sequence: 60, chain_hash: expect.stringMatching(/^[0-9a-f]{64}$/) } },
  })
  const file = await object(manifest.object_key)
  expect(createHash('sha256').update(file).digest('hex')).toBe(manifest.sha256)
  const text = gunzipSync(file).toString()
  expect(text.split('\n')[0]).toBe(manifest.columns.join(','))
  const hashes = await bed.owner.query(
    "SELECT encode(row_hash, 'hex') AS hash FROM barometer_audit.event_seal WHERE sequence <= 30",
  )
  for (const { hash } of hashes.rows) expect(text).toContain(hash)
  expect(await readBack(text)).toEqual({ rows: '30', sealed: '30' })
  expect(await readBack(text.replace('user.suspend', 'user.praise'))).toEqual({ rows: '30', sealed: '29' })
  const { rows } = await bed.owner.query(
    "SELECT target_id FROM barometer_audit.event WHERE action = 'audit.archive' ORDER BY 1",
  )
  expect(rows).toEqual([{ target_id: '2024-01' }, { target_id: '2024-02' }])
  const identities = await bed.owner.query('SELECT count(*)::int AS count FROM barometer_audit.event_identity')
  expect(identities.rows[0].count).toBe(62)
  expect(await retain()).toEqual([])
})

test('a month of which a person was erased goes to S3 as what is left, and is verified there too', async () => {
  await write('2024-01', 5, { metadata: { by: 'Ada Lovelace' } })
  await seal()
  await bed.owner.query(`SELECT barometer_audit.erase_person('ada', '{}', '{user,admin}', 'erased-1',
    '{"type": "system", "id": "test", "name": "test"}', NULL, gen_random_uuid())`)
  await seal()
  await allow(2)
  expect(await retain()).toEqual(['2024-01'])
  await seal()
  expect(await verifyChain(bed.service, { whole: true })).toMatchObject({ valid: true, complete: true })
  const [key = ''] = await lastKeys(store, `${store.prefix}months/`, 2)
  const text = gunzipSync(await object(key)).toString()
  expect(text).not.toContain('Lovelace')
  expect(await readBack(text)).toEqual({ rows: '5', sealed: '5' })
})

test('a late event of a month that is gone is taken in, sealed, and taken out in a part of its own', async () => {
  const headers = { authorization: `Bearer ${bed.token({ scopes: ['ingest'] })}` }
  const send = async (count: number) => {
    const payload = Array.from({ length: count }, () => sampleEvent({ occurred_at: '2024-01-05T00:00:00Z' }))
    return (await bed.server.inject({ method: 'POST', url: '/v1/audit/events', headers, payload })).statusCode
  }
  expect(await send(5)).toBe(201)
  await seal()
  await allow(2)
  await retain()
  // The service still knows the month as one that is there.
  expect(await send(3)).toBe(201)
  await seal()
  expect(await eventsOf('2024-01')).toBe(3)
  expect((await verifyChain(bed.service, { whole: true })).finding).toBeUndefined()
  expect(await retain()).toEqual(['2024-01'])
  await seal()
  expect((await verifyChain(bed.service, { whole: true })).finding).toBeUndefined()
  expect(await lastKeys(store, `${store.prefix}months/2024-01/`, 10)).toHaveLength(4)
})

test('what is not sealed, not allowed, not old enough or not what was sealed stays', async () => {
  await write('2024-01', 5)
  await allow(2)
  await expect(retain()).rejects.toThrow(/have no place yet/)
  await seal()
  const owner = (call: string) => bed.service.query(`SELECT barometer_audit.remove_month(${call})`)
  await expect(owner(`'2024-01-01', 4, 1, 5, 'x', sha256('x')`)).rejects.toThrow(/expected what was written/)
  await expect(owner(`date_trunc('month', now())::date, 0, 0, 0, '', sha256('x')`)).rejects.toThrow(/whole months back/)
  await expect(owner(`'2024-01-02', 5, 1, 5, 'x', sha256('x')`)).rejects.toThrow(/first day/)
  await migrateAudit(database.url)
  await expect(retain()).rejects.toThrow(/allowed it by barometer migrate/)
  await allow(240)
  await expect(retain()).rejects.toThrow(/240 whole months/)
  await allow(2)
  await database.pool.query(`BEGIN; SET LOCAL session_replication_role = replica;
    UPDATE barometer_audit.event SET actor_id = 'eve' WHERE id IN (SELECT id FROM barometer_audit.event_seal WHERE sequence = 2); COMMIT`)
  await expect(retain()).rejects.toThrow(/1 events of 2024-01-01 are not sealed, or not what was sealed/)
  expect(await eventsOf('2024-01')).toBe(5)
})

test('with S3 away, or an object that is not what was written, nothing is taken out', async () => {
  await write('2024-01', 5)
  await seal()
  await allow(2)
  const { client } = store
  const send = client.send.bind(client)
  // The real server, and on the way back one byte that is another: what a broken disk or proxy does.
  const flipped = new Proxy(client, {
    get: (target, name) =>
      name === 'send'
        ? async (command: object) => {
            const answer = await (send as (command: object) => Promise<{ Body?: unknown }>)(command)
            if (!(command instanceof GetObjectCommand)) return answer
            return { Body: { transformToWebStream: () => [Buffer.from('other')] } }
          }
        : Reflect.get(target, name),
  })
  const good = store
  store = { ...good, client: flipped }
  await expect(retain()).rejects.toThrow(/5 bytes of hash/)
  store = good
  await s3.stop()
  await expect(retain()).rejects.toThrow()
  await s3.start()
  expect(await eventsOf('2024-01')).toBe(5)
  expect(await retain()).toEqual(['2024-01'])
})

test('a month that a superuser took out and called archived is found', async () => {
  await write('2024-01', 5)
  await seal()
  await database.pool.query(`BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM barometer_audit.event;
    INSERT INTO barometer_audit.removed_month (month, last_sequence, first_sequence, rows, object_key, sha256)
    VALUES ('2024-01-01', 5, 1, 5, 'x', sha256('x')); COMMIT`)
  expect((await verifyChain(bed.service, { whole: true })).finding).toMatchObject({
    kind: 'removed',
    what: 'event',
    sequence: 1,
  })
})

test('a month that is larger than one part of an upload', async () => {
  // What depends on i is computed anew for each row.
  await bed.owner.query(`DO $$ BEGIN
    FOR i IN 1..20000 LOOP
      PERFORM barometer_audit.record('{"type": "admin", "id": "ada", "name": "Ada"}', 'user.ban', '{"type": "user", "id": "u1"}',
        metadata => jsonb_build_object('noise', (SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 60 + i * 0))),
        occurred_at => timestamptz '2024-01-01Z' + i * interval '1 second');
    END LOOP;
  END $$`)
  await seal()
  await allow(2)
  expect(await retain()).toEqual(['2024-01'])
  const keys = await lastKeys(store, `${store.prefix}months/`, 10)
  const manifest = JSON.parse(await getText(store, keys[1] ?? ''))
  expect(manifest.bytes).toBeGreaterThan(17_000_000)
  expect(
    gunzipSync(await object(manifest.object_key))
      .toString()
      .trimEnd()
      .split('\n'),
  ).toHaveLength(20_001)
  await seal()
  expect((await verifyChain(bed.service, { whole: true })).finding).toBeUndefined()
})
