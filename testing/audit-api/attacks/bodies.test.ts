import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseJson } from '../../../audit-api/http/json-body.ts'
import { createDatabase } from '../../database.ts'
import { type AuditTestbed, openAuditTestbed, sampleEvent } from '../testbed.ts'

let database: Awaited<ReturnType<typeof createDatabase>>
let bed: AuditTestbed
let token: string

beforeAll(async () => {
  database = await createDatabase()
  bed = await openAuditTestbed(database.url)
  token = bed.token({ scopes: ['ingest'] })
})
afterAll(async () => {
  await bed.close()
  await database.drop()
})

/** To every route that takes a body. */
async function sendEverywhere(payload: string | Buffer, headers: Record<string, string> = {}) {
  const paths = bed.contract.operations.filter(({ method }) => method === 'POST').map(({ path }) => path)
  expect(paths.length).toBeGreaterThan(0)
  return await Promise.all(
    paths.map((url) =>
      bed.server.inject({
        method: 'POST',
        url,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
        payload,
      }),
    ),
  )
}

const event = (metadata: string) => JSON.stringify(sampleEvent({ metadata: 'HERE' })).replace('"HERE"', metadata)
const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`

describe('bodies that JavaScript would mend, or break on, are refused with the field named', () => {
  test.each<[string, string | Buffer, string]>([
    ['a key twice', event('{"role": "user", "role": "admin"}'), 'role'],
    ['a key twice, once escaped', event('{"role": 1, "r\\u006fle": 2}'), 'role'],
    ['a key twice far within', event('{"a": [{"b": {"c": 1, "d": "\\\\\\":", "c": 1}}]}'), 'c'],
    ['the whole event twice', `{"outcome": "success", ${JSON.stringify(sampleEvent()).slice(1)}`, 'outcome'],
    ['__proto__ in metadata', event('{"__proto__": {"isAdmin": true}}'), '__proto__'],
    ['__proto__ escaped', event('{"a": {"__proto\\u005f_": 1}}'), '__proto__'],
    ['__proto__ twice', event('{"__proto__": 1, "__proto__": 2}'), '__proto__'],
    ['10,000 levels of objects', event(deep(10_000)), 'body'],
    ['10,000 levels of lists', `${'['.repeat(10_000)}${']'.repeat(10_000)}`, 'body'],
    ['500,000 brackets that are never closed', '['.repeat(500_000), 'body'],
    [
      'bytes that are no UTF-8',
      Buffer.concat([Buffer.from('{"a": "'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]),
      'body',
    ],
    [
      'UTF-8 of a surrogate',
      Buffer.concat([Buffer.from('{"a": "'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')]),
      'body',
    ],
    ['UTF-16', Buffer.from(JSON.stringify(sampleEvent()), 'utf16le'), 'body'],
  ])('%s', async (_what, payload, field) => {
    for (const answer of await sendEverywhere(payload)) {
      expect([answer.statusCode, answer.json().field], answer.body).toEqual([400, field])
      expect(answer.body.length).toBeLessThan(500)
    }
  })

  test('100,000 items, before any of them is looked at', async () => {
    const begun = performance.now()
    for (const answer of await sendEverywhere(`[${'{},'.repeat(99_999)}{}]`)) {
      expect([answer.statusCode, answer.json().detail]).toEqual([400, expect.stringContaining('100000 items')])
    }
    expect(performance.now() - begun).toBeLessThan(1_000)
  })

  test.each([
    ['NUL', '{"a": {"b": "x\\u0000"}}', 'metadata.a.b'],
    ['NUL in a key', '{"a\\u0000": 1}', 'metadata.a?'],
    ['half of a surrogate pair', '{"a": "\\udc00\\ud800"}', 'metadata.a'],
    ['half of a pair in a key', '{"\\ud800": 1}', 'metadata.?'],
    ['a number beyond all', '{"a": 1e999}', 'metadata.a'],
  ])('%s in an event', async (_what, metadata, field) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const answer = await bed.server.inject({
      method: 'POST',
      url: '/v1/audit/events',
      headers,
      payload: event(metadata),
    })
    expect([answer.statusCode, answer.json().field]).toEqual([400, field])
  })

  test('a compressed bomb is refused unread: 200 MB in 200 kB', async () => {
    const bomb = gzipSync(Buffer.alloc(200_000_000, 0x20))
    const before = process.memoryUsage().rss
    for (const encoding of ['gzip', 'deflate', 'br', 'GZIP, gzip', 'x']) {
      for (const answer of await sendEverywhere(bomb, { 'content-encoding': encoding })) {
        expect([answer.statusCode, answer.json().field]).toEqual([415, 'Content-Encoding'])
      }
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(50_000_000)
    for (const answer of await sendEverywhere('{"a"', { 'content-encoding': 'identity' })) {
      expect(answer.statusCode).toBe(400)
    }
  })

  test('nothing of it was stored', async () => {
    const { rows } = await bed.service.query('SELECT count(*)::int AS count FROM barometer_audit.event')
    expect(rows).toEqual([{ count: 0 }])
  })
})

test('what is right is read as it is: the same names in different objects, colons and quotes in text', () => {
  for (const text of [
    '{"a": {"a": ":\\"\\\\"}, "b": [{"a": 1}, {"a": 2}], "": "{\\"a\\": 1}", "\\\\": 1}',
    '1',
    '"x"',
    'null',
  ]) {
    expect(parseJson(Buffer.from(text))).toEqual(JSON.parse(text))
  }
  expect(parseJson(Buffer.from('\ufeff{"a":1}'))).toEqual({ a: 1 })
})

test('what is no JSON is told by its place and not by its words', () => {
  expect(() => parseJson(Buffer.from('{"password": "hunter2\n'))).toThrow(
    /^body is no JSON at line 1 column \d+; expected JSON$/,
  )
})

test('a batch of 1,000 events is looked through in less than 20 ms', () => {
  const body = Buffer.from(
    JSON.stringify(Array.from({ length: 1_000 }, () => sampleEvent({ metadata: { a: { b: 1 } } }))),
  )
  const times = Array.from({ length: 20 }, () => {
    const begun = performance.now()
    parseJson(body)
    return performance.now() - begun
  })
  expect(times.sort((one, other) => one - other)[10]).toBeLessThan(20)
})
