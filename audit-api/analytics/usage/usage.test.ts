import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type AuditTestbed, openAuditTestbed } from '../../../testing/audit-api/testbed.ts'
import { createDatabase, type TestDatabase } from '../../../testing/database.ts'

let database: TestDatabase
/** Two replicas of the service on one database. */
let beds: AuditTestbed[]
let tokens: string[]
let now = new Date('2026-03-01T12:00:00Z')

beforeAll(async () => {
  database = await createDatabase()
  const open = () => openAuditTestbed(database.url, { now: () => now })
  beds = [await open(), await open()]
  tokens = beds.map((bed) =>
    bed.token({ name: 'grafana', scopes: ['read', 'export'], grafana: true, auditReaders: ['ada'] }),
  )
})
afterAll(async () => {
  for (const bed of beds) await bed.close()
  await database.drop()
})
beforeEach(() => {
  // Days apart, so that what one test asked is over for the next.
  now = new Date(now.getTime() + 86_400_000)
})

const bedAt = (replica: number): AuditTestbed => beds[replica] ?? expect.fail()
const headersOf = (person: string, replica: number) => ({
  authorization: `Bearer ${tokens[replica]}`,
  'x-panel-user': person,
})

async function look(uid: string, query: Record<string, string | string[]> = {}, { person = 'ada', replica = 0 } = {}) {
  const url = `/v1/dashboards/${uid}/freshness`
  const answer = await bedAt(replica).server.inject({ method: 'GET', url, query, headers: headersOf(person, replica) })
  return { status: answer.statusCode, body: answer.json() }
}
const later = (minutes: number) => {
  now = new Date(now.getTime() + minutes * 60_000)
}

/** What was recorded since the test began, oldest first. */
async function recorded(): Promise<string[]> {
  const from = new Date(Math.floor(now.getTime() / 86_400_000) * 86_400_000).toISOString()
  const answer = await bedAt(0).server.inject({
    method: 'GET',
    url: '/v1/analytics-events',
    query: { from, limit: '500' },
    headers: headersOf('ada', 0),
  })
  expect(answer.statusCode, answer.body).toBe(200)
  const items: {
    event: string
    dashboard: string
    person: string | null
    filter_type: string | null
    format: string | null
  }[] = answer.json().items
  return items
    .map(({ event, dashboard, person, filter_type: filter, format }) =>
      [event.replace('admin_', ''), dashboard.replace('barometer-', ''), person ?? 'nobody', filter ?? format ?? '']
        .join(' ')
        .trim(),
    )
    .reverse()
}

async function counted(replica: number, event: string, dashboard: string): Promise<number> {
  const text = (await bedAt(replica).server.inject('/metrics')).body
  const line = text
    .split('\n')
    .find(
      (one) =>
        one.startsWith('admin_analytics_events_total') && one.includes(`"${event}"`) && one.includes(`"${dashboard}"`),
    )
  return Number(line?.split(' ').at(-1))
}

describe('a board that is looked at', () => {
  test('is one view for as long as somebody keeps asking, and another after 15 minutes of silence', async () => {
    const before = await counted(0, 'admin_dashboard_viewed', 'barometer-users')
    for (let refreshes = 0; refreshes < 10; refreshes++) {
      await look('barometer-users')
      later(5)
    }
    expect(await recorded()).toEqual(['dashboard_viewed users ada'])
    later(10)
    await look('barometer-users')
    expect(await recorded()).toEqual(['dashboard_viewed users ada', 'dashboard_viewed users ada'])
    expect(await counted(0, 'admin_dashboard_viewed', 'barometer-users')).toBe(before + 2)
  })

  test('is a view of each person, and of nobody in particular where nobody is logged in', async () => {
    for (const person of ['ada', 'bob', '', 'ada']) await look('barometer-home', {}, { person })
    expect(await recorded()).toEqual([
      'dashboard_viewed home ada',
      'dashboard_viewed home bob',
      'dashboard_viewed home nobody',
    ])
  })

  test('is one view though many replicas are asked at once', async () => {
    const before = (
      await Promise.all([0, 1].map((replica) => counted(replica, 'admin_dashboard_viewed', 'barometer-revenue')))
    ).reduce((one, other) => one + other)
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => look('barometer-revenue', { tier: 'pro' }, { replica: index % 2 })),
    )
    expect(await recorded()).toEqual(['dashboard_viewed revenue ada', 'analytics_filtered revenue ada tier'])
    const after = (
      await Promise.all([0, 1].map((replica) => counted(replica, 'admin_dashboard_viewed', 'barometer-revenue')))
    ).reduce((one, other) => one + other)
    expect(after - before).toBe(1)
  })

  test('is the audit log viewed, where it is that board', async () => {
    await look('barometer-audit')
    expect(await recorded()).toEqual(['dashboard_viewed audit ada', 'audit_log_viewed audit ada'])
  })

  test('says what it shows is as old as; nothing where nobody knows', async () => {
    const at = now.toISOString()
    expect(await look('barometer-audit')).toEqual({
      status: 200,
      body: { items: [{ dashboard: 'barometer-audit', data_as_of: at, age_seconds: 0 }] },
    })
    expect((await look('barometer-home')).body.items).toEqual([
      { dashboard: 'barometer-home', data_as_of: null, age_seconds: null },
    ])
  })
})

describe('a filter', () => {
  test('is recorded when it changes to something away from its default, and not again until it changes', async () => {
    await look('barometer-users', { tier: '__all', country: '' })
    await look('barometer-users', { tier: 'pro', country: '' })
    await look('barometer-users', { tier: 'pro', country: '' })
    await look('barometer-users', { tier: 'free,pro', country: 'DE' })
    await look('barometer-users', { tier: ['pro', 'free'], country: 'DE' })
    await look('barometer-users', { tier: '__all', country: 'DE' })
    await look('barometer-users', { tier: 'pro', country: 'DE' })
    expect(await recorded()).toEqual([
      'dashboard_viewed users ada',
      'analytics_filtered users ada tier',
      'analytics_filtered users ada country',
      'analytics_filtered users ada tier',
      'analytics_filtered users ada tier',
    ])
  })

  test('that a board was opened with is one, a default of its own is none, and the time range is no filter', async () => {
    const usual = { 'period.default': 'day', from: 'now-30d', to: 'now' }
    await look('barometer-content', { ...usual, period: 'day', type: 'studio' })
    await look('barometer-content', { ...usual, period: 'week', type: 'studio', from: 'now-7d' })
    expect(await recorded()).toEqual([
      'dashboard_viewed content ada',
      'analytics_filtered content ada type',
      'analytics_filtered content ada period',
    ])
  })
})

describe('an export', () => {
  test('of the audit log is recorded with its format', async () => {
    for (const format of ['csv', 'ndjson']) {
      const url = `/v1/audit/events.csv?q=nothing${format === 'csv' ? '' : '&format=ndjson'}`
      const answer = await bedAt(0).server.inject({ method: 'GET', url, headers: headersOf('ada', 0) })
      expect(answer.statusCode, answer.body).toBe(200)
    }
    await expect.poll(recorded).toEqual(['analytics_exported audit ada csv', 'analytics_exported audit ada ndjson'])
  })
})

describe('what is refused', () => {
  test('the list, to whoever is no audit reader; the panel, to nobody', async () => {
    const list = (person: string) =>
      bedAt(0).server.inject({ method: 'GET', url: '/v1/analytics-events', headers: headersOf(person, 0) })
    expect((await list('bob')).statusCode).toBe(403)
    expect((await list('')).statusCode).toBe(403)
    expect((await list('ada')).statusCode).toBe(200)
    expect((await look('barometer-home', {}, { person: 'bob' })).status).toBe(200)
  })

  test.each([
    ['a board that is none', 'barometer-secrets', {}, 404],
    ['a name that is none', 'barometer-home', { 'a b': 'x' }, 400],
    [
      'more variables than a board has',
      'barometer-home',
      Object.fromEntries(Array.from({ length: 31 }, (_, n) => [`v${n}`, 'x'])),
      400,
    ],
    ['a value too long', 'barometer-home', { tier: 'x'.repeat(201) }, 400],
    ['NUL', 'barometer-home', { tier: '\0' }, 400],
  ])('%s records nothing', async (_what, uid, query, status) => {
    expect((await look(uid, query)).status).toBe(status)
    expect(await recorded()).toEqual([])
  })

  test('the figures, where nothing says where they are: the answer names what to set', async () => {
    const detailOf = async (path: string) => {
      const answer = await bedAt(0).server.inject({
        method: 'GET',
        url: `/v1/analytics/${path}`,
        headers: headersOf('ada', 0),
      })
      return [answer.statusCode, answer.json().detail]
    }
    expect(await detailOf('users/growth')).toEqual([503, expect.stringMatching(/^DATABASE_URL is not set/)])
    expect(await detailOf('system/health')).toEqual([503, expect.stringMatching(/^PROMETHEUS_URL is not set/)])
  })
})
