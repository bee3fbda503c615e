import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { type RunningS3, startS3 } from '../../demo/stack/s3.ts'
import { createServiceRegistry } from '../../lib/service-metrics.ts'
import { readSettings } from '../../lib/settings.ts'
import { type AuditTestbed, openAuditTestbed, sampleEvent, withRole } from '../../testing/audit-api/testbed.ts'
import { barometer, oneLine } from '../../testing/cli.ts'
import { createDatabase, type TestDatabase, testDirectory } from '../../testing/database.ts'
import { createEventWriter, type EventWithId } from '../events/event-writer.ts'
import { openObjectStore } from '../storage/object-store.ts'
import { type Anchors, createAnchors } from './anchors.ts'
import { createChainFigures } from './figures.ts'
import { startChainKeeper } from './keeper.ts'
import { createSealer } from './sealer.ts'

let s3: RunningS3
let database: TestDatabase
let bed: AuditTestbed
let anchors: Anchors
let environment: Record<string, string>

beforeAll(async () => {
  s3 = await startS3({ directory: testDirectory('s3'), bucket: 'audit' })
})
afterAll(async () => {
  await s3.stop()
})
beforeEach(async () => {
  database = await createDatabase()
  environment = {
    AUDIT_DATABASE_URL: withRole(database.url, 'barometer_audit'),
    AUDIT_S3_PREFIX: randomUUID(),
    S3_ENDPOINT: s3.url,
    S3_BUCKET: s3.bucket,
    S3_ACCESS_KEY_ID: s3.accessKeyId,
    S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
  }
  const store = openObjectStore(readSettings(environment))
  if (store === undefined) throw new Error('S3 is not set')
  anchors = createAnchors(store)
  bed = await openAuditTestbed(database.url, { anchors })
  return async () => {
    store.client.destroy()
    await bed.close()
    await database.drop()
  }
})

const silent = pino({ level: 'silent' })
const seal = () => createSealer(bed.service, silent, () => new Date()).tick()
const write = (count: number) =>
  createEventWriter(bed.service).insert(
    Array.from({ length: count }, () => ({ ...sampleEvent(), id: randomUUID() }) as EventWithId),
  )
const tamper = (statement: string) =>
  database.pool.query(`BEGIN; SET LOCAL session_replication_role = replica; ${statement}; COMMIT`)
const changeEvent = `UPDATE barometer_audit.event SET actor_id = 'eve' WHERE id = (SELECT id FROM barometer_audit.event_seal WHERE sequence = 3)`

async function verified() {
  const { rows } = await bed.owner.query(
    "SELECT outcome, actor_id, metadata FROM barometer_audit.event WHERE action = 'audit.verify' ORDER BY recorded_at",
  )
  return rows
}

interface Kept {
  stop(): Promise<void>
  figure(name: string): Promise<number | undefined>
  lines: Record<string, unknown>[]
}

function keep(now: () => Date = () => new Date()): Kept {
  const registry = createServiceRegistry()
  const lines: Record<string, unknown>[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) })
  const keeper = startChainKeeper({
    ...{
      pool: bed.service,
      writer: createEventWriter(bed.service),
      figures: createChainFigures(registry),
      anchors,
      log,
      now,
    },
    ...{ sealEveryMs: 50, verifyEveryMs: 200 },
  })
  return {
    lines,
    stop: () => keeper.stop(),
    figure: async (name) => {
      const line = (await registry.metrics()).split('\n').find((text) => text.startsWith(`${name} `))
      return line === undefined ? undefined : Number(line.split(' ')[1])
    },
  }
}

test('the service seals by itself, shows head and validity, logs the head, and finds a change and its mending', async () => {
  const kept = keep(() => new Date('2026-03-01T12:00:00Z'))
  const wait = { timeout: 15_000, interval: 100 }
  await write(10)
  await vi.waitFor(async () => expect(await kept.figure('audit_chain_head_sequence')).toBe(10), wait)
  await vi.waitFor(async () => expect(await kept.figure('audit_chain_valid')).toBe(1), wait)
  expect(await kept.figure('audit_unsealed_events')).toBe(0)
  await tamper(changeEvent)
  await vi.waitFor(async () => expect(await kept.figure('audit_chain_valid')).toBe(0), wait)
  expect(kept.lines.find((line) => line.msg === 'the chain does not hold')).toMatchObject({ finding: { sequence: 3 } })
  await tamper("UPDATE barometer_audit.event SET actor_id = 'ada'")
  await new Promise((done) => setTimeout(done, 600))
  // A look at the newest rows takes nothing back; a whole one does, by the command.
  expect(await kept.figure('audit_chain_valid')).toBe(0)
  const { rows } = await bed.owner.query(
    'SELECT count(*)::int AS count FROM barometer_audit.verification WHERE NOT valid',
  )
  expect(rows[0].count).toBe(1)
  expect((await barometer(['audit', 'verify'], environment)).exitCode).toBe(0)
  await vi.waitFor(async () => expect(await kept.figure('audit_chain_valid')).toBe(1), wait)
  // The command's own event is sealed by the next tick.
  await vi.waitFor(async () => expect(await kept.figure('audit_chain_head_sequence')).toBe(11), wait)
  await kept.stop()
  const heads = kept.lines.filter((line) => line.msg === 'the chain has a new head')
  expect(heads.at(-1)).toMatchObject({ sequence: 11, hash: expect.stringMatching(/^[0-9a-f]{64}$/) })
})

test('at night the whole log is verified once, and that is an event', async () => {
  await write(5)
  await seal()
  const kept = keep(() => new Date('2026-03-01T03:00:00Z'))
  await vi.waitFor(async () => expect(await verified()).toHaveLength(1), { timeout: 15_000 })
  await new Promise((done) => setTimeout(done, 600))
  await kept.stop()
  expect(await verified()).toMatchObject([
    { outcome: 'success', actor_id: 'barometer-audit-api', metadata: { whole: true, valid: true } },
  ])
})

test('the head is anchored once a day, and an end that was cut off is found by it, also by the command', async () => {
  await write(5)
  await seal()
  const kept = keep(() => new Date('2026-03-01T12:00:00Z'))
  await vi.waitFor(async () => expect(await anchors.newest()).toHaveLength(1), { timeout: 15_000 })
  await kept.stop()
  expect(await anchors.newest()).toMatchObject([{ sequence: 5 }])
  expect(
    await anchors.keepDaily({ batch: 9, sequence: 9, chainHash: '0'.repeat(64) }, new Date('2026-03-01T13:00:00Z')),
  ).toBe(false)
  expect(JSON.parse((await barometer(['audit', 'verify', '--json'], environment)).stdout)).toMatchObject({
    ...{ valid: true, complete: true, whole: true, anchors_compared: 1, finding: null },
  })
  await tamper('TRUNCATE barometer_audit.event_seal, barometer_audit.seal_batch')
  await seal()
  const found = await barometer(['audit', 'verify'], environment)
  expect([found.exitCode, found.stderr]).toEqual([1, ''])
  expect(found.stdout).toMatch(/^the chain does not hold: (changed|removed) batch: .*anchor .*2026-03-01/)
})

test('with the bucket away, sealing goes on and the command says so in one line', async () => {
  await write(5)
  const closed = { ...environment, S3_ENDPOINT: 'http://127.0.0.1:1' }
  expect(oneLine(await barometer(['audit', 'verify'], closed), 1)).toMatch(/^S3_BUCKET: the anchors cannot be read/)
  const { S3_ENDPOINT: _1, S3_BUCKET: _2, S3_ACCESS_KEY_ID: _3, S3_SECRET_ACCESS_KEY: _4, ...without } = environment
  expect((await barometer(['audit', 'verify'], without)).stdout).toBe('nothing is sealed yet\n')
  expect(oneLine(await barometer(['audit', 'verify', '--from', 'x'], without), 2)).toContain('--from is "x"')
})

test('GET /v1/audit/verify is for readers, names what it found, and is an event itself', async () => {
  await write(20)
  await seal()
  const reader = { authorization: `Bearer ${bed.token({ scopes: ['read'] })}` }
  const get = (url: string, headers: Record<string, string> = reader) =>
    bed.server.inject({ method: 'GET', url, headers })
  const answer = await get('/v1/audit/verify?whole=true')
  expect([answer.statusCode, answer.json()]).toEqual([
    200,
    {
      ...{ valid: true, complete: true, whole: true, first_sequence: 1, last_sequence: 20, next_sequence: null },
      ...{ head: { sequence: 20, batch: 1, chain_hash: expect.any(String) }, anchors_compared: 0, finding: null },
    },
  ])
  await tamper(changeEvent)
  expect((await get('/v1/audit/verify')).json()).toMatchObject({
    valid: false,
    finding: {
      kind: 'changed',
      what: 'event',
      sequence: 3,
      detail: 'the event of sequence 3 is not what was sealed',
    },
  })
  expect((await get('/v1/audit/verify?from_sequence=0')).statusCode).toBe(400)
  expect((await get('/v1/audit/verify?other=1')).statusCode).toBe(400)
  const grafana = bed.token({ scopes: ['read', 'export'], grafana: true, auditReaders: ['ada'] })
  const person = (login: string) => ({ authorization: `Bearer ${grafana}`, 'x-panel-user': login })
  expect((await get('/v1/audit/verify', person('bob'))).statusCode).toBe(403)
  expect((await get('/v1/audit/verify', person('ada'))).statusCode).toBe(200)
  expect(
    (await get('/v1/audit/verify', { authorization: `Bearer ${bed.token({ scopes: ['admin'] })}` })).statusCode,
  ).toBe(403)
  expect((await verified()).map((event) => event.outcome)).toEqual(['success', 'failure', 'failure'])
})
