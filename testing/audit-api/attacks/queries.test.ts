import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { scopes } from '../../../audit-api/tokens/tokens.ts'
import { createPool, type Pool } from '../../../lib/postgres.ts'
import { createDatabase } from '../../database.ts'
import { openRandomPlatform, type RandomPlatform } from '../../random-platform.ts'
import type { Operation } from '../contract.ts'
import { type AuditTestbed, openAuditTestbed, sampleEvent } from '../testbed.ts'

let database: Awaited<ReturnType<typeof createDatabase>>
let bed: AuditTestbed
let platform: RandomPlatform
let store: Pool
let headers: Record<string, string>

beforeAll(async () => {
  database = await createDatabase()
  platform = await openRandomPlatform(0, 'numbers')
  store = createPool({ connectionString: platform.database.url, applicationName: 'test', connectionsMax: 4 })
  const analytics = { store, storeSchema: platform.store }
  bed = await openAuditTestbed(database.url, { requestsPerMinute: 100_000, analytics })
  headers = { authorization: `Bearer ${bed.token({ scopes: [...scopes] })}` }
  const payload = Array.from({ length: 20 }, (_, index) =>
    sampleEvent({ actor: { type: 'admin', id: `a${index % 2}`, name: 'A' } }),
  )
  await bed.server.inject({ method: 'POST', url: '/v1/audit/events', headers, payload })
})
afterAll(async () => {
  await bed.close()
  await store.end()
  await platform.drop()
  await database.drop()
})

const get = (url: string) => bed.server.inject({ url, headers })
const reads = () => bed.contract.operations.filter(({ secured, method }) => secured && method === 'GET')
const urlOf = ({ path }: Operation) => path.replace(/\{\w+\}/g, 'x')

const injections = [
  "' OR '1'='1",
  "'; DROP TABLE barometer_audit.event; --",
  "') UNION SELECT current_user --",
  "\\'; SELECT pg_sleep(10); --",
  '$1',
  '${1}',
  '$$; SELECT pg_sleep(10); $$',
  'a\\',
  "E'\\x27 OR 1=1",
  "1' AND (SELECT pg_sleep(10)) IS NULL --",
]

describe('SQL', () => {
  test.each(injections)('in every parameter of every route is text: %s', async (attack) => {
    for (const operation of reads()) {
      for (const { name } of (operation.description.parameters ?? []).filter((parameter) => parameter.in === 'query')) {
        const begun = performance.now()
        const answer = await get(`${urlOf(operation)}?${name}=${encodeURIComponent(attack)}`)
        const what = `${operation.path} ${name}: ${answer.body.slice(0, 200)}`
        if (answer.statusCode === 503) expect(answer.json().detail, what).toMatch(/^PROMETHEUS_URL is not set/)
        else expect([200, 400, 404], what).toContain(answer.statusCode)
        if (answer.statusCode === 400) expect(answer.json().field, what).toBe(name)
        expect(performance.now() - begun, what).toBeLessThan(5_000)
      }
    }
    const { rows } = await bed.owner.query(
      "SELECT count(*)::int AS n FROM barometer_audit.event WHERE actor_id LIKE 'a_'",
    )
    expect(rows).toEqual([{ n: 20 }])
  })

  test('in the name of a parameter, and two of everything', async () => {
    for (const operation of reads()) {
      const strange = await get(`${urlOf(operation)}?${encodeURIComponent("actor_id = 'a' OR 1=1; --")}=1`)
      expect(strange.statusCode, operation.path).toBe(400)
      for (const { name } of (operation.description.parameters ?? []).filter((parameter) => parameter.in === 'query')) {
        const answer = await get(`${urlOf(operation)}?${name}=x&${name}[]=y&${name}[$ne]=z&__proto__=1`)
        expect([400, 404], `${operation.path} ${name}`).toContain(answer.statusCode)
      }
    }
  })

  test('in an event is text, in every field', async () => {
    for (const attack of injections) {
      const event = sampleEvent({
        actor: { type: 'admin', id: attack, name: attack, email: attack },
        target: { type: attack, id: attack, name: attack },
        context: { user_agent: attack, request_id: attack },
        metadata: { [attack]: attack },
      })
      const stored = await bed.server.inject({ method: 'POST', url: '/v1/audit/events', headers, payload: event })
      expect(stored.statusCode, stored.body).toBe(201)
      const { items } = (await get(`/v1/audit/events?target_id=${encodeURIComponent(attack)}`)).json()
      expect(items).toHaveLength(1)
      expect(items[0]).toMatchObject({ actor: event.actor, target: event.target, metadata: event.metadata })
    }
  })
})

describe('cursors', () => {
  const forge = (parts: unknown) => Buffer.from(JSON.stringify(parts)).toString('base64url')
  const decode = (cursor: string): unknown[] => JSON.parse(Buffer.from(cursor, 'base64url').toString())

  test('one of another filter, a forged and a damaged one are a 400 that names it', async () => {
    const { next_cursor: cursor } = (await get('/v1/audit/events?actor=a0&limit=1')).json()
    const parts = decode(cursor)
    const damaged = parts.flatMap((_, index) =>
      [null, '', "' OR 1=1", 9e99, {}, ['x'], '\u0000'].map((value) => forge(parts.with(index, value))),
    )
    const others = [
      forge([]),
      forge({}),
      forge(null),
      forge('x'),
      'x',
      '=',
      '%00',
      `${cursor}x`.repeat(50),
      forge([1, ...parts]),
    ]
    for (const forged of [...damaged, ...others]) {
      const answer = await get(`/v1/audit/events?actor=a0&limit=1&cursor=${encodeURIComponent(forged)}`)
      expect([answer.statusCode, answer.json().field], Buffer.from(forged, 'base64url').toString()).toEqual([
        400,
        'cursor',
      ])
    }
    for (const filter of ['actor=a1', 'actor=a0&outcome=failure', 'from=2026-01-01T00:00:00Z&actor=a0', '']) {
      const answer = await get(`/v1/audit/events?${filter}&limit=1&cursor=${cursor}`)
      expect([answer.statusCode, answer.json().field], filter).toEqual([400, 'cursor'])
    }
  })

  test('a position that was made up shows nothing that its filter does not', async () => {
    const { next_cursor: cursor } = (await get('/v1/audit/events?actor=a0&limit=1')).json()
    const parts = decode(cursor)
    const place = parts.findIndex((part) => typeof part === 'string' && /^\d{4}-/.test(part))
    const forged = forge(parts.with(place, '2099-01-01T00:00:00.000000Z'))
    const answer = await get(`/v1/audit/events?actor=a0&limit=500&cursor=${forged}`)
    for (const item of answer.json().items ?? []) expect(item.actor.id).toBe('a0')
  })
})
