import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AuditTestbed, openAuditTestbed, sampleError } from '../../testing/audit-api/testbed.ts'
import { createDatabase } from '../../testing/database.ts'

let database: Awaited<ReturnType<typeof createDatabase>>
let bed: AuditTestbed
let ingest: Record<string, string>
let reader: Record<string, string>

beforeAll(async () => {
  database = await createDatabase()
  bed = await openAuditTestbed(database.url)
  ingest = { authorization: `Bearer ${bed.token({ scopes: ['ingest'] })}`, 'content-type': 'application/json' }
  reader = { authorization: `Bearer ${bed.token({ scopes: ['read'] })}` }
})
afterAll(async () => {
  await bed.close()
  await database.drop()
})

const send = (payload: unknown, headers = ingest) =>
  bed.server.inject({
    method: 'POST',
    url: '/v1/errors',
    headers,
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  })
const get = async (path: string, headers: Record<string, string | string[]> = reader) => {
  const answer = await bed.server.inject({ method: 'GET', url: `/v1/errors${path}`, headers })
  return { status: answer.statusCode, ...answer.json() }
}
const count = async () => {
  const { rows } = await bed.owner.query('SELECT count(*)::int AS count FROM barometer_audit.error')
  return rows[0].count as number
}
const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()

describe('what is reported', () => {
  test('one error or many are stored as they are, but for their secrets, and listed newest first', async () => {
    const error = {
      occurred_at: '2026-01-01T00:00:00Z',
      service: 'reported',
      type: 'TimeoutError',
      message: 'no answer for ada@example.com, order ORD-2026-0001',
      route: '/users/:id?token=abc123def',
      status: 504,
      trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
      stack: 'TimeoutError: card 4242424242424242\n    at call (postgres://app:hunter2@db/x)',
    }
    const times = [ago(3), ago(1), ago(2)]
    expect((await send({ ...error, occurred_at: times[0] })).json()).toEqual({ stored: 1, duplicates: 0 })
    const answer = await send(times.slice(1).map((time) => ({ ...error, occurred_at: time })))
    expect([answer.statusCode, answer.json()]).toEqual([201, { stored: 2, duplicates: 0 }])
    const { items, next_cursor: cursor } = await get('?service=reported')
    expect(cursor).toBeNull()
    expect(items.map((item: { occurred_at: string }) => item.occurred_at.slice(0, 23))).toEqual(
      [times[1], times[2], times[0]].map((time) => time?.slice(0, 23)),
    )
    expect(items[0]).toMatchObject({
      service: 'reported',
      type: 'TimeoutError',
      message: 'no answer for [masked e-mail], order ORD-2026-0001',
      route: '/users/:id?token=[masked secret]',
      status: 504,
      trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
      stack: 'TimeoutError: card [masked card]\n    at call (postgres://app:[masked secret]@db/x)',
      fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
    })
    const { rows } = await bed.owner.query(
      "SELECT count(*)::int AS count FROM barometer_audit.error AS e WHERE e::text ~ 'hunter2|ada@|4242|abc123def'",
    )
    expect(rows).toEqual([{ count: 0 }])
  })

  test('in every field of text secrets are masked', async () => {
    const secret = `ghp_${'16C7e42F292c6912E7710c838347Ae178B4a'}`
    for (const field of ['service', 'type', 'message', 'route', 'trace_id', 'stack']) {
      expect((await send(sampleError({ service: 'masked', [field]: secret }))).statusCode, field).toBe(201)
    }
    const { rows } = await bed.owner.query(
      "SELECT count(*)::int AS count FROM barometer_audit.error AS e WHERE e::text LIKE '%ghp\\_%'",
    )
    expect(rows).toEqual([{ count: 0 }])
  })

  test('text at its greatest size is stored, also where its masks are longer than what they mask', async () => {
    const stack = 'a@b.co '.repeat(2_857)
    const message = '\u{1f4a5}a@b.co'.repeat(444).padEnd(4_000, '\u{1f4a5}')
    expect((await send(sampleError({ service: 'large', message, stack }))).statusCode).toBe(201)
    const { items } = await get('?service=large')
    expect(items[0].stack.length).toBeLessThanOrEqual(20_000)
    expect(items[0].stack).toMatch(/^(\[masked e-mail\] )+/)
  })

  test('an error that is sent again with its id is stored once; without one it is another', async () => {
    const error = sampleError({ id: randomUUID(), service: 'again' })
    const answers = [await send(error), await send([error, error, sampleError({ service: 'again' })])]
    expect(answers.map((answer) => [answer.statusCode, answer.json()])).toEqual([
      [201, { stored: 1, duplicates: 0 }],
      [201, { stored: 1, duplicates: 2 }],
    ])
    const repeated = await send(error)
    expect([repeated.statusCode, repeated.json()]).toEqual([200, { stored: 0, duplicates: 1 }])
    expect((await get('?service=again')).items).toHaveLength(2)
  })

  const without = (field: string) => Object.fromEntries(Object.entries(sampleError()).filter(([key]) => key !== field))
  test.each<[string, () => unknown, string]>([
    ['no service', () => without('service'), 'service'],
    ['no message', () => without('message'), 'message'],
    ['an empty message', () => sampleError({ message: '' }), 'message'],
    ['a message too long', () => sampleError({ message: 'x'.repeat(4_001) }), 'message'],
    ['a stack too long', () => sampleError({ stack: 'x'.repeat(20_001) }), 'stack'],
    ['a route too long', () => sampleError({ route: 'x'.repeat(501) }), 'route'],
    ['a type with a space', () => sampleError({ type: 'My Error' }), 'type'],
    ['a service of strange characters', () => sampleError({ service: 'a{b}' }), 'service'],
    ['a status that is none', () => sampleError({ status: 42 }), 'status'],
    ['an unknown field', () => sampleError({ level: 'fatal' }), 'level'],
    ['a time without its offset', () => sampleError({ occurred_at: '2026-01-01T00:00:00' }), 'occurred_at'],
    ['a time of long ago', () => sampleError({ occurred_at: ago(29 * 1_440 + 1) }), 'occurred_at'],
    ['a time of tomorrow', () => sampleError({ occurred_at: ago(-61) }), 'occurred_at'],
    ['a NUL', () => sampleError({ message: 'a\0b' }), 'message'],
    ['half of a surrogate pair', () => sampleError({ stack: 'a\ud800' }), 'stack'],
    ['an id that is none', () => sampleError({ id: '1' }), 'id'],
    ['the third of a batch', () => [sampleError(), sampleError(), sampleError({ type: '' })], 'errors[2].type'],
    ['nothing', () => [], 'errors'],
    ['too many', () => Array.from({ length: 1_001 }, () => 1), 'errors'],
    ['text', () => '"x"', 'error'],
  ])('%s is refused by name, and nothing of it is stored', async (_what, payload, field) => {
    const before = await count()
    const answer = await send(payload())
    expect([answer.statusCode, answer.json().field, answer.headers['content-type']]).toEqual([
      400,
      field,
      'application/problem+json; charset=utf-8',
    ])
    expect(await count()).toBe(before)
  })

  test('a body over 1 MiB is refused', async () => {
    expect((await send(`[${' '.repeat(1_048_576)}]`)).statusCode).toBe(413)
  })
})

describe('what is read', () => {
  const services = ['one', 'two', 'three']
  beforeAll(async () => {
    const errors = Array.from({ length: 120 }, (_, index) =>
      sampleError({
        service: `read-${services[index % 3]}`,
        type: index % 4 === 0 ? 'RareError' : 'CommonError',
        message: index % 8 === 0 ? `fault A number ${index}` : `fault B of 'thing ${index}'`,
        // Two at every moment, so that the order of ties matters at every page's edge.
        occurred_at: ago(600 - Math.floor(index / 2)),
      }),
    )
    expect((await send(errors)).statusCode).toBe(201)
  })
  const expected = async (where: string) => {
    const { rows } = await bed.owner.query<{ id: string }>(
      `SELECT id FROM barometer_audit.error WHERE service LIKE 'read-%' AND (${where}) ORDER BY occurred_at DESC, id DESC`,
    )
    return rows.map((row) => row.id)
  }
  const all = 'service=read-one,read-two,read-three'

  test('by service, type, fingerprint and time, in pages of any size', async () => {
    const { items } = await get(`/groups?${all}&by=fingerprint`)
    const { fingerprint } = items[0].example
    const range = `from=${ago(590)}&to=${ago(560)}`
    const cases: [string, string][] = [
      [all, 'true'],
      ['service=read-one', "service = 'read-one'"],
      [`${all}&type=RareError`, "type = 'RareError'"],
      [`${all}&type=RareError&type=CommonError`, 'true'],
      [`${all}&type=__all`, 'true'],
      [`fingerprint=${fingerprint}`, `fingerprint = '${fingerprint}'`],
      [`${all}&${range}`, `occurred_at >= '${ago(590)}' AND occurred_at < '${ago(560)}'`],
    ]
    for (const [query, where] of cases) {
      for (const limit of query === all ? [1, 7, 500] : [50]) {
        const ids: string[] = []
        for (let cursor: string | null = ''; cursor !== null; ) {
          const page = await get(`?${query}&limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`)
          ids.push(...page.items.map((item: { id: string }) => item.id))
          cursor = page.next_cursor
        }
        expect(ids.length, query).toBeGreaterThan(0)
        if (!query.includes('from=')) expect(ids, `${query} by ${limit}`).toEqual(await expected(where))
      }
    }
  })

  test('grouped by type and by fault, with counts, first and last, and the newest as an example', async () => {
    const byType = await get(`/groups?${all}`)
    expect(byType).toMatchObject({ groups: 6, errors: 120 })
    expect(byType.items.map((item: { count: number }) => item.count)).toEqual([30, 30, 30, 10, 10, 10])
    const { items } = await get('/groups?service=read-one&by=fingerprint')
    const { rows } = await bed.owner.query(`
      SELECT type, fingerprint, count(*)::int AS count, min(occurred_at) AS first, max(occurred_at) AS last
      FROM barometer_audit.error WHERE service = 'read-one' GROUP BY 1, 2 ORDER BY count DESC`)
    expect(items).toHaveLength(rows.length)
    for (const item of items) {
      const row = rows.find((found) => found.fingerprint === item.example.fingerprint && found.type === item.type)
      expect(item.count).toBe(row?.count)
      expect(new Date(item.first_seen)).toEqual(row?.first)
      expect(new Date(item.last_seen)).toEqual(row?.last)
      expect(item.example).toMatchObject({ service: 'read-one', occurred_at: item.last_seen })
    }
    const short = await get(`/groups?${all}&limit=2`)
    expect([short.items.length, short.groups, short.errors]).toEqual([2, 6, 120])
    expect(await get('/groups?service=nobody')).toMatchObject({ items: [], groups: 0, errors: 0 })
  })

  test.each([
    ['?limit=501', 'limit'],
    ['?cursor=x', 'cursor'],
    ['?q=x', 'q'],
    ['?from=yesterday', 'from'],
    ['?type=%00', 'type'],
    ['/groups?by=day', 'by'],
    ['/groups?cursor=x', 'cursor'],
  ])('%s is refused by name', async (path, field) => {
    expect(await get(path)).toMatchObject({ status: 400, field })
  })

  test('a cursor of another filter is refused', async () => {
    const { next_cursor: cursor } = await get(`?${all}&limit=1`)
    expect(await get(`?limit=1&cursor=${cursor}`)).toMatchObject({ status: 400, field: 'cursor' })
  })
})

describe('who may', () => {
  test('report with ingest, read with read, and nothing with the other', async () => {
    expect((await send(sampleError(), reader)).statusCode).toBe(403)
    expect((await send(sampleError(), { 'content-type': 'application/json' })).statusCode).toBe(401)
    for (const path of ['', '/groups']) {
      expect((await get(path, ingest)).status).toBe(403)
      expect((await get(path, {})).status).toBe(401)
      expect((await get(path)).status).toBe(200)
    }
  })

  test('through Grafana audit readers only', async () => {
    const token = bed.token({ scopes: ['read', 'export'], grafana: true, auditReaders: ['ada'] })
    for (const path of ['', '/groups']) {
      const as = async (login: Record<string, string>) =>
        (await get(path, { authorization: `Bearer ${token}`, ...login })).status
      expect(await as({ 'x-panel-user': 'ada' })).toBe(200)
      expect(await as({ 'x-panel-user': 'bob' })).toBe(403)
      expect(await as({})).toBe(403)
    }
    expect((await send(sampleError(), { authorization: `Bearer ${token}` })).statusCode).not.toBe(201)
  })
})
