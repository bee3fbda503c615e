import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AuditTestbed, openAuditTestbed, sampleEvent } from '../../testing/audit-api/testbed.ts'
import { createDatabase } from '../../testing/database.ts'

let database: Awaited<ReturnType<typeof createDatabase>>
let bed: AuditTestbed
let token: string
const start = Date.UTC(2026, 0, 1)
const actors = ['ada', 'bob', "o'hara"]
const actions = ['user.suspend', 'character.delete', 'refund.grant']

beforeAll(async () => {
  database = await createDatabase()
  bed = await openAuditTestbed(database.url)
  token = bed.token({ scopes: ['read', 'ingest'] })
  // 240 events over 120 hours: two at every moment, so that the order of ties matters at every page's edge.
  const events = Array.from({ length: 240 }, (_, index) =>
    sampleEvent({
      id: randomUUID(),
      occurred_at: new Date(start + Math.floor(index / 2) * 3_600_000).toISOString(),
      actor: { type: 'admin', id: actors[index % 3], name: `Name ${index % 3}` },
      action: actions[Math.floor(index / 3) % 3],
      target: { type: index % 5 === 0 ? 'character' : 'user', id: `t${index % 7}` },
      outcome: index % 10 === 0 ? 'failure' : 'success',
      metadata: { note: index === 100 ? 'The 100% Needle_' : 'hay' },
    }),
  )
  const headers = { authorization: `Bearer ${token}` }
  const answer = await bed.server.inject({ method: 'POST', url: '/v1/audit/events', headers, payload: events })
  expect(answer.statusCode, answer.body).toBe(201)
})
afterAll(async () => {
  await bed.close()
  await database.drop()
})

interface Item {
  id: string
  occurred_at: string
  actor: { id: string }
}

async function list(query: string) {
  const answer = await bed.server.inject({
    method: 'GET',
    url: `/v1/audit/events?${query}`,
    headers: { authorization: `Bearer ${token}` },
  })
  return { ...answer.json(), status: answer.statusCode } as {
    status: number
    items: Item[]
    total: number | string
    next_cursor: string | null
    field?: string
    detail?: string
  }
}

async function expected(where: string): Promise<string[]> {
  const { rows } = await bed.owner.query<{ id: string }>(
    `SELECT id FROM barometer_audit.event WHERE ${where} ORDER BY occurred_at DESC, id DESC`,
  )
  return rows.map((row) => row.id)
}

async function pages(query: string, limit: number): Promise<string[]> {
  const ids: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page = await list(`${query}&limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`)
    expect(page.status).toBe(200)
    ids.push(...page.items.map((item) => item.id))
    cursor = page.next_cursor
  }
  return ids
}

describe('filters', () => {
  test.each([
    ['', 'true'],
    ['from=2026-01-02T00:00:00Z', "occurred_at >= '2026-01-02Z'"],
    ['to=2026-01-02T01:00:00%2B01:00', "occurred_at < '2026-01-02Z'"],
    ['actor=ada', "actor_id = 'ada'"],
    ['actor=ada,bob', "actor_id IN ('ada', 'bob')"],
    ['actor=ada&actor=bob', "actor_id IN ('ada', 'bob')"],
    ['actor=ada&actor=__all', 'true'],
    ['actor=&q=&from=', 'true'],
    ["actor=o'hara", "actor_id = 'o''hara'"],
    ['action=refund.grant&outcome=failure', "action = 'refund.grant' AND outcome = 'failure'"],
    ['target_type=character&target_id=t0,t5', "target_type = 'character' AND target_id IN ('t0', 't5')"],
    ['outcome=failure,success', 'true'],
    ['actor=ada,nobody', "actor_id = 'ada'"],
    ['actor=ada,bob&outcome=failure', "actor_id IN ('ada', 'bob') AND outcome = 'failure'"],
    [
      'actor=ada,bob&action=refund.grant,user.suspend&from=2026-01-02T00:00:00Z',
      "actor_id IN ('ada', 'bob') AND action IN ('refund.grant', 'user.suspend') AND occurred_at >= '2026-01-02Z'",
    ],
    ['target_id=t1,t2&actor=ada', "target_id IN ('t1', 't2') AND actor_id = 'ada'"],
    ['target_type=user,character&q=needle', "metadata ->> 'note' ILIKE '%needle%'"],
    ['q=100%25 needle_', "metadata ->> 'note' ILIKE '%needle%'"],
    ['q=NAME 2', "actor_name = 'Name 2'"],
    ['q=%25', "metadata ->> 'note' LIKE '%\\%%'"],
  ])('%s', async (query, where) => {
    const ids = await expected(where)
    const answer = await list(`${query}&limit=500`)
    expect(answer.items.map((item) => item.id)).toEqual(ids)
    expect(answer.total).toBe(ids.length)
    expect(answer.next_cursor).toBeNull()
    expect(ids.length).toBeGreaterThan(0)
  })

  test.each(["ada' OR '1'='1", "'; DROP TABLE barometer_audit.event; --", "\\' OR 1=1 --", '$1', '%'])(
    'SQL in a filter is text: %s',
    async (attack) => {
      for (const name of ['actor', 'action', 'target_type', 'target_id']) {
        expect((await list(`${name}=${encodeURIComponent(attack)}`)).total).toBe(0)
      }
      expect((await list('limit=1')).total).toBe(240)
    },
  )
})

describe('pages', () => {
  test('the cursor gives every event once, in order, whatever the size of the page', async () => {
    const ids = await expected("actor_id IN ('ada', 'bob')")
    for (const limit of [1, 7, 500]) {
      expect(await pages('actor=bob,ada', limit)).toEqual(ids)
      expect(await pages('actor=bob,ada&from=2020-01-01T00:00:00Z&to=2030-01-01T00:00:00Z', limit)).toEqual(ids)
    }
    expect((await list('actor=bob,ada&limit=30&offset=60')).items.map((item) => item.id)).toEqual(ids.slice(60, 90))
  })

  test('events that come in meanwhile neither repeat nor hide what is on later pages', async () => {
    const before = await expected('true')
    const first = await list('limit=100')
    const headers = { authorization: `Bearer ${token}` }
    const newer = sampleEvent({ occurred_at: '2026-06-01T00:00:00Z', id: randomUUID() })
    await bed.server.inject({ method: 'POST', url: '/v1/audit/events', headers, payload: newer })
    const second = await list(`limit=500&cursor=${first.next_cursor}`)
    expect([...first.items, ...second.items].map((item) => item.id)).toEqual(before)
  })

  test('the offset agrees with the cursor', async () => {
    const ids = await expected('true')
    const answer = await list('limit=30&offset=60')
    expect(answer.items.map((item) => item.id)).toEqual(ids.slice(60, 90))
  })

  test('beyond 10,000 the total says so', async () => {
    await bed.owner.query("SELECT barometer_audit.ensure_month('2026-02-01Z')")
    await bed.owner.query(`INSERT INTO barometer_audit.event (id, occurred_at, actor_type, actor_id, actor_name, action,
        target_type, target_id, outcome)
      SELECT gen_random_uuid(), timestamptz '2026-02-01Z' + n * interval '1 second', 'system', 'crowd', 'Crowd',
        'crowd.come', 'place', '1', 'success' FROM generate_series(1, 10001) AS n`)
    expect((await list('actor=crowd&limit=1')).total).toBe('10000+')
    expect((await list('actor=crowd&limit=1&from=2026-02-01T00:00:02Z')).total).toBe(10_000)
  })
})

describe('what is refused', () => {
  test('a cursor of another filter, a broken one, and one with an offset', async () => {
    const { next_cursor: cursor } = await list('actor=ada&limit=1')
    expect(await list(`actor=bob&cursor=${cursor}`)).toMatchObject({ status: 400, field: 'cursor' })
    expect(await list(`cursor=${cursor}`)).toMatchObject({ status: 400, field: 'cursor' })
    for (const broken of ['x', '%00', 'W10', `${cursor}`.slice(0, 30)]) {
      expect(await list(`actor=ada&cursor=${broken}`), broken).toMatchObject({ status: 400, field: 'cursor' })
    }
    expect(await list(`actor=ada&cursor=${cursor}&offset=1`)).toMatchObject({ status: 400, field: 'offset' })
    expect((await list(`actor=__all,ada&limit=1&cursor=${(await list('limit=1')).next_cursor}`)).status).toBe(200)
  })

  test.each([
    ['a page too long', 'limit=501', 'limit'],
    ['a page of nothing', 'limit=0', 'limit'],
    ['a number in another form', 'limit=1e2', 'limit'],
    ['a negative offset', 'offset=-1', 'offset'],
    ['a word for a time', 'from=yesterday', 'from'],
    ['a time without its offset', 'to=2026-01-01', 'to'],
    ['an outcome that is none', 'outcome=maybe', 'outcome'],
    ['a misspelt parameter', 'actors=ada', 'actors'],
    ['two searches', 'q=a&q=b', 'q'],
    ['NUL', 'actor=%00', 'actor'],
    ['a search too long', `q=${'x'.repeat(201)}`, 'q'],
    ['too many values', `actor=${Array.from({ length: 101 }, (_, index) => index).join(',')}`, 'actor'],
  ])('%s', async (_what, query, field) => {
    expect(await list(query)).toMatchObject({ status: 400, field })
  })

  test('an offset beyond 10,000 points to the cursor', async () => {
    const answer = await list('offset=10001')
    expect(answer).toMatchObject({ status: 400, field: 'offset' })
    expect(answer.detail).toContain('cursor')
  })
})
