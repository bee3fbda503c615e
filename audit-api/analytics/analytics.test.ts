import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as contentMetrics from '../../catalogue/content.ts'
import type { Metric } from '../../catalogue/define.ts'
import * as quickActions from '../../catalogue/quick-actions.ts'
import * as revenueMetrics from '../../catalogue/revenue.ts'
import * as userMetrics from '../../catalogue/users.ts'
import { createPool, type Pool } from '../../lib/postgres.ts'
import { type AuditTestbed, openAuditTestbed, withRole } from '../../testing/audit-api/testbed.ts'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { openRandomPlatform, type RandomPlatform } from '../../testing/random-platform.ts'
import { migrateAudit } from '../migrations/migrate.ts'
import { reports } from './reports/index.ts'

/** Berlin forward and back, Lord Howe by half an hour, Cairo over midnight, Havana with two midnights: one id type each. */
const scenes = [
  { seed: 1, schema: 'uuids' },
  { seed: 2, schema: 'numbers' },
  { seed: 7, schema: 'texts' },
  { seed: 8, schema: 'numbers' },
  { seed: 10, schema: 'uuids' },
] as const

let auditDatabase: TestDatabase

beforeAll(async () => {
  auditDatabase = await createDatabase()
  // The role is there before the exporter first looks for it.
  await migrateAudit(auditDatabase.url)
})
afterAll(() => auditDatabase.drop())

type Row = Record<string, string | number | boolean | null>
interface Body {
  as_of: string
  timezone: string
  items: Row[]
  [more: string]: unknown
}

describe.each(scenes)('on the random platform $seed, ids are $schema', ({ seed, schema }) => {
  let platform: RandomPlatform
  let store: Pool
  let bed: AuditTestbed
  let token: string

  beforeAll(async () => {
    platform = await openRandomPlatform(seed, schema)
    store = createPool({
      connectionString: withRole(platform.database.url, 'barometer_audit'),
      applicationName: 'test-analytics',
      connectionsMax: 4,
    })
    bed = await openAuditTestbed(auditDatabase.url, {
      analytics: { store, storeSchema: platform.store, timezone: platform.timezone },
    })
    token = bed.token({ scopes: ['read', 'export'] })
  })
  afterAll(async () => {
    await bed.close()
    await store.end()
    await platform.drop()
  })

  const ask = (path: string, query: Record<string, string> = {}, accept = 'application/json') =>
    bed.server.inject({
      ...{ method: 'GET', url: `/v1/analytics/${path}`, query },
      headers: { authorization: `Bearer ${token}`, accept },
    })
  const get = async (path: string, query: Record<string, string> = {}): Promise<Body> => {
    const answer = await ask(path, query)
    expect(answer.statusCode, answer.body).toBe(200)
    return answer.json()
  }

  /** A figure of `/metrics`: the sum over the series that match. */
  function shown(metric: Metric, labels: Record<string, string> = {}): number {
    const families = [...platform.result.snapshot.collectors.values()].flatMap((one) => one.families)
    const samples = families.find((family) => family.metric === metric)?.samples ?? []
    return samples
      .filter((sample) => Object.entries(labels).every(([name, value]) => sample.labels[name] === value))
      .reduce((sum, sample) => sum + ('value' in sample ? sample.value : sample.count), 0)
  }
  const labelsOf = (metric: Metric, label: string): string[] => {
    const families = [...platform.result.snapshot.collectors.values()].flatMap((one) => one.families)
    const samples = families.find((family) => family.metric === metric)?.samples ?? []
    return [...new Set(samples.map((sample) => sample.labels[label] ?? ''))].sort()
  }
  const sumOf = (rows: readonly Row[], column: string) => rows.reduce((sum, row) => sum + Number(row[column]), 0)
  const ever = { from: '2020-01-01T00:00:00Z', period: 'month' }
  /** A rolling window of the metrics leaves its first instant out and has its last in. */
  const rolling = (hours: number) => ({
    from: `${new Date(Date.parse(platform.asOf.replace(' ', 'T')) - hours * 3_600_000).toISOString().slice(0, 23)}${micro(1)}Z`,
  })
  const micro = (by: number) => String(Number(platform.asOf.slice(23, 26)) + by).padStart(3, '0')
  const windows = { today: 'day', week: 'week', month: 'month' } as const
  const last = (body: Body): Row => body.items.at(-1) ?? {}

  const stored = reports.filter(({ path }) => !path.startsWith('system/'))
  test.each(stored.map(({ path, item }) => ({ path, item })))(
    '$path: rows as documented, the same as CSV',
    async ({ path, item }) => {
      const body = await get(path)
      expect(body.timezone).toBe(platform.timezone)
      for (const row of body.items) for (const name of Object.keys(row)) expect(Object.keys(item)).toContain(name)
      const file = await ask(`${path}.csv`)
      expect(file.statusCode, file.body).toBe(200)
      expect(file.body.trimEnd().split('\r\n')).toHaveLength(body.items.length + 1)
      expect(file.body.split('\r\n')[0]).toBe(Object.keys(item).join(','))
      expect((await ask(path, {}, 'text/csv')).body).toBe(file.body)
    },
  )

  test('dashboard/overview is what /metrics shows', async () => {
    const body = await get('dashboard/overview')
    const { users, subscriptions, images, signups, activeUsers } = {
      ...userMetrics,
      ...revenueMetrics,
      ...contentMetrics,
    }
    expect(body.users).toEqual({
      total: shown(users),
      newToday: shown(signups, { window: 'today' }),
      newThisWeek: shown(signups, { window: 'week' }),
      active: shown(activeUsers, { window: '30d' }),
    })
    const tiers = labelsOf(subscriptions, 'tier').map((tier) => [
      tier,
      shown(subscriptions, { tier, status: 'active' }),
    ])
    expect(body.subscriptions).toEqual({
      active: shown(subscriptions, { status: 'active' }),
      byTier: Object.fromEntries(tiers),
    })
    expect(body.content).toMatchObject({
      totalImages: shown(images, { window: 'ever' }),
      today: shown(images, { window: 'today' }),
    })
    expect(body.jobs).toEqual({ queueLength: null, failed24h: null, avgProcessingTime: null })
  })

  test('dashboard/quick-stats is what /metrics shows', async () => {
    const { items } = await get('dashboard/quick-stats')
    const of = (stat: string) =>
      sumOf(
        items.filter((row) => row.stat === stat),
        'value',
      )
    expect(of('bug_reports_open')).toBe(shown(quickActions.bugReportsOpen))
    expect(of('influencer_requests_pending')).toBe(shown(quickActions.influencerRequestsPending))
    expect(of('active_users_1d')).toBe(shown(userMetrics.activeUsers, { window: '1d' }))
    expect(of('credits_purchased_today')).toBe(shown(revenueMetrics.credits, { kind: 'purchased', window: 'today' }))
    expect(of('refunds_today')).toBe(shown(revenueMetrics.refunds, { window: 'today' }))
    for (const row of items.filter(({ stat }) => stat === 'mrr'))
      expect(row.value).toBeCloseTo(shown(revenueMetrics.mrr, { currency: String(row.currency) }), 4)
  })

  test('users/growth: the last day, week and month, and all of them, by source and country too', async () => {
    for (const [window, period] of Object.entries(windows))
      expect(last(await get('users/growth', { period })).signups, window).toBe(shown(userMetrics.signups, { window }))
    for (const by of ['source', 'country'] as const) {
      const { items } = await get('users/growth', { ...ever, by })
      for (const value of labelsOf(userMetrics.signups, by))
        expect(
          sumOf(
            items.filter(({ group }) => group === value),
            'signups',
          ),
          value,
        ).toBe(shown(userMetrics.signups, { window: 'ever', [by]: value }))
    }
    expect(last(await get('users/growth')).signups_total).toBe(shown(userMetrics.signups, { window: 'ever' }))
  })

  test('users/active: over 24, 168 and 720 hours, by tier and country too', async () => {
    for (const [window, hours] of [
      ['1d', 24],
      ['7d', 168],
      ['30d', 720],
    ] as const) {
      const { total } = (await get('users/active', rolling(hours))) as unknown as { total: Row }
      expect(total.active_users, window).toBe(shown(userMetrics.activeUsers, { window }))
      expect(total.sessions, window).toBe(shown(userMetrics.sessions, { window }))
      expect(total.generating_users, window).toBe(shown(userMetrics.generatingUsers, { window }))
      for (const by of ['tier', 'country'] as const)
        for (const value of labelsOf(userMetrics.activeUsers, by)) {
          const filtered = (await get('users/active', { ...rolling(hours), [by]: value })) as unknown as { total: Row }
          expect(filtered.total.active_users, `${window} ${by} ${value}`).toBe(
            shown(userMetrics.activeUsers, { window, [by]: value }),
          )
        }
    }
  })

  test('users/retention: the newest cohort of which a day is over', async () => {
    const { items } = await get('users/retention', {
      cohort: 'day',
      from: '2020-01-01T00:00:00Z',
      to: '2022-01-01T00:00:00Z',
    })
    expect(items).toEqual([])
    const found = (await get('users/retention', { from: rolling(24 * 200).from })).items
    for (const [horizon, number] of [
      ['d1', 1],
      ['d7', 7],
      ['d30', 30],
    ] as const) {
      const row = found.filter((one) => one.number === number).at(-1)
      expect(row?.users ?? 0, horizon).toBe(shown(userMetrics.retentionUsers, { horizon }))
      expect(row?.retained ?? 0, horizon).toBe(shown(userMetrics.retainedUsers, { horizon }))
    }
    const wide = (await get('users/retention', { from: rolling(24 * 200).from, shape: 'wide' })).items
    for (const row of found) expect(wide.find(({ cohort }) => cohort === row.cohort)?.[`n${row.number}`]).toBe(row.rate)
  })

  test('users/segmentation: by each segment, and filtered by another', async () => {
    for (const by of ['tier', 'country', 'characters', 'activity'] as const) {
      const { items } = await get('users/segmentation', { by })
      for (const row of items) expect(row.users).toBe(shown(userMetrics.users, { [by]: String(row.segment) }))
      expect(sumOf(items, 'users')).toBe(shown(userMetrics.users))
      const free = (await get('users/segmentation', { by, tier: 'free' })).items
      expect(sumOf(free, 'users')).toBe(shown(userMetrics.users, { tier: 'free' }))
    }
  })

  test('content/generations: created, finished and images, by each label', async () => {
    for (const [window, period] of Object.entries(windows)) {
      const row = last(await get('content/generations', { period }))
      expect(row.created, window).toBe(shown(contentMetrics.generationsCreated, { window }))
      expect(row.images, window).toBe(shown(contentMetrics.images, { window }))
    }
    for (const by of ['type', 'quality', 'rating', 'aspect_ratio'] as const) {
      const { items } = await get('content/generations', { ...ever, by })
      for (const value of labelsOf(contentMetrics.generationsFinished, by))
        for (const status of ['succeeded', 'failed', 'cancelled'])
          expect(
            sumOf(
              items.filter(({ group }) => group === value),
              status,
            ),
            `${by} ${value} ${status}`,
          ).toBe(shown(contentMetrics.generationsFinished, { [by]: value, status }))
    }
  })

  test('content/popular: the items of the metric, over its windows', async () => {
    for (const [window, hours] of [
      ['1d', 24],
      ['7d', 168],
      ['30d', 720],
    ] as const) {
      const { items } = await get('content/popular', { ...rolling(hours), limit: '500' })
      for (const category of ['scene', 'environment', 'outfit', 'pose']) {
        const own = items.filter((row) => row.category === category)
        expect(sumOf(own, 'generations'), `${window} ${category}`).toBe(
          shown(contentMetrics.popularGenerations, { category, window }),
        )
        for (const row of own.slice(0, 20)) {
          const inMetrics = shown(contentMetrics.popularGenerations, { category, window, item: String(row.item) })
          if (row.item !== 'other') expect(row.generations, String(row.item)).toBe(inMetrics)
        }
      }
    }
  })

  test('content/performance: ended, measured and failed by reason', async () => {
    const body = await get('content/performance', { ...ever, by: 'type' })
    for (const type of labelsOf(contentMetrics.generationsFinished, 'type')) {
      const own = body.items.filter(({ group }) => group === type)
      expect(sumOf(own, 'succeeded'), type).toBe(
        shown(contentMetrics.generationsFinished, { type, status: 'succeeded' }),
      )
    }
    const failures = body.failures as Row[]
    for (const reason of labelsOf(contentMetrics.generationFailures, 'reason'))
      expect(
        sumOf(
          failures.filter((row) => row.reason === reason),
          'failures',
        ),
        reason,
      ).toBe(shown(contentMetrics.generationFailures, { reason }))
  })

  test('revenue/subscriptions is what /metrics shows', async () => {
    const body = await get('revenue/subscriptions')
    for (const row of body.items) {
      const tier = String(row.tier)
      expect(row.subscriptions).toBe(shown(revenueMetrics.subscriptions, { tier }))
      expect(row.past_due).toBe(shown(revenueMetrics.subscriptions, { tier, status: 'past_due' }))
      expect(row.paying_users).toBe(shown(revenueMetrics.payingUsers, { tier }))
    }
    expect(sumOf(body.items, 'subscriptions')).toBe(shown(revenueMetrics.subscriptions))
    for (const row of body.mrr as Row[])
      expect(row.mrr).toBe(shown(revenueMetrics.mrr, { tier: String(row.tier), currency: String(row.currency) }))
  })

  test('revenue/credits: the last day, week and month, and all', async () => {
    for (const [window, period] of [...Object.entries(windows), ['ever', 'month'] as const]) {
      const { items } = await get('revenue/credits', window === 'ever' ? ever : { period })
      const rows = window === 'ever' ? items : items.slice(-1)
      for (const kind of ['purchased', 'consumed', 'granted', 'refunded', 'expired'])
        expect(sumOf(rows, kind), `${window} ${kind}`).toBe(shown(revenueMetrics.credits, { kind, window }))
    }
  })

  test('revenue/trends: money, movements and changes', async () => {
    const body = await get('revenue/trends', ever)
    for (const currency of labelsOf(revenueMetrics.payments, 'currency')) {
      const own = body.items.filter((row) => row.currency === currency)
      for (const kind of ['subscription', 'credits']) {
        expect(sumOf(own, `${kind}_payments`)).toBe(shown(revenueMetrics.payments, { kind, currency, window: 'ever' }))
        const amount = shown(revenueMetrics.paymentAmount, { kind, currency, window: 'ever' })
        expect(sumOf(own, `${kind}_amount`)).toBeCloseTo(amount, 4)
      }
      expect(sumOf(own, 'refund_amount')).toBeCloseTo(
        shown(revenueMetrics.refundAmount, { currency, window: 'ever' }),
        4,
      )
    }
    for (const currency of labelsOf(revenueMetrics.mrrMovement, 'currency')) {
      const own = body.items.filter((row) => row.currency === currency)
      const moved = (movement: string) => shown(revenueMetrics.mrrMovement, { movement, currency })
      for (const movement of ['new', 'expansion', 'contraction', 'churn', 'reactivation'])
        expect(sumOf(own, `mrr_${movement}`)).toBeCloseTo(moved(movement), 4)
      const mrr = moved('new') + moved('expansion') + moved('reactivation') - moved('contraction') - moved('churn')
      expect(own.at(-1)?.mrr).toBeCloseTo(mrr, 4)
      const short = (await get('revenue/trends', { currency })).items
      expect(short.at(-1)?.mrr).toBeCloseTo(mrr, 4)
    }
    for (const change of ['new', 'upgrade', 'downgrade', 'cancel', 'reactivate'])
      expect(sumOf(body.changes as Row[], change)).toBe(shown(revenueMetrics.subscriptionChanges, { change }))
  })

  test('the periods of a range are without gaps, cut by it, and whole where they say so', async () => {
    for (const period of Object.values(windows)) {
      const { items } = await get('revenue/credits', { period, from: rolling(24 * 70).from })
      expect(items[0]?.from).toBe(rolling(24 * 70).from)
      for (const [index, row] of items.slice(1).entries()) expect(row.from).toBe(items[index]?.to)
      expect(items.slice(1, -1).every(({ complete }) => complete)).toBe(true)
      expect(items.at(-1)?.complete).toBe(false)
    }
  })

  test.each([
    ['users/growth', { tiers: 'pro' }, 'tiers'],
    ['revenue/credits', { currency: 'EUR' }, 'currency'],
    ['users/segmentation', { from: '2026-01-01T00:00:00Z' }, 'from'],
    ['users/growth', { period: 'hour' }, 'period'],
    ['users/growth', { from: 'yesterday' }, 'from'],
    ['users/growth', { from: '2026-02-01T00:00:00Z', to: '2026-01-01T00:00:00Z' }, 'from'],
    ['users/growth', { from: '1999-01-01T00:00:00Z' }, 'period'],
    ['content/popular', { limit: '0' }, 'limit'],
    ['content/popular', { category: 'hat' }, 'category'],
  ])('%s with %o is a 400 that names %s', async (path, query, field) => {
    const answer = await ask(path, query as unknown as Record<string, string>)
    expect([answer.statusCode, answer.json().field]).toEqual([400, field])
  })
})
