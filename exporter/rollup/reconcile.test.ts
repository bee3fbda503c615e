import { performance } from 'node:perf_hooks'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { exporterRollupDriftRows } from '../../catalogue/exporter.ts'
import { readSettings } from '../../lib/settings.ts'
import { createPlatformDatabase } from '../../testing/platform.ts'
import { collectors } from '../collectors/index.ts'
import { readKept } from '../kept.ts'
import { runFigure } from '../oracle.ts'
import { familiesOf } from '../refresh/figures.ts'
import { refresh } from '../refresh/refresh.ts'
import { migrateStore } from '../store/migrate.ts'
import { secondsOf } from '../store/snapshot.ts'
import { buildStore, inputsOf } from './build.ts'
import { reconcile } from './reconcile.ts'

const statementTimeoutMs = 60_000
const log = pino({ level: 'silent' })

async function platform(environment: Record<string, string> = {}) {
  const database = await createPlatformDatabase()
  onTestFinished(() => database.drop())
  await database.pool.query(`
    INSERT INTO platform.users (created_at, country, signup_source, visitor_id, kind)
    SELECT now() - interval '60 days', 'DE', 'direct', 'v' || n, CASE n WHEN 9 THEN 'staff' ELSE 'customer' END
    FROM generate_series(1, 10) AS n;
    INSERT INTO platform.visits (visitor_id, visited_at) SELECT 'v' || n, now() - interval '20 days' FROM generate_series(1, 10) AS n;
    INSERT INTO platform.sessions (user_id, started_at)
    SELECT 1 + n % 10, now() - interval '7 hours' * n FROM generate_series(0, 150) AS n;
    INSERT INTO platform.payments (user_id, paid_at, kind, amount_minor, currency)
    SELECT 1 + n % 10, now() - interval '1 day' * n, 'credits', 100, 'USD' FROM generate_series(1, 50) AS n;
    INSERT INTO platform.generations (user_id, created_at, finished_at, updated_at, status, type, quality, aspect_ratio, scene)
    SELECT 1 + n % 10, at, at, at, 'succeeded', 'studio', 'hq', '1:1', 'beach'
    FROM (SELECT n, now() - interval '11 hours' * n AS at FROM generate_series(1, 100) AS n) AS made;
    INSERT INTO platform.credit_ledger (user_id, created_at, kind, credits)
    SELECT 1 + n % 10, now() - interval '1 day' * n, 'granted', 5 FROM generate_series(1, 50) AS n;
    INSERT INTO platform.subscriptions (user_id, tier, status, amount_minor, currency, started_at)
    SELECT n, 'pro', 'active', 900, 'USD', now() - interval '40 days' FROM generate_series(1, 4) AS n`)
  const settings = readSettings({ DATABASE_URL: database.exporterUrl, ...environment }, ['DATABASE_URL'])
  await migrateStore(settings)
  const run = { pool: database.pool, settings, log, statementTimeoutMs }
  const refreshed = async (of = settings) => {
    const built = await buildStore({ ...run, settings: of })
    expect([...built.failures]).toEqual([])
    const monotonicSeconds = () => performance.now() / 1_000
    const result = await refresh({ ...run, settings: of, collectors, replicaId: 'test', monotonicSeconds })
    expect([...result.failures]).toEqual([])
    return result.snapshot
  }
  /** Metrics of the snapshot that are not what plain SQL over the views says. */
  const wrong = async (of = settings): Promise<string[]> => {
    const snapshot = await refreshed(of)
    const client = await database.pool.connect()
    try {
      await client.query(`SET search_path = barometer_source; SET TimeZone = 'UTC'`)
      const items = await client.query(
        'SELECT category, time_window AS "window", item FROM barometer.popular_item WHERE day = ($1::timestamptz AT TIME ZONE $2)::date',
        [snapshot.asOf, of.REPORTING_TIMEZONE],
      )
      const inputs = {
        ...inputsOf(of, snapshot.asOf),
        kept: await readKept(client, 'barometer'),
        popularItems: items.rows,
      }
      const differing: string[] = []
      for (const collector of collectors)
        for (const [place, figure] of collector.oracle.entries()) {
          const lines = (samples: readonly object[]) => samples.map((sample) => JSON.stringify(sample)).sort()
          const expected = await runFigure(client, figure, inputs)
          const found = snapshot.collectors.get(collector.name)?.families[place]?.samples ?? []
          if (lines(found).join() !== lines(expected.samples).join()) differing.push(figure.metric.name)
        }
      return differing
    } finally {
      client.release(true)
    }
  }
  return { database, settings, run, refreshed, wrong }
}

test('a store that is as it should be has no drift, and says so', async () => {
  const { run, refreshed, wrong } = await platform()
  await refreshed()
  const found = await reconcile(run)
  expect([...found].filter(([, drift]) => drift.rows > 0)).toEqual([])
  expect(found.size).toBeGreaterThan(20)
  const snapshot = await refreshed()
  const families = familiesOf(snapshot, {
    nowMs: secondsOf(snapshot.asOf) * 1_000,
    staleAfterMs: 60_000,
    cutOff: false,
  })
  const drift = families.find((family) => family.metric === exporterRollupDriftRows)
  expect(drift?.samples).toHaveLength(collectors.length)
  expect(await wrong()).toEqual([])
})

test.each([
  [
    'rows later than the overlap',
    `INSERT INTO platform.sessions (user_id, started_at) VALUES (3, now() - interval '9 hours'), (9, now() - interval '9 hours');
    INSERT INTO platform.payments (user_id, paid_at, kind, amount_minor, currency) VALUES (1, now() - interval '3 days', 'credits', 700, 'EUR')`,
  ],
  [
    'hard deletes',
    `DELETE FROM platform.sessions WHERE id % 7 = 0; DELETE FROM platform.generations WHERE user_id = 2;
    DELETE FROM platform.subscriptions WHERE user_id = 1; DELETE FROM platform.users WHERE id IN (4, 9)`,
  ],
  [
    'changed owners',
    `UPDATE platform.sessions SET user_id = 9 WHERE user_id = 5; UPDATE platform.generations SET user_id = 9 WHERE user_id = 6;
    UPDATE platform.credit_ledger SET user_id = 1 WHERE user_id = 2; UPDATE platform.subscriptions SET user_id = 8 WHERE user_id = 1`,
  ],
  [
    'changes that moved no updated_at',
    `UPDATE platform.users SET kind = 'bot' WHERE id = 7; UPDATE platform.generations SET status = 'failed' WHERE user_id = 3;
    UPDATE platform.users SET country = 'FR' WHERE id = 2`,
  ],
  [
    'mending by hand',
    `UPDATE barometer.rollup_users SET n = n + 3; DELETE FROM barometer.rollup_active WHERE id = 2; UPDATE barometer.rollup_sessions SET n = n + 1 WHERE grain = 2;
    DELETE FROM barometer.rollup_generations_finished; UPDATE barometer.rollup_popular SET n = 5`,
  ],
])('%s are found, counted and put right', async (_, mishap) => {
  const { database, run, refreshed, wrong } = await platform()
  await refreshed()
  await database.pool.query(mishap)
  expect((await wrong()).length).toBeGreaterThan(0)
  const found = await reconcile({ ...run, full: true })
  const drifted = [...found].filter(([, drift]) => drift.rows > 0)
  expect(drifted.length).toBeGreaterThan(0)
  for (const [, drift] of drifted) expect(drift.examples.length).toBeGreaterThan(0)
  expect(await wrong()).toEqual([])
  expect([...(await reconcile(run))].filter(([, drift]) => drift.rows > 0)).toEqual([])
})

test('another time zone or threshold builds the store anew, and its figures are right at once', async () => {
  const { settings, wrong } = await platform()
  expect(await wrong()).toEqual([])
  expect(await wrong({ ...settings, REPORTING_TIMEZONE: 'Asia/Kolkata' })).toEqual([])
  expect(await wrong({ ...settings, ACTIVITY_THRESHOLDS: { casual: 2, regular: 4, power: 9 } })).toEqual([])
})
