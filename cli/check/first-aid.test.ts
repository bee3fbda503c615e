import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import getPort from 'get-port'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createSealer } from '../../audit-api/chain/sealer.ts'
import { startPostgres } from '../../demo/stack/postgres.ts'
import { startRedis } from '../../demo/stack/redis.ts'
import { startS3 } from '../../demo/stack/s3.ts'
import { releaseLease, takeLease } from '../../exporter/store/lease.ts'
import { migrateStore } from '../../exporter/store/migrate.ts'
import { createClient, createPool } from '../../lib/postgres.ts'
import { readSettings } from '../../lib/settings.ts'
import { testDirectory } from '../../testing/directory.ts'
import { createPlatformDatabase, type PlatformDatabase } from '../../testing/platform.ts'
import { checkAuditLog } from './audit-log.ts'
import { check } from './check.ts'
import type { ServiceReport } from './report.ts'
import { checkStore } from './store.ts'

let database: PlatformDatabase

beforeAll(async () => {
  database = await createPlatformDatabase()
})
afterAll(() => database.drop())

async function checked(environment: Record<string, string> = {}, now = new Date()) {
  const settings = readSettings({ DATABASE_URL: database.exporterUrl, ...environment }, ['DATABASE_URL'])
  const report = await check(settings, now)
  const of = (service: string, target?: string): ServiceReport | undefined =>
    report.services.find((one) => one.service === service && (target === undefined || one.target === target))
  return { report, of }
}

/** What check says of the store alone; the views are another matter, and cost more. */
async function store(target: string, { url = database.exporterUrl, schema = 'barometer', now = Date.now } = {}) {
  const settings = readSettings({ DATABASE_URL: url, STORE_SCHEMA: schema }, ['DATABASE_URL'])
  const pool = createPool({ connectionString: url, applicationName: 'test', connectionsMax: 1 })
  try {
    return (await checkStore(pool, settings, now)).find((one) => one.target === target)
  } finally {
    await pool.end()
  }
}

async function auditLog(url = database.auditUrl) {
  return (await checkAuditLog(readSettings({ AUDIT_DATABASE_URL: url })))[0]
}

test('a fresh platform is good, and so is one with an exporter', async () => {
  const { report, of } = await checked()
  expect(report.good).toBe(true)
  expect(of('store', 'leader')).toMatchObject({ status: 'off' })
  await migrateStore({ DATABASE_URL: database.exporterUrl, STORE_SCHEMA: 'barometer' })
  await database.pool.query("INSERT INTO barometer.snapshot (as_of, written_by, payload) VALUES (now(), 'test', '')")
  const then = await checked()
  expect(then.report.good).toBe(true)
  expect(then.of('store', 'barometer')).toMatchObject({
    status: 'ok',
    detail: expect.stringMatching(/^\d{3}-.*B of/),
  })
})

test('grants that are missing are named with what to run', async () => {
  const role = `${database.name}_poor`
  await database.pool.query(`CREATE ROLE ${role} LOGIN; GRANT USAGE ON SCHEMA barometer_source TO ${role};
    GRANT SELECT ON ALL TABLES IN SCHEMA barometer_source TO ${role}; REVOKE SELECT ON barometer_source.visits FROM ${role}`)
  onTestFinished(async () => void (await database.pool.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)))
  const url = new URL(database.url)
  url.username = role
  const { report, of } = await checked({ DATABASE_URL: url.href })
  expect(report.good).toBe(false)
  expect(report.views.find(({ view }) => view === 'visits')).toMatchObject({
    status: 'broken',
    problems: [expect.stringContaining(`GRANT SELECT ON barometer_source.visits TO ${role}`)],
  })
  expect(of('store', 'barometer')?.detail).toContain(`GRANT USAGE, CREATE ON SCHEMA barometer TO ${role}`)
  expect((await store('elsewhere', { url: url.href, schema: 'elsewhere' }))?.detail).toContain(
    `CREATE SCHEMA elsewhere AUTHORIZATION ${role}`,
  )
  await database.pool.query(`REVOKE USAGE ON SCHEMA barometer_source FROM ${role}`)
  expect((await checked({ DATABASE_URL: url.href })).report.database).toMatchObject({
    status: 'broken',
    detail: expect.stringContaining(`GRANT USAGE ON SCHEMA barometer_source TO ${role}`),
  })
})

test('a store of a newer version, and a leader that writes no figures', async () => {
  const { pool } = database
  await pool.query("INSERT INTO barometer.migration (name, run_on) VALUES ('999-of-tomorrow', now())")
  expect(await store('barometer')).toMatchObject({
    status: 'broken',
    detail: expect.stringContaining('999-of-tomorrow'),
  })
  await pool.query(`DELETE FROM barometer.migration WHERE name = '999-of-tomorrow';
    UPDATE barometer.snapshot SET as_of = now() - interval '1 hour'`)
  expect(await store('leader')).toMatchObject({
    status: 'warning',
    detail: expect.stringMatching(
      /^nobody has led yet; the newest figures are 36\d\d s old; expected an exporter to run$/,
    ),
  })
  const number = await takeLease(pool, 'barometer', { owner: 'a', description: 'host-a, process 7, version 1' })
  expect(await store('leader')).toMatchObject({
    status: 'broken',
    detail: expect.stringMatching(
      /^host-a, process 7, version 1 leads since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00, its lease 1 ends in \d+ s unless renewed; the newest figures are 36\d\d s old; the leader lives, so its log says why$/,
    ),
  })
  await releaseLease(pool, 'barometer', 'a', number ?? '')
  expect(await store('leader')).toMatchObject({
    status: 'warning',
    detail: expect.stringMatching(/^nobody leads, and host-a, process 7, version 1 did last; /),
  })
  await pool.query('UPDATE barometer.snapshot SET as_of = now()')
})

test('an exporter of a version before the lease is named, and no role without rights passes for the leader', async () => {
  const role = `${database.name}_stranger`
  await database.pool.query(`CREATE ROLE ${role} LOGIN`)
  onTestFinished(async () => void (await database.pool.query(`DROP ROLE ${role}`)))
  const url = new URL(database.url)
  url.username = role
  const stranger = createClient({ connectionString: url.href, applicationName: 'test' })
  await stranger.connect()
  const { rows } = await stranger.query(
    "SELECT pg_backend_pid() AS pid, pg_advisory_lock(x'6261726f'::int, hashtext('barometer'))",
  )
  expect(await store('leader')).toMatchObject({
    status: 'ok',
    detail: expect.stringContaining(
      `nobody leads, and host-a, process 7, version 1 did last; session ${rows[0].pid} holds the lock by which versions before the lease lead`,
    ),
  })
  await stranger.end()
})

test('clocks that differ', async () => {
  const { status, detail } = (await store('clock', { now: () => Date.now() + 60_000 })) ?? {}
  expect({ status, detail }).toEqual({ status: 'warning', detail: expect.stringMatching(/\d\d s behind ours/) })
  expect((await store('clock'))?.status).toBe('ok')
})

test('an audit log without its schema, with events that nobody seals, and with a chain that does not hold', async () => {
  expect(await auditLog()).toMatchObject({
    status: 'ok',
    detail: 'all sealed, head at sequence 0',
  })
  await database.pool.query(
    `SELECT barometer_audit.record('{"type": "admin", "id": "ada", "name": "Ada"}', 'user.ban', '{"type": "user", "id": "1"}')`,
  )
  expect(await auditLog()).toMatchObject({
    status: 'broken',
    detail: expect.stringContaining('1 events have no place in the chain'),
  })
  const service = createPool({ connectionString: database.auditUrl, applicationName: 'test', connectionsMax: 1 })
  await createSealer(service, pino({ level: 'silent' }), () => new Date()).tick()
  await service.end()
  expect((await auditLog())?.status).toBe('ok')
  await database.pool.query(`INSERT INTO barometer_audit.verification (first_sequence, last_sequence, whole, valid, finding)
    VALUES (1, 1, true, false, '{"detail": "the event of sequence 1 is not there"}')`)
  expect((await auditLog())?.detail).toContain('the event of sequence 1 is not there')
  await database.pool.query("DELETE FROM barometer_audit.migration WHERE name = '009-erasure'")
  expect((await auditLog())?.detail).toContain('the migration 009-erasure was not run; expected barometer migrate')
  expect(await auditLog(database.exporterUrl)).toMatchObject({
    status: 'broken',
    detail: expect.stringContaining('expected the role barometer_audit'),
  })
})

test('settings of Redis, S3, RunPod and ComfyUI that are wrong are each named', async () => {
  const [s3, redis] = await Promise.all([
    startS3({ directory: testDirectory('s3'), bucket: 'images' }),
    startRedis({ directory: testDirectory('redis') }),
  ])
  const keyRefused = createServer((_, response) => void response.writeHead(401).end()).listen(0, '127.0.0.1')
  onTestFinished(async () => {
    keyRefused.close()
    await Promise.all([s3.stop(), redis.stop()])
  })
  await expect.poll(() => keyRefused.listening).toBe(true)
  const nowhere = `127.0.0.1:${await getPort({ host: '127.0.0.1' })}`
  const runpod = `http://127.0.0.1:${(keyRefused.address() as AddressInfo).port}`
  const keys = { S3_ACCESS_KEY_ID: s3.accessKeyId, S3_SECRET_ACCESS_KEY: s3.secretAccessKey }
  const wrongRedis = new URL(redis.url)
  wrongRedis.password = 'wrong'
  const { report, of } = await checked({
    ...{ S3_ENDPOINT: s3.url, S3_BUCKET: 'not-there', ...keys },
    ...{ REDIS_URL: `redis://${nowhere}`, QUEUES: 'generation' },
    ...{
      RUNPOD_API_KEY: 'wrong',
      RUNPOD_ENDPOINT_IDS: 'main=abc',
      RUNPOD_SERVERLESS_URL: runpod,
      RUNPOD_API_URL: runpod,
    },
    COMFYUI_URLS: `gpu-1=http://${nowhere}`,
  })
  expect(report.good).toBe(false)
  const details = Object.fromEntries(
    report.services.filter(({ status }) => status === 'broken').map((one) => [one.service, one.detail]),
  )
  expect(details).toEqual({
    s3: expect.stringMatching(/bucket|404/i),
    redis: expect.stringMatching(/refused|nothing listens/i),
    queue: expect.any(String),
    runpod: expect.stringMatching(/401|key/i),
    comfyui: expect.stringMatching(/refused|nothing listens/i),
  })
  expect(of('queue', 'generation')?.status).toBe('broken')
})

test('a database that is fed by a replication which does not run, or is behind', async () => {
  const postgres = await startPostgres({
    directory: testDirectory('postgres'),
    settings: { wal_level: 'logical', shared_buffers: '16MB' },
  })
  onTestFinished(() => postgres.stop())
  const at = (name: string) => new URL(`/${name}`, postgres.url).href
  const run = async (name: string, ...statements: string[]) => {
    const client = createClient({ connectionString: at(name), applicationName: 'test' })
    await client.connect()
    try {
      for (const statement of statements) await client.query(statement)
    } finally {
      await client.end()
    }
  }
  await run('postgres', 'CREATE DATABASE source', 'CREATE DATABASE reporting')
  const table = 'CREATE TABLE thing (n int PRIMARY KEY)'
  await run(
    'source',
    table,
    'CREATE PUBLICATION p FOR TABLE thing',
    "SELECT pg_create_logical_replication_slot('platform', 'pgoutput')",
  )
  await run(
    'reporting',
    table,
    `CREATE SUBSCRIPTION platform CONNECTION '${at('source')}' PUBLICATION p WITH (create_slot = false, copy_data = false)`,
  )
  const replication = () => store('replication', { url: at('reporting') })
  await expect.poll(replication, { timeout: 10_000 }).toMatchObject({ status: 'ok' })
  await run('reporting', 'ALTER SUBSCRIPTION platform DISABLE')
  await expect.poll(replication, { timeout: 10_000 }).toMatchObject({
    status: 'warning',
    detail: 'the subscription platform does not run; expected it to be enabled and its publisher to answer',
  })
})
