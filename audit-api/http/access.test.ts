import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AuditTestbed, openAuditTestbed, sampleEvent } from '../../testing/audit-api/testbed.ts'
import { createDatabase } from '../../testing/database.ts'

let database: Awaited<ReturnType<typeof createDatabase>>
let bed: AuditTestbed

beforeAll(async () => {
  database = await createDatabase()
  bed = await openAuditTestbed(database.url)
})
afterAll(async () => {
  await bed.close()
  await database.drop()
})

const get = (headers: Record<string, string | string[]>, url = '/v1/audit/events') =>
  bed.server.inject({ method: 'GET', url, headers })
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

describe('tokens', () => {
  test('without one, or with a wrong one, the answer is a 401 that says what was expected', async () => {
    const good = bed.token({ scopes: ['read'] })
    expect((await get(bearer(good))).statusCode).toBe(200)
    const cases = [
      {},
      bearer(`${good}x`),
      bearer(good.slice(0, -1)),
      { authorization: good },
      { authorization: `Basic ${good}` },
    ]
    for (const headers of cases) {
      const answer = await get(headers)
      expect(answer.statusCode).toBe(401)
      expect(answer.headers['www-authenticate']).toContain('Bearer')
      expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8')
    }
    expect((await get({}, `/v1/audit/events?token=${good}`)).statusCode).toBe(401)
  })

  test('each scope opens its own routes and no other', async () => {
    const requests = [
      { scope: 'ingest', method: 'POST', url: '/v1/audit/events', payload: sampleEvent() },
      { scope: 'read', method: 'GET', url: '/v1/audit/events' },
      { scope: 'export', method: 'GET', url: '/v1/audit/events.csv?q=nothing' },
    ] as const
    for (const scope of ['ingest', 'read', 'export', 'admin'] as const) {
      const headers = bearer(bed.token({ scopes: [scope] }))
      for (const { scope: needed, ...request } of requests) {
        const answer = await bed.server.inject({ ...request, headers })
        expect(answer.statusCode < 300, `${scope} at ${request.url}`).toBe(scope === needed)
        if (scope !== needed) expect(answer.statusCode).toBe(403)
      }
    }
  })

  test('every refused token is an event, and a flood of them cannot fill the log', async () => {
    const count = async () => {
      const { rows } = await bed.owner.query(
        "SELECT count(*)::int AS count FROM barometer_audit.event WHERE action = 'token.refuse' AND actor_id = 'unknown'",
      )
      return rows[0].count as number
    }
    const before = await count()
    expect(before).toBeGreaterThan(0)
    await get(bearer('no-such-token'))
    expect(await count()).toBe(before + 1)
    const statuses = await Promise.all(Array.from({ length: 100 }, async () => (await get(bearer('x'))).statusCode))
    for (const status of statuses) expect([401, 429]).toContain(status)
    expect(await count()).toBeLessThanOrEqual(60)
    const { rows } = await bed.owner.query(
      "SELECT metadata::text FROM barometer_audit.event WHERE metadata::text LIKE '%no-such-token%'",
    )
    expect(rows).toEqual([])
  })

  test('a token that asks too often is told to pause, and another one is not', async () => {
    const busy = bearer(bed.token({ scopes: ['read'], requestsPerMinute: 3 }))
    const statuses = []
    for (let tries = 0; tries < 4; tries += 1) statuses.push((await get(busy)).statusCode)
    expect(statuses).toEqual([200, 200, 200, 429])
    const refused = await get(busy)
    expect(refused.json()).toMatchObject({ status: 429, title: 'Too Many Requests' })
    expect(refused.headers['retry-after']).toBeDefined()
    expect((await get(bearer(bed.token({ scopes: ['read'] })))).statusCode).toBe(200)
  })
})

describe('an address whose requests have no right token', () => {
  const from = async (remoteAddress: string, headers: Record<string, string>) =>
    await bed.server.inject({ method: 'GET', url: '/v1/audit/events', headers, remoteAddress })

  test('is told to pause after 60 in a minute, which refuses nobody who has one', async () => {
    const statuses = []
    for (let tries = 0; tries < 60; tries += 1) {
      statuses.push((await from('192.0.2.1', tries % 2 === 0 ? {} : bearer(`bar_${tries}`))).statusCode)
    }
    expect(new Set(statuses)).toEqual(new Set([401]))
    for (const headers of [{}, bearer('bar_x'), { authorization: 'Basic YTpi' }]) {
      const answer = await from('192.0.2.1', headers)
      expect([answer.statusCode, answer.json().title]).toEqual([429, 'Too Many Requests'])
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
      expect(Number(answer.headers['retry-after'])).toBeLessThanOrEqual(60)
    }
    expect((await from('192.0.2.1', bearer(bed.token({ scopes: ['read'] })))).statusCode).toBe(200)
    expect((await from('192.0.2.1', bearer(bed.token({ scopes: ['ingest'] })))).statusCode).toBe(403)
    expect((await from('192.0.2.2', bearer('bar_x'))).statusCode).toBe(401)
  })

  test('is the /64 of IPv6, which one machine has to choose from', async () => {
    for (let tries = 0; tries < 60; tries += 1) await from(`2001:db8:1:2::${tries.toString(16)}`, {})
    expect((await from('2001:db8:1:2:ffff::1', {})).statusCode).toBe(429)
    expect((await from('2001:db8:1:3::1', {})).statusCode).toBe(401)
  })

  test('goes on being recorded: a flood cannot hide in it', async () => {
    const { rows } = await bed.owner.query(
      "SELECT count(*)::int AS n FROM barometer_audit.event WHERE action = 'token.refuse' AND ip = '192.0.2.1'",
    )
    expect(rows[0].n).toBeGreaterThan(0)
  })
})

describe("the person behind Grafana's token", () => {
  const literal = '$' + '{__user.login}'
  const grafana = (auditReaders: string[]) =>
    bearer(bed.token({ scopes: ['read', 'export'], grafana: true, auditReaders }))

  test.each<[string, Record<string, string | string[]>, string[], number]>([
    ['an audit reader by a panel', { 'x-panel-user': 'ada' }, ['ada'], 200],
    ['somebody else', { 'x-panel-user': 'bob' }, ['ada'], 403],
    ['a viewer who adds a header of his own behind', { 'x-panel-user': ['bob', 'ada'] }, ['ada'], 403],
    ['a viewer who names himself as the proxy would', { 'x-panel-user': 'bob', 'x-grafana-user': 'ada' }, ['ada'], 403],
    ['an audit reader by the proxy', { 'x-panel-user': literal, 'x-grafana-user': 'ada' }, ['ada'], 200],
    ['somebody else by the proxy', { 'x-panel-user': literal, 'x-grafana-user': 'bob' }, ['ada'], 403],
    ['the proxy without a login', { 'x-panel-user': literal }, ['*'], 403],
    ['the anonymous', { 'x-panel-user': '' }, ['*'], 403],
    ['no header at all', {}, ['*'], 403],
    ['everybody who is logged in, where * is set', { 'x-panel-user': 'carl' }, ['*'], 200],
    ['nobody, where no reader is set', { 'x-panel-user': 'ada' }, [], 403],
    ['two values of X-Grafana-User', { 'x-panel-user': literal, 'x-grafana-user': ['ada', 'bob'] }, ['*'], 400],
    ['two values in one line', { 'x-panel-user': literal, 'x-grafana-user': 'ada, bob' }, ['*'], 400],
  ])('%s', async (_who, headers, readers, status) => {
    const answer = await get({ ...grafana(readers), ...headers })
    expect(answer.statusCode, answer.body).toBe(status)
  })

  test('cannot ingest, and exports under the own name', async () => {
    const headers = { ...grafana(['ada']), 'x-panel-user': literal, 'x-grafana-user': 'ada' }
    const ingest = await bed.server.inject({ method: 'POST', url: '/v1/audit/events', headers, payload: sampleEvent() })
    expect(ingest.statusCode).toBe(403)
    expect((await get(headers, '/v1/audit/events.csv?q=mine')).statusCode).toBe(200)
    const { rows } = await bed.owner.query(
      "SELECT actor_type, actor_id FROM barometer_audit.event WHERE action = 'audit.export' AND metadata #>> '{filter,q}' = 'mine'",
    )
    expect(rows).toEqual([{ actor_type: 'admin', actor_id: 'ada' }])
  })
})

describe('what is open', () => {
  test('health, figures and the documentation need no token; what is not there is a 404', async () => {
    for (const url of ['/livez', '/readyz', '/metrics', '/openapi.json', '/docs/']) {
      expect((await get({}, url)).statusCode, url).toBe(200)
    }
    const missing = await get({}, '/v1/audit/nothing')
    expect([missing.statusCode, missing.json().title]).toEqual([404, 'Not Found'])
  })

  test('the documentation describes each route with its token and its refusals', async () => {
    const { paths, openapi } = (await get({}, '/openapi.json')).json()
    expect(openapi).toBe('3.1.0')
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining([
        '/v1/audit/events',
        '/v1/audit/events.csv',
        '/v1/audit/verify',
        '/v1/errors',
        '/v1/errors/groups',
      ]),
    )
    expect(Object.keys(paths['/v1/audit/events'].post.responses)).toEqual(
      expect.arrayContaining(['200', '201', '400', '401', '403', '409', '413', '429', '503']),
    )
    expect(paths['/v1/audit/events'].get.parameters.map((parameter: { name: string }) => parameter.name)).toContain(
      'cursor',
    )
  })

  test('answers carry the headers of a careful service', async () => {
    const { headers } = await get(bearer(bed.token({ scopes: ['read'] })))
    expect(headers['x-content-type-options']).toBe('nosniff')
    expect(headers['content-security-policy']).toBeDefined()
    expect(headers['access-control-allow-origin']).toBeUndefined()
  })
})
