import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { collectors } from '../../../exporter/figures/index.ts'
import { nothingKept } from '../../../exporter/store/labels.ts'
import { runFigure } from '../../../exporter/store/run-figure.ts'
import { createDatabase } from '../../../testing/database.ts'
import { countsOf, createWorld, minuteOf, playMinute, type WorldSize, worldEnds } from './world.ts'

const size: WorldSize = { days: 120, share: 1 / 1_000 }
const tables = {
  users: 'users',
  visits: 'visits',
  sessions: 'sessions',
  characters: 'characters',
  generations: 'generations',
  subscriptions: 'subscriptions',
  payments: 'payments',
  refunds: 'refunds',
  credit_ledger: 'credit_entries',
  bug_reports: 'bug_reports',
  influencer_requests: 'influencer_requests',
} as const
const filled: readonly string[] = [...Object.keys(tables), 'subscription_events']

async function newWorld(worldSize: WorldSize): Promise<pg.Client> {
  const database = await createDatabase()
  const client = new pg.Client({ connectionString: database.url })
  onTestFinished(async () => {
    await client.end()
    await database.drop()
  })
  await createWorld({ ownerUrl: database.url, size: worldSize })
  await client.connect()
  return client
}

async function rowsOf(client: pg.Client): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const [table, kind] of Object.entries(tables)) {
    const { rows } = await client.query<{ n: string }>(`SELECT count(*) AS n FROM platform.${table}`)
    counts[kind] = Number(rows[0]?.n)
  }
  return counts
}

async function one(client: pg.Client, sql: string, values: unknown[] = []): Promise<Record<string, unknown>> {
  return (await client.query(sql, values)).rows[0]
}

test('a world has the rows that are stated, none of them later than its end, with its indexes, and every figure can be computed', async () => {
  const client = await newWorld(size)
  expect(await rowsOf(client)).toEqual(countsOf(size))
  expect(countsOf(size)).toMatchObject({ users: 1_000, sessions: 20_000, generations: 10_000, credit_entries: 5_000 })
  const ahead = `SELECT
      (SELECT count(*)::int FROM platform.sessions WHERE started_at > $1 OR started_at <= $1::timestamptz - interval '120 days')
    + (SELECT count(*)::int FROM platform.generations WHERE greatest(created_at, started_at, finished_at, updated_at) > $1)
    + (SELECT count(*)::int FROM platform.users WHERE greatest(created_at, deleted_at, updated_at) > $1)
    + (SELECT count(*)::int FROM platform.subscriptions WHERE greatest(started_at, ended_at, updated_at) > $1)
    + (SELECT count(*)::int FROM platform.sessions s WHERE NOT EXISTS (SELECT FROM platform.users u WHERE u.id = s.user_id)) AS n`
  expect(await one(client, ahead, [worldEnds])).toEqual({ n: 0 })
  const indexes = `SELECT count(*)::int AS n FROM pg_indexes WHERE schemaname = 'platform' AND tablename IN ('sessions', 'generations')`
  expect(await one(client, indexes)).toEqual({ n: 3 + 7 })

  await client.query('SET search_path = barometer_source')
  const inputs = {
    asOf: worldEnds,
    timezone: 'Europe/Berlin',
    thresholds: { casual: 1, regular: 10, power: 50 },
    kept: nothingKept,
    popularItems: [],
  }
  for (const { name, figures } of collectors) {
    for (const figure of figures) {
      // Of a view that the world does not fill there is nothing to be seen.
      if (!figure.metric.sources.every((view) => filled.includes(view))) continue
      const { samples } = await runFigure(client, figure, inputs)
      const isSomething = samples.some((sample) => ('value' in sample ? sample.value !== 0 : sample.count > 0))
      expect(isSomething, `${name}: ${figure.metric.name}`).toBe(true)
    }
  }
})

test('a tenth of the history has as many rows a day, and a minute brings as many rows to both', async () => {
  const worlds = [size, { ...size, days: 12 }]
  const brought: Record<string, number>[] = []
  for (const worldSize of worlds) {
    const client = await newWorld(worldSize)
    const day = `SELECT count(*)::int AS n FROM platform.sessions WHERE started_at > $1::timestamptz - interval '1 day'`
    const { n } = await one(client, day, [worldEnds])
    expect(Math.abs(Number(n) - 20_000 / 120)).toBeLessThan(2)
    const before = await rowsOf(client)
    await playMinute(client, new Date(Date.parse(worldEnds) + 60_000).toISOString())
    await playMinute(client, new Date(Date.parse(worldEnds) + 120_000).toISOString())
    const after = await rowsOf(client)
    brought.push(Object.fromEntries(Object.entries(after).map(([kind, count]) => [kind, count - (before[kind] ?? 0)])))
    // What was queued in the first minute runs in the second.
    const statuses = await client.query(
      `SELECT status, count(*)::int AS n FROM platform.generations WHERE created_at > $1 GROUP BY 1 ORDER BY 1`,
      [worldEnds],
    )
    expect(statuses.rows).toEqual([
      { status: 'queued', n: 1 },
      { status: 'running', n: 1 },
    ])
  }
  expect(brought[0]).toEqual(brought[1])
  expect(brought[0]).toEqual(
    Object.fromEntries(Object.entries(minuteOf(size)).map(([kind, count]) => [kind, 2 * count])),
  )
})

test('the same size gives the same world', async () => {
  const digest = `SELECT md5(string_agg(id::text || user_id || started_at, ',' ORDER BY id)) AS digest FROM platform.sessions`
  const tiny = { days: 12, share: 1 / 10_000 }
  const [one_, other] = [await newWorld(tiny), await newWorld(tiny)]
  expect(await one(one_, digest)).toEqual(await one(other, digest))
})
