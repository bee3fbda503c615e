import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migrateAudit } from '../audit-api/migrations/migrate.ts'
import * as infrastructure from '../catalogue/infrastructure.ts'
import { jobsFailed } from '../catalogue/quick-actions.ts'
import type { Family } from '../exporter/store/figure.ts'
import { readKept } from '../exporter/store/labels.ts'
import { createPool, type Pool } from '../lib/postgres.ts'
import { type AuditTestbed, openAuditTestbed, withRole } from '../testing/audit-api/testbed.ts'
import { boards } from '../testing/dashboards.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { type Past, startPast, type Vector } from '../testing/past.ts'
import { openRandomPlatform, type RandomPlatform } from '../testing/random-platform.ts'
import { hour, instantOf, microseconds } from '../testing/second-implementation/rules.ts'

/**
 * The day on which the clocks of Berlin, the Azores and Lord Howe are changed, and a day like others; in each something
 * else does not answer. Together no figure is nothing on all of them.
 */
const scenes = [
  { seed: 33, schema: 'texts', down: [] },
  { seed: 16, schema: 'numbers', down: ['gpu-2'] },
  { seed: 7, schema: 'uuids', down: ['bucket'] },
  { seed: 27, schema: 'texts', down: ['db', 'gpu-1', 'gpu-2'] },
] as const

/** What a panel shows, by the one label that its query leaves; '' where it leaves none. */
type Figures = Readonly<Record<string, number>>

/** One figure three times: `asked` of the API where it has a route, `plain` by SQL or, of what is no row, as it was given. */
interface Figure {
  plain: string | Figures
  asked?: () => Promise<Figures>
  /** Whether the query counts the day that begins at its instant. */
  ofDay?: true
}

/** Queries that compare with the period before, and how many hours that is. They have no route. */
const changes: Readonly<Record<string, number>> = {
  Users: 720,
  'New today': 24,
  'New this week': 168,
  'New this month': 720,
  'Active in a day (DAU)': 24,
  'Active in a week (WAU)': 168,
  'Active in a month (MAU)': 720,
  Characters: 720,
  Images: 720,
  'Images today': 24,
  'Credits purchased today': 24,
  'Credits consumed today': 24,
  'Credits refunded today': 24,
  'Refunds today': 24,
}

/** Panels of which nothing is compared, each with the reason. */
const excused: Readonly<Record<string, string>> = {
  'Firing alerts': 'what Prometheus says of its own rules: no figure of the platform, and no route answers it',
  'Data as of': 'the age of the figures, not one of them; it asks the API alone',
}

/**
 * METRICS.md as plain SQL over the views, once more and by other means than the collectors: calendar windows by comparing
 * local days, exclusion by lists, decimals by hand.
 */
function plainSql(asOf: string, zone: string, keptTiers: readonly string[]) {
  const at = `timestamptz '${asOf}'`
  const local = (instant: string) => `(${instant} AT TIME ZONE '${zone}')`
  const inThis = (unit: 'day' | 'week' | 'month', instant: string) =>
    `${instant} <= ${at} AND date_trunc('${unit}', ${local(instant)}) = date_trunc('${unit}', ${local(at)})`
  const inLast = (hours: number, instant: string) =>
    `${instant} <= ${at} AND ${instant} > ${at} - interval '${hours} hours'`
  const counted = 'user_id NOT IN (SELECT user_id FROM users WHERE is_internal)'
  const liveUsers = `SELECT user_id FROM users
    WHERE NOT is_internal AND created_at <= ${at} AND coalesce(deleted_at > ${at}, true)`
  const running = `started_at <= ${at} AND coalesce(ended_at > ${at}, true) AND ${counted}`
  const currency = `coalesce(nullif(trim(currency), ''), 'unknown')`
  const major = `power(10::numeric, CASE ${currency} WHEN 'JPY' THEN 0 WHEN 'KWD' THEN 3 WHEN 'CLF' THEN 4 ELSE 2 END)`
  const kept = ['free', ...keptTiers].map((tier) => `'${tier}'`).join(', ')
  const active = (hours: number) => `SELECT count(DISTINCT user_id) AS value FROM sessions
    WHERE ${inLast(hours, 'started_at')} AND user_id IN (${liveUsers})`
  const created = (unit: 'day' | 'week' | 'month') =>
    `SELECT count(*) AS value FROM users WHERE NOT is_internal AND ${inThis(unit, 'created_at')}`
  const images = (when: string) =>
    `SELECT sum(image_count) AS value FROM generations WHERE status = 'succeeded' AND ${when} AND ${counted}`
  const creditsToday = (kind: string) =>
    `SELECT sum(credits) AS value FROM credit_ledger WHERE kind = '${kind}' AND ${inThis('day', 'created_at')} AND ${counted}`
  return {
    users: `SELECT count(*) AS value FROM (${liveUsers}) AS live`,
    newToday: created('day'),
    newThisWeek: created('week'),
    newThisMonth: created('month'),
    dau: active(24),
    wau: active(168),
    mau: active(720),
    characters: `SELECT count(*) AS value FROM characters
      WHERE created_at <= ${at} AND coalesce(deleted_at > ${at}, true) AND user_id IN (${liveUsers})`,
    images: images(`finished_at <= ${at}`),
    imagesToday: images(inThis('day', 'finished_at')),
    successRate: `SELECT count(*) FILTER (WHERE status = 'succeeded')::float / count(*) AS value FROM generations
      WHERE status IN ('succeeded', 'failed') AND ${inLast(24, 'finished_at')} AND ${counted} HAVING count(*) > 0`,
    ended: `SELECT status AS key, count(*) AS value FROM generations
      WHERE status IN ('succeeded', 'failed', 'cancelled') AND ${inLast(24, 'finished_at')} AND ${counted} GROUP BY 1`,
    subscriptions: `SELECT CASE WHEN tier IN ('', 'unknown') THEN 'unknown' WHEN tier IN (${kept}) THEN tier ELSE 'other' END AS key,
      count(*) AS value FROM subscriptions WHERE status = 'active' AND ${running} GROUP BY 1`,
    mrr: `SELECT ${currency} AS key, sum(
        round(amount_minor::numeric * CASE interval WHEN 'week' THEN 52 WHEN 'month' THEN 12 ELSE 1 END / (12 * interval_count)) / ${major}
      ) AS value FROM subscriptions WHERE status IN ('active', 'past_due') AND ${running} GROUP BY 1`,
    purchasedToday: creditsToday('purchased'),
    consumedToday: creditsToday('consumed'),
    refundedToday: creditsToday('refunded'),
    refundsToday: `SELECT count(*) AS value FROM refunds WHERE ${inThis('day', 'refunded_at')} AND ${counted}`,
    refundAmountToday: `SELECT ${currency} AS key, sum(amount_minor / ${major}) AS value FROM refunds
      WHERE ${inThis('day', 'refunded_at')} AND ${counted} GROUP BY 1`,
    bugReports: `SELECT count(*) AS value FROM bug_reports WHERE status = 'open' AND created_at <= ${at}`,
    influencerRequests: `SELECT count(*) AS value FROM influencer_requests WHERE status = 'pending' AND created_at <= ${at}`,
  }
}

const targets = [
  ['postgres', 'db'],
  ['redis', 'cache'],
  ['s3', 'bucket'],
  ['api', 'api'],
  ['comfyui', 'gpu-1'],
  ['comfyui', 'gpu-2'],
] as const
const failedJobs = { generation: 5, thumbnail: 2 }

function probed(down: readonly string[]): Family[] {
  const ups = targets.map(([dependency, target]) => ({
    labels: { dependency, target },
    value: down.includes(target) ? 0 : 1,
  }))
  const failed = Object.entries(failedJobs).map(([queue, value]) => ({ labels: { queue, window: '1d' }, value }))
  return [
    { metric: infrastructure.dependencyUp, samples: ups },
    { metric: jobsFailed, samples: failed },
  ]
}

/** A count of nothing and nothing are the same. */
const withoutZeros = (figures: Figures): Figures =>
  Object.fromEntries(Object.entries(figures).filter(([, value]) => value !== 0))

/** Counts are exact, sums of money and ratios as far as floating point goes. */
function expectAlike(one: Figures, other: Figures, message: string): void {
  expect(Object.keys(one).sort(), message).toEqual(Object.keys(other).sort())
  for (const [key, value] of Object.entries(other)) {
    const tolerance = Number.isInteger(value) ? 0 : 1e-9 * Math.abs(value)
    expect(Math.abs((one[key] ?? 0) - value), `${message} ${key}: ${one[key]}, ${value}`).toBeLessThanOrEqual(tolerance)
  }
}

function shown(vector: Vector): Figures {
  const entries = vector.map(({ metric, value }) => {
    expect(Object.keys(metric).length).toBeLessThanOrEqual(1)
    return [Object.values(metric)[0] ?? '', value] as const
  })
  return Object.fromEntries(entries)
}

interface Row {
  [column: string]: string | number | boolean | null
}

const home = boards.find(({ uid }) => uid === 'barometer-home')
const queries = (home?.panels ?? []).flatMap(({ title = '', targets: all = [] }) =>
  all.map(({ refId, expr }) => ({ title, refId: refId ?? '', expression: expr })),
)
const wereSomething = new Set<string>()

let auditDatabase: TestDatabase

beforeAll(async () => {
  auditDatabase = await createDatabase()
  // The role is there before the exporter first looks for it.
  await migrateAudit(auditDatabase.url)
})
afterAll(() => auditDatabase.drop())

describe.each(scenes)('on the random platform $seed, ids are $schema, down is $down', ({ seed, schema, down }) => {
  let platform: RandomPlatform
  let past: Past
  let store: Pool
  let bed: AuditTestbed
  let figures: Readonly<Record<string, Figure>>
  let sqlAt: (hoursBefore: number) => Promise<ReturnType<typeof plainSql>>

  beforeAll(async () => {
    platform = await openRandomPlatform(seed, schema, [720, 168, 24])
    past = await startPast(platform.results.map(({ snapshot }) => ({ snapshot, probes: probed(down) })))
    const connectionString = withRole(platform.database.url, 'barometer_audit')
    store = createPool({ connectionString, applicationName: 'test-home', connectionsMax: 4 })
    bed = await openAuditTestbed(auditDatabase.url, {
      analytics: {
        ...{ store, storeSchema: platform.store, timezone: platform.timezone },
        prometheusUrl: past.frozenUrl,
      },
    })
    const before = (hours: number) => instantOf(microseconds(platform.asOf) - BigInt(hours) * hour)
    sqlAt = async (hours) =>
      plainSql(before(hours), platform.timezone, (await readKept(platform.database.pool, platform.store)).tier)
    figures = figuresOf(await sqlAt(0))
  })
  afterAll(async () => {
    await bed.close()
    await store.end()
    await past.stop()
    await platform.drop()
  })

  async function get<Body = { items: Row[] }>(path: string, query: Record<string, string> = {}): Promise<Body> {
    const headers = { authorization: `Bearer ${bed.token({ scopes: ['read'] })}` }
    const answer = await bed.server.inject({ method: 'GET', url: `/v1/analytics/${path}`, query, headers })
    expect(answer.statusCode, answer.body).toBe(200)
    return answer.json()
  }
  /** A figure of getOverview, by the column of its flat row. */
  const overview = (column: string) => async (): Promise<Figures> => ({
    '': Number((await get('dashboard/overview')).items[0]?.[column] ?? Number.NaN),
  })
  const quickStat = (stat: string) => async (): Promise<Figures> => {
    const rows = (await get('dashboard/quick-stats')).items.filter((row) => row.stat === stat)
    return Object.fromEntries(rows.map((row) => [String(row.currency), Number(row.value)]))
  }
  /** Sums over 24 hours; a rolling window leaves its first instant out. */
  const ofDay = async (column: string): Promise<number> => {
    const from = instantOf(microseconds(platform.asOf) - 24n * hour + 1n).replace(' ', 'T')
    const { items } = await get('content/performance', { from })
    return items.reduce((sum, row) => sum + Number(row[column]), 0)
  }

  function figuresOf(sql: ReturnType<typeof plainSql>): Record<string, Figure> {
    const core = targets.filter(([dependency]) => dependency !== 'comfyui')
    const isUp = ([, target]: (typeof targets)[number]) => !down.some((one) => one === target)
    const states = Map.groupBy(targets, ([dependency]) => dependency)
    return {
      'Users A': { plain: sql.users, asked: overview('users_total') },
      'New today A': { plain: sql.newToday, asked: overview('users_new_today') },
      'New this week A': { plain: sql.newThisWeek, asked: overview('users_new_this_week') },
      'New this month A': { plain: sql.newThisMonth, asked: quickStat('signups_this_month') },
      'Active in a day (DAU) A': { plain: sql.dau, asked: quickStat('active_users_1d') },
      'Active in a week (WAU) A': { plain: sql.wau, asked: quickStat('active_users_7d') },
      'Active in a month (MAU) A': { plain: sql.mau, asked: overview('users_active') },
      'Characters A': { plain: sql.characters },
      'Images A': { plain: sql.images, asked: overview('content_total_images') },
      'Images today A': { plain: sql.imagesToday, asked: overview('content_images_today') },
      // The overview's successRate is of all that ever ended.
      'Success rate, 24 h A': {
        plain: sql.successRate,
        asked: async () => {
          const [succeeded, failed] = [await ofDay('succeeded'), await ofDay('failed')]
          return succeeded + failed === 0 ? {} : { '': succeeded / (succeeded + failed) }
        },
      },
      'Active subscriptions A': {
        plain: sql.subscriptions,
        asked: async () => {
          const { subscriptions } = await get<{ subscriptions: { byTier: Figures } }>('dashboard/overview')
          return subscriptions.byTier
        },
      },
      'MRR A': { plain: sql.mrr, asked: quickStat('mrr') },
      'Credits purchased today A': { plain: sql.purchasedToday, asked: quickStat('credits_purchased_today') },
      'Credits consumed today A': { plain: sql.consumedToday, asked: quickStat('credits_consumed_today') },
      'Credits refunded today A': { plain: sql.refundedToday, asked: quickStat('credits_refunded_today') },
      'Refunds today A': { plain: sql.refundsToday, asked: quickStat('refunds_today') },
      'Refunded today A': { plain: sql.refundAmountToday, asked: quickStat('refund_amount_today') },
      'Open bug reports A': { plain: sql.bugReports, asked: quickStat('bug_reports_open') },
      'Failed jobs, 24 h A': {
        plain: { '': failedJobs.generation + failedJobs.thumbnail },
        asked: overview('jobs_failed_24h'),
      },
      'Pending influencer requests A': {
        plain: sql.influencerRequests,
        asked: quickStat('influencer_requests_pending'),
      },
      'Overall A': {
        plain: { '': core.every(isUp) ? (targets.every(isUp) ? 2 : 1) : 0 },
        // The API calls degraded what the board calls degraded or down.
        asked: async () => {
          const { overall } = await get<{ overall: string }>('system/health')
          return { '': overall === 'healthy' ? 2 : core.every(isUp) ? 1 : 0 }
        },
      },
      'Dependencies A': {
        plain: Object.fromEntries([...states].map(([name, all]) => [name, Number(all.every(isUp))])),
        asked: async () => {
          const { items } = await get('system/health')
          const names: Record<string, string> = { database: 'postgres', storage: 's3' }
          return Object.fromEntries(items.map(({ name, healthy }) => [names[String(name)] ?? name, Number(healthy)]))
        },
      },
      'User growth A': { plain: sql.users, asked: overview('users_total') },
      'Active users A': { plain: sql.dau, asked: quickStat('active_users_1d') },
      'Active users B': { plain: sql.wau, asked: quickStat('active_users_7d') },
      'Active users C': { plain: sql.mau, asked: quickStat('active_users_30d') },
      'Generations a day A': {
        ...{ plain: sql.ended, ofDay: true },
        asked: async () => ({
          succeeded: await ofDay('succeeded'),
          failed: await ofDay('failed'),
          cancelled: await ofDay('cancelled'),
        }),
      },
      'MRR over time A': { plain: sql.mrr, asked: quickStat('mrr') },
    }
  }

  async function plainly(plain: string | Figures): Promise<Figures> {
    if (typeof plain !== 'string') return plain
    const client = await platform.database.pool.connect()
    try {
      await client.query(`SET search_path = ${platform.source}`)
      const { rows } = await client.query<{ key?: string; value: string | null }>(plain)
      return Object.fromEntries(rows.map(({ key = '', value }) => [key, Number(value ?? 0)]))
    } finally {
      await client.query('RESET search_path')
      client.release()
    }
  }

  test('every query of the board is compared, or its panel is excused', () => {
    const names = queries.map(({ title, refId }) => `${title} ${refId}`)
    const known = queries.flatMap(({ title }) => (title in excused ? [`${title} A`] : []))
    const compared = Object.keys(changes).map((title) => `${title} Change`)
    expect(names.sort()).toEqual([...known, ...compared, ...Object.keys(figures)].sort())
  })

  const compared = queries.filter(({ title }) => !(title in excused))
  test.each(compared)('$title $refId is the same of Prometheus, the API and plain SQL', async (query) => {
    const { title, refId, expression = '' } = query
    const name = `${title} ${refId}`
    expect(expression, 'has no variables').not.toContain('$')
    const [figure, hours] = [figures[name], changes[title] ?? 0]
    const at = new Date(past.now.getTime() - (figure?.ofDay ? 86_400_000 : 0))
    const found = shown(await past.query(expression, at))
    if (figure !== undefined) {
      const expected = await plainly(figure.plain)
      expectAlike(withoutZeros(found), withoutZeros(expected), `${name} of Prometheus and by plain SQL`)
      const asked = await figure.asked?.()
      if (asked !== undefined)
        expectAlike(withoutZeros(asked), withoutZeros(expected), `${name} of the API and by plain SQL`)
    } else {
      const then = figuresOf(await sqlAt(hours))[`${title} A`]?.plain ?? {}
      const [now, before] = [await plainly(figures[`${title} A`]?.plain ?? {}), await plainly(then)]
      const expected: Figures = before[''] ? { '': (now[''] ?? 0) / before[''] - 1 } : {}
      expectAlike(found, expected, name)
    }
    if (Object.keys(withoutZeros(found)).length > 0) wereSomething.add(name)
  })
})

test('on one of the platforms at least there was something to be compared', () => {
  const never = queries.filter(({ title, refId }) => !(title in excused) && !wereSomething.has(`${title} ${refId}`))
  expect(never.map(({ title, refId }) => `${title} ${refId}`)).toEqual([])
})
