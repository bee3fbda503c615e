import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AuditTestbed, openAuditTestbed } from '../../testing/audit-api/testbed.ts'
import { createDatabase } from '../../testing/database.ts'
import { addressBlock } from './refusals.ts'

let database: Awaited<ReturnType<typeof createDatabase>>
let bed: AuditTestbed
let time = Date.now()

beforeAll(async () => {
  database = await createDatabase()
  bed = await openAuditTestbed(database.url, { now: () => new Date(time) })
})
afterAll(async () => {
  await database.drop()
})

async function ask(token: string, remoteAddress = '192.0.2.1', url = '/v1/audit/events') {
  const headers = { authorization: `Bearer ${token}` }
  return await bed.server.inject({ method: 'GET', url, headers, remoteAddress })
}

/** Of each kind: events, and what their counts add up to. */
async function recorded(ip: string): Promise<{ events: number; refusals: number }> {
  const { rows } = await bed.owner.query(
    `SELECT count(*)::int AS events, coalesce(sum((metadata ->> 'count')::int), 0)::int AS refusals
     FROM barometer_audit.event WHERE action = 'token.refuse' AND ip = $1`,
    [ip],
  )
  return rows[0]
}

test('the first refusals are events at once, a flood is a count at the end of its minute, and none is lost', async () => {
  const statuses = await Promise.all(Array.from({ length: 500 }, async () => (await ask('x')).statusCode))
  for (const status of statuses) expect([401, 429]).toContain(status)
  const meanwhile = await recorded('192.0.2.1')
  expect(meanwhile.events).toBeLessThanOrEqual(10)
  time += 61_000
  await ask('x')
  expect(await recorded('192.0.2.1')).toEqual({ events: meanwhile.events + 2, refusals: 501 })
})

test('a token without the scope is recorded under its own name, with the id of the request', async () => {
  time += 61_000
  const token = bed.token({ name: 'reader', scopes: ['read'] })
  const answer = await ask(token, '192.0.2.2', '/v1/audit/events.csv')
  expect(answer.statusCode).toBe(403)
  const { rows } = await bed.owner.query(
    `SELECT actor_name, target_id, outcome, request_id, metadata -> 'status' AS status, metadata -> 'count' AS count
     FROM barometer_audit.event WHERE action = 'token.refuse' AND ip = '192.0.2.2'`,
  )
  const expected = {
    actor_name: 'reader',
    target_id: '/v1/audit/events.csv',
    outcome: 'failure',
    status: 403,
    count: 1,
  }
  expect(rows).toEqual([{ ...expected, request_id: answer.headers['x-request-id'] }])
})

test('two values of X-Grafana-User are recorded: somebody tried', async () => {
  time += 61_000
  const token = bed.token({ name: 'grafana', scopes: ['read'], grafana: true, auditReaders: ['*'] })
  const headers = { authorization: `Bearer ${token}`, 'x-grafana-user': 'ada,bob' }
  const answer = await bed.server.inject({ url: '/v1/audit/events', headers, remoteAddress: '192.0.2.3' })
  expect([answer.statusCode, answer.json().field]).toEqual([400, 'X-Grafana-User'])
  expect(await recorded('192.0.2.3')).toEqual({ events: 1, refusals: 1 })
})

test('a flood from a thousand addresses stays small in the log and in memory', async () => {
  time += 61_000
  const before = await bed.owner.query(`SELECT count(*)::int AS n FROM barometer_audit.event`)
  for (let index = 0; index < 1_000; index += 1) await ask('x', `198.51.${index >> 8}.${index & 255}`)
  time += 61_000
  await ask('x')
  const { rows } = await bed.owner.query(
    `SELECT count(*)::int AS n, sum((metadata ->> 'count')::int) FILTER (WHERE ip LIKE '198.51.%')::int AS refusals
     FROM barometer_audit.event WHERE action = 'token.refuse'`,
  )
  expect(rows[0].n - before.rows[0].n).toBeLessThanOrEqual(60 + 101 + 1)
  expect(rows[0].refusals).toBe(1_000)
})

test('while the database refuses, the refusals stand and wait, also for the end of the service', async () => {
  time += 61_000
  await bed.owner.query('REVOKE INSERT ON barometer_audit.event FROM barometer_audit')
  for (let tries = 0; tries < 3; tries += 1) expect((await ask('x', '192.0.2.9')).statusCode).toBe(401)
  await bed.owner.query('GRANT INSERT ON barometer_audit.event TO barometer_audit')
  await bed.server.close()
  expect(await recorded('192.0.2.9')).toEqual({ events: 1, refusals: 3 })
  await bed.close()
})

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
])('%s belongs to %s', (ip, block) => {
  expect(addressBlock(ip)).toBe(block)
})
