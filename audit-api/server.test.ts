import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readSettings } from '../lib/settings.ts'
import { sampleEvent, withRole } from '../testing/audit-api/testbed.ts'
import { createDatabase, type TestDatabase, testDirectory } from '../testing/database.ts'
import { migrateAudit } from './migrations/migrate.ts'
import { type AuditApiOptions, startAuditApi } from './server.ts'
import { addToken } from './tokens/tokens.ts'

let database: TestDatabase
let directory: string
let token: string
const log = pino({ level: 'silent' })

beforeAll(async () => {
  database = await createDatabase()
  await migrateAudit(database.url)
  directory = testDirectory('audit-api')
  token = addToken(join(directory, 'tokens.json'), { name: 'all', scopes: ['ingest', 'read', 'export'] }).token
})
afterAll(async () => {
  await database.drop()
})

function options(url: string, serving: Partial<AuditApiOptions['serving']> = {}): AuditApiOptions {
  const environment = { AUDIT_DATABASE_URL: url, AUDIT_TOKENS_FILE: join(directory, 'tokens.json') }
  return {
    settings: readSettings(environment, ['AUDIT_DATABASE_URL', 'AUDIT_TOKENS_FILE']),
    serving: { listen: { host: '127.0.0.1', port: 0 }, ...serving },
    log,
  }
}

test('it starts, is ready, takes an event, and stops without leaving a connection', async () => {
  const api = await startAuditApi(options(withRole(database.url, 'barometer_audit')))
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  expect((await fetch(`${api.address}/readyz`)).status).toBe(200)
  const body = JSON.stringify(sampleEvent())
  expect((await fetch(`${api.address}/v1/audit/events`, { method: 'POST', headers, body })).status).toBe(201)
  const list = await (await fetch(`${api.address}/v1/audit/events`, { headers })).json()
  expect(list).toMatchObject({ total: 1 })
  await api.stop()
  await expect(fetch(`${api.address}/livez`)).rejects.toThrow()
  // The server's side of a connection ends a moment after ours.
  await expect
    .poll(async () => {
      const { rows } = await database.pool.query(
        "SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = 'barometer-audit-api' AND datname = current_database()",
      )
      return rows[0].count
    })
    .toBe(0)
})

test('with the database away it lives, is not ready, and says so without a word of its insides', async () => {
  const api = await startAuditApi(options('postgres://nobody:secret@127.0.0.1:1/none'))
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  expect((await fetch(`${api.address}/livez`)).status).toBe(200)
  expect((await fetch(`${api.address}/readyz`)).status).toBe(503)
  const requests = [
    fetch(`${api.address}/v1/audit/events`, { headers }),
    fetch(`${api.address}/v1/audit/events.csv`, { headers }),
    fetch(`${api.address}/v1/audit/events`, { method: 'POST', headers, body: JSON.stringify(sampleEvent()) }),
  ]
  for (const answer of await Promise.all(requests)) {
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5'])
    const text = await answer.text()
    expect(text).not.toMatch(/secret|127\.0\.0\.1|ECONN|at .*\.ts/)
  }
  await api.stop()
})

test('a schema that was not migrated is not ready, and what fails then is a 500 without its words', async () => {
  const empty = await createDatabase()
  const api = await startAuditApi(options(withRole(empty.url, 'barometer_audit')))
  expect((await fetch(`${api.address}/readyz`)).status).toBe(503)
  const answer = await fetch(`${api.address}/v1/audit/events`, { headers: { authorization: `Bearer ${token}` } })
  expect(answer.status).toBe(500)
  expect(await answer.text()).not.toContain('barometer_audit')
  await api.stop()
  await empty.drop()
})

test('the password of the flag guards the figures and leaves the tokens to the API', async () => {
  const basicAuthFile = join(directory, 'password')
  writeFileSync(basicAuthFile, 'prometheus:s3cret\n')
  const api = await startAuditApi(options(withRole(database.url, 'barometer_audit'), { basicAuthFile }))
  const basic = { authorization: `Basic ${Buffer.from('prometheus:s3cret').toString('base64')}` }
  for (const spelling of ['metrics', 'metrics?x', '%6Detrics', 'metric%73']) {
    expect((await fetch(`${api.address}/${spelling}`)).status, spelling).toBe(401)
  }
  expect((await fetch(`${api.address}/metrics`, { headers: basic })).status).toBe(200)
  expect((await fetch(`${api.address}/livez`)).status).toBe(200)
  const listed = await fetch(`${api.address}/v1/audit/events`, { headers: { authorization: `Bearer ${token}` } })
  expect(listed.status).toBe(200)
  await api.stop()
})

test('a port in use and a tokens file that is not there are one line each', async () => {
  const api = await startAuditApi(options(database.url))
  const listen = { host: '127.0.0.1', port: Number(new URL(api.address).port) }
  await expect(startAuditApi(options(database.url, { listen }))).rejects.toThrow(/^AUDIT_LISTEN: [^\n]+in use/)
  const missing = options(database.url)
  missing.settings.AUDIT_TOKENS_FILE = join(directory, 'none.json')
  await expect(startAuditApi(missing)).rejects.toThrow(/^AUDIT_TOKENS_FILE [^\n]+$/)
  await api.stop()
})
