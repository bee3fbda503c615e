import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AuditTestbed, openAuditTestbed, sampleEvent } from '../../testing/audit-api/testbed.ts'
import { createDatabase } from '../../testing/database.ts'

let database: Awaited<ReturnType<typeof createDatabase>>
let bed: AuditTestbed
let token: string
const start = Date.UTC(2025, 11, 1)

beforeAll(async () => {
  database = await createDatabase()
  bed = await openAuditTestbed(database.url)
  token = bed.token({ scopes: ['read', 'ingest'] })
  // 300 events in 100 days: three months and a part of a fourth. Ada changed her name, and there are two Bobs.
  const events = Array.from({ length: 300 }, (_, index) =>
    sampleEvent({
      id: randomUUID(),
      occurred_at: new Date(start + index * 8 * 3_600_000).toISOString(),
      actor: [
        { type: 'admin', id: 'ada', name: index < 150 ? 'Ada Byron' : 'Ada Lovelace' },
        { type: 'admin', id: 'bob-1', name: 'Bob' },
        { type: 'admin', id: 'bob-2', name: 'Bob' },
      ][index % 3],
      action: index < 30 ? 'price.change' : 'user.suspend',
      target: { type: index % 50 === 0 ? 'character' : 'user', id: `t${index % 7}` },
      outcome: index % 10 === 0 ? 'failure' : 'success',
    }),
  )
  const answer = await get('POST', '/v1/audit/events', events)
  expect(answer.status, JSON.stringify(answer)).toBe(201)
})
afterAll(async () => {
  await bed.close()
  await database.drop()
})

async function get(method: 'GET' | 'POST', url: string, payload?: unknown[]) {
  const headers = { authorization: `Bearer ${token}` }
  const answer = await bed.server.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) })
  return { ...answer.json(), status: answer.statusCode }
}
const facets = (query: string) => get('GET', `/v1/audit/facets?${query}`)
const pages = (query: string) => get('GET', `/v1/audit/pages?${query}`)

/** What GROUP BY says. */
async function grouped(column: string, where: string): Promise<Record<string, number>> {
  const { rows } = await bed.owner.query<{ value: string; count: number }>(
    `SELECT ${column} AS value, count(*)::int AS count FROM barometer_audit.event WHERE ${where} GROUP BY 1`,
  )
  return Object.fromEntries(rows.map(({ value, count }) => [value, count]))
}

const countsOf = (items: { value: string; count: number }[]) =>
  Object.fromEntries(items.map(({ value, count }) => [value, count]))

describe('facets', () => {
  test.each([
    ['', 'true'],
    ['from=2025-12-05T00:00:00Z', "occurred_at >= '2025-12-05Z'"],
    ['to=2025-12-05T00:00:00Z', "occurred_at < '2025-12-05Z'"],
    [
      'from=2025-12-31T00:00:00Z&to=2026-01-01T00:00:00Z',
      "occurred_at >= '2025-12-31Z' AND occurred_at < '2026-01-01Z'",
    ],
    ['from=2026-01-10T08:00:00Z&to=2026-01-10T08:00:01Z', "occurred_at = '2026-01-10T08:00Z'"],
    ['from=2025-12-01T00:00:00Z&to=2026-02-01T00:00:00Z', "occurred_at < '2026-02-01Z'"],
  ])('are what GROUP BY finds in the range: %s', async (query, where) => {
    const answer = await facets(query)
    expect(answer).toMatchObject({ status: 200, complete: true })
    for (const [list, column] of [
      ['actors', 'actor_id'],
      ['actions', 'action'],
      ['target_types', 'target_type'],
      ['outcomes', 'outcome'],
    ] as const) {
      expect(countsOf(answer[list]), list).toEqual(await grouped(column, where))
    }
  })

  test('an actor is there once, by the newest name of the range; where two share a name the id tells them apart', async () => {
    const texts = async (query: string) => (await facets(query)).actors.map(({ text }: { text: string }) => text)
    expect(await texts('')).toEqual(['Ada Lovelace', 'Bob (bob-1)', 'Bob (bob-2)'])
    expect(await texts('to=2026-01-01T00:00:00Z')).toEqual(['Ada Byron', 'Bob (bob-1)', 'Bob (bob-2)'])
    expect(await texts('from=2040-01-01T00:00:00Z')).toEqual([])
  })

  test('counts are exact to 10,000, and more than 1,000 values are cut and said to be', async () => {
    await bed.owner.query(`INSERT INTO barometer_audit.event (id, occurred_at, actor_type, actor_id, actor_name, action,
        target_type, target_id, outcome)
      SELECT gen_random_uuid(), timestamptz '2026-02-01Z' + n * interval '1 second', 'api_key', 'key-' || n % 1000, 'Key ' || n % 1000,
        'crowd.come', 'place', '1', 'success' FROM generate_series(1, 10001) AS n`)
    const answer = await facets('from=2026-02-01T00:00:00Z&to=2026-03-01T00:00:00Z')
    expect(answer.complete).toBe(false)
    expect(answer.actors).toHaveLength(1_000)
    expect(answer.target_types).toContainEqual({ value: 'place', text: 'place', count: '10000+' })
    expect(answer.actions).toContainEqual({ value: 'user.suspend', text: 'user.suspend', count: 84 })
    await bed.owner.query("DELETE FROM barometer_audit.event WHERE action = 'crowd.come' AND actor_id <> 'key-1'")
  })

  test('another parameter is refused by name', async () => {
    expect(await facets('actor=ada')).toMatchObject({ status: 400, field: 'actor' })
    expect(await facets('from=yesterday')).toMatchObject({ status: 400, field: 'from' })
  })
})

describe('pages', () => {
  const where = 'actor=ada,bob-1,bob-2&to=2026-03-11T00:00:00Z'

  test('every page is there once, and its number asks for it in the list', async () => {
    const { items, status } = await pages(`${where}&limit=70`)
    expect(status).toBe(200)
    expect(items).toEqual([
      { label: '1', page: 0 },
      { label: '2', page: 1 },
      { label: '3', page: 2 },
      { label: '4', page: 3 },
      { label: '5', page: 4 },
    ])
    const ids: string[] = []
    for (const { page } of items) {
      const list = await get('GET', `/v1/audit/events?${where}&limit=70&page=${page}`)
      ids.push(...list.items.map(({ id }: { id: string }) => id))
    }
    expect(new Set(ids).size).toBe(300)
    const byOffset = await get('GET', `/v1/audit/events?${where}&limit=70&offset=140`)
    expect(byOffset.items.map(({ id }: { id: string }) => id)).toEqual(ids.slice(140, 210))
  })

  test('with a page given there are the first, the last and those around it', async () => {
    const { items } = await pages(`${where}&limit=5&page=30`)
    expect(items.map(({ page }: { page: number }) => page)).toEqual([0, 26, 27, 28, 29, 30, 31, 32, 33, 34, 59])
  })

  test('nothing is one empty page; where an offset does not reach all, the last label says so', async () => {
    expect((await pages('actor=nobody')).items).toEqual([{ label: '1', page: 0 }])
    await bed.owner.query(`INSERT INTO barometer_audit.event (id, occurred_at, actor_type, actor_id, actor_name, action,
        target_type, target_id, outcome)
      SELECT gen_random_uuid(), timestamptz '2026-02-01Z' + n * interval '1 second', 'system', 'crowd', 'Crowd',
        'crowd.come', 'place', '1', 'success' FROM generate_series(1, 10001) AS n`)
    const { items } = await pages('actor=crowd&limit=500')
    expect(items.at(-1)).toEqual({ label: '21+', page: 20 })
    expect((await get('GET', '/v1/audit/events?actor=crowd&limit=500&page=20')).items).toHaveLength(1)
    const beyond = await get('GET', '/v1/audit/events?actor=crowd&limit=500&page=21')
    expect(beyond).toMatchObject({ status: 400, field: 'page' })
    expect(beyond.detail).toContain('cursor')
  })

  test('a page goes with no cursor and no offset', async () => {
    const { next_cursor: cursor } = await get('GET', '/v1/audit/events?limit=1')
    for (const other of [`cursor=${cursor}`, 'offset=1']) {
      expect(await get('GET', `/v1/audit/events?limit=1&page=1&${other}`)).toMatchObject({ status: 400, field: 'page' })
    }
    expect(await pages('offset=1')).toMatchObject({ status: 400, field: 'offset' })
  })
})
