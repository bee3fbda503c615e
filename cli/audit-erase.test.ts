import { randomUUID } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSealer } from '../audit-api/chain/sealer.ts'
import { verifyChain } from '../audit-api/chain/verify.ts'
import { reconcileOnce, refreshOnce } from '../exporter/main.ts'
import { createPool } from '../lib/postgres.ts'
import { readSettings } from '../lib/settings.ts'
import { type AuditTestbed, openAuditTestbed, sampleEvent, withRole } from '../testing/audit-api/testbed.ts'
import { barometer, oneLine } from '../testing/cli.ts'
import { createPlatformDatabase, type PlatformDatabase } from '../testing/platform.ts'

/** Everything that names her, in whatever table it stands. */
const id = 'usr_90210456'
const platformId = 9_021_045_699
const person = { type: 'admin', id, name: 'Grace "Amazing" Hopper', email: 'grace.hopper@example.com' }
const traces = /90210456|hopper|amazing|\bgrace\b|198\.51\.100\.7|old@mail\.example|HopperBrowser/i

let database: PlatformDatabase
let bed: AuditTestbed

beforeAll(async () => {
  database = await createPlatformDatabase()
  bed = await openAuditTestbed(database.url)
})
afterAll(async () => {
  await bed.close()
  await database.drop()
})

const log = pino({ level: 'silent' })
const seal = () => createSealer(bed.service, log, () => new Date()).tick()
const send = async (url: string, payload: object) => {
  const headers = { authorization: `Bearer ${bed.token({ scopes: ['ingest'] })}` }
  expect((await bed.server.inject({ method: 'POST', url, headers, payload })).statusCode).toBe(201)
}
const byHand = () => ({ settings: readSettings({ DATABASE_URL: database.exporterUrl }, ['DATABASE_URL']), log })
const environment = () => ({ AUDIT_DATABASE_URL: database.url, DATABASE_URL: database.exporterUrl })

/** Rows of every table of ours, and the figures of every snapshot, in which anything of her stands. */
async function found(): Promise<string[]> {
  const { rows: tables } = await database.pool.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN ('barometer', 'barometer_audit') ORDER BY 1`,
  )
  const where: string[] = []
  for (const { name } of tables) {
    const { rows } = await database.pool.query<{ said: string }>(`SELECT to_jsonb(t)::text AS said FROM ${name} AS t`)
    for (const { said } of rows) {
      const payload: string = JSON.parse(said).payload ?? ''
      const figures = payload.startsWith('\\x') ? gunzipSync(Buffer.from(payload.slice(2), 'hex')).toString() : ''
      if (traces.test(said) || traces.test(figures)) where.push(name)
    }
  }
  return where
}

/** Her life in the platform and in the log, with things of others between, one of which names her. */
async function live(): Promise<void> {
  await database.pool.query(`
    INSERT INTO platform.users (id, created_at, updated_at, country, signup_source, visitor_id, kind) OVERRIDING SYSTEM VALUE
      VALUES (${platformId}, now() - interval '40 days', now() - interval '3 hours', 'DE', 'direct', 'v-hopper', 'customer');
    INSERT INTO platform.visits (visitor_id, visited_at) VALUES ('v-hopper', now() - interval '41 days');
    INSERT INTO platform.sessions (user_id, started_at) VALUES (${platformId}, now() - interval '2 days');
    INSERT INTO platform.generations (user_id, created_at, finished_at, updated_at, status, type, quality, aspect_ratio, scene)
      VALUES (${platformId}, now(), now(), now(), 'succeeded', 'studio', 'hq', '1:1', 'beach')`)
  const context = { ip: '198.51.100.7', user_agent: 'HopperBrowser/1.0', request_id: 'of-grace-1' }
  await send('/v1/audit/events', [
    ...[1, 2, 3].map(() => sampleEvent()),
    ...[1, 2].map((n) => sampleEvent({ actor: person, context, metadata: { note: `by ${person.name}`, n } })),
    sampleEvent({
      target: { type: 'user', id, name: person.name },
      changes: { before: { email: 'old@mail.example' }, after: { email: person.email } },
    }),
    sampleEvent({
      metadata: {
        'GRACE.HOPPER@example.com': [{ user_id: id, more: `see ${person.name}, please` }],
        kept: 'gracefully',
      },
    }),
    // Another's id that is the same number as something else of it.
    sampleEvent({ target: { type: 'generation', id: '42', name: 'a hop' }, metadata: { count: 42 } }),
  ])
  const occurred = new Date(Date.now() - 60_000).toISOString()
  const error = { service: 'platform-api', type: 'TimeoutError', stack: `at user ${id}` }
  await send('/v1/errors', [
    { ...error, occurred_at: occurred, message: `no answer for ${person.name} of ${id}`, route: `/users/${id}` },
    { occurred_at: occurred, service: 'platform-api', type: 'TimeoutError', message: 'no answer' },
  ])
  await bed.owner.query('SELECT barometer_audit.record_visit($1, $2, $3, $4, $5, now())', [
    ...[`person ${id}`, 'barometer-audit', JSON.stringify({ actor: ['x'] }), id, 'grafana'],
  ])
  await bed.owner.query('SELECT barometer_audit.record_visit($1, $2, $3, $4, $5, now())', [
    ...['person bob', 'barometer-audit', JSON.stringify({ actor: [id] }), 'bob', 'grafana'],
  ])
}

test('of an erased person nothing is left in any table of ours, in lists, exports or figures, and the chain holds', {
  timeout: 180_000,
}, async () => {
  await live()
  await seal()
  expect((await refreshOnce(byHand())).failures.size).toBe(0)
  const before = new Set(await found())
  for (const table of [
    'barometer_audit.dashboard_visit',
    'barometer_audit.analytics_event',
    'barometer.rollup_state_user',
  ])
    if (!table.includes('rollup')) expect(before).toContain(table)
  expect([...before].filter((table) => table.startsWith('barometer.rollup_')).length).toBeGreaterThan(1)
  const anchor = (await seal()).head
  if (anchor === undefined) throw new Error('nothing is sealed')

  const flags = ['audit', 'erase', '--person', id, '--also', 'of-grace-1', 'v-hopper', String(platformId)]
  const said = (await barometer([...flags, '--dry-run'], environment())).stdout
  expect(said).toContain('would erase 4 events, 1 errors, 3 analytics events, 2 visits of boards')
  expect(said).toContain('grace.hopper@example.com')
  expect(new Set(await found())).toEqual(before)

  await database.pool.query(`DELETE FROM platform.sessions WHERE user_id = ${platformId}; DELETE FROM platform.generations WHERE user_id = ${platformId};
    DELETE FROM platform.visits WHERE visitor_id = 'v-hopper'; DELETE FROM platform.users WHERE id = ${platformId}`)
  const ran = await barometer([...flags, '--reason', 'request 17', '--json'], environment())
  const erased = JSON.parse(ran.stdout)
  expect(erased).toMatchObject({ events: 4, errors: 1, analytics_events: 3, visits: 2 })
  await reconcileOnce({ ...byHand(), full: true })
  for (let refreshes = 0; refreshes < 3; refreshes += 1) expect((await refreshOnce(byHand())).text).not.toMatch(traces)
  expect(await found()).toEqual([])

  await seal()
  const verified = await verifyChain(bed.service, { whole: true, anchors: [{ ...anchor, key: 'before' }] })
  expect(verified).toMatchObject({ valid: true, complete: true, anchorsCompared: 1 })
  const headers = { authorization: `Bearer ${bed.token({ scopes: ['read', 'export'] })}` }
  const list = await bed.server.inject({ url: `/v1/audit/events?actor=${erased.pseudonym}`, headers })
  expect(list.json().items).toHaveLength(2)
  expect(list.json().items[0].actor).toEqual({ type: 'admin', id: erased.pseudonym, name: 'erased', email: null })
  const file = (await bed.server.inject({ url: '/v1/audit/events.csv', headers })).body
  expect(file).toContain(erased.pseudonym)
  expect(file).not.toMatch(traces)
  // What only looks like her stays: a word that begins like her name, a number.
  expect(file).toMatch(/gracefully/)
  expect(file).toMatch(/""count"": ?42/)
  const record = await bed.owner.query(
    "SELECT target_id, metadata FROM barometer_audit.event WHERE action = 'audit.erase'",
  )
  expect(record.rows).toEqual([
    { target_id: erased.pseudonym, metadata: expect.objectContaining({ events: 4, reason: 'request 17' }) },
  ])
})

test('what is called an erasure and is none is found, and an erased event cannot be changed again', async () => {
  const tampered = async (statements: string) => {
    const client = await database.pool.connect()
    const pool = createPool({
      connectionString: withRole(database.url, 'barometer_audit'),
      applicationName: 'test',
      connectionsMax: 1,
    })
    try {
      await client.query(`SET session_replication_role = replica; SET search_path = barometer_audit; ${statements}`)
      return (await verifyChain(pool, { whole: true })).finding
    } finally {
      client.release(true)
      await pool.end()
    }
  }
  const hash = (
    of: string,
  ) => `content_hash(${of}.occurred_at, ${of}.actor_type, ${of}.actor_id, ${of}.actor_name, ${of}.actor_email, ${of}.action,
    ${of}.target_type, ${of}.target_id, ${of}.target_name, ${of}.outcome, ${of}.ip, ${of}.user_agent, ${of}.request_id, ${of}.trace_id, ${of}.metadata, ${of}.changes)`
  const of = "(SELECT id FROM event WHERE actor_id LIKE 'erased-%' LIMIT 1)"
  expect(await tampered(`UPDATE event SET actor_name = 'eve' WHERE id = ${of}`)).toMatchObject({
    kind: 'changed',
    what: 'event',
  })
  await tampered(`UPDATE event SET actor_name = 'erased' WHERE id = ${of}`)
  const ada = "(SELECT id FROM event WHERE actor_id IN ('ada', 'eve') ORDER BY id LIMIT 1)"
  const faked = await tampered(`UPDATE event SET actor_id = 'eve' WHERE id = ${ada};
    INSERT INTO event_erasure (id, erasure, content_hash) SELECT e.id, '${randomUUID()}', ${hash('e')} FROM event AS e WHERE e.id = ${ada}`)
  expect(faked).toMatchObject({ kind: 'changed', detail: expect.stringContaining('no event audit.erase records it') })
})

test('the role of the service may not erase, and a reason may not name the person', async () => {
  const service = { AUDIT_DATABASE_URL: withRole(database.url, 'barometer_audit') }
  expect(oneLine(await barometer(['audit', 'erase', '--person', 'ada'], service), 1)).toMatch(
    /expected the owner of the log/,
  )
  const named = await barometer(['audit', 'erase', '--person', 'ada', '--reason', 'for ada'], environment())
  expect(oneLine(named, 2)).toContain('--reason names the person')
})
