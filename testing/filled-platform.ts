import { performance } from 'node:perf_hooks'
import { pino } from 'pino'
import { expect, onTestFinished } from 'vitest'
import { collectors, layout } from '../exporter/figures/index.ts'
import { refresh } from '../exporter/refresh/refresh.ts'
import { buildStore } from '../exporter/store/build.ts'
import { withoutLease } from '../exporter/store/fence.ts'
import { readKept } from '../exporter/store/labels.ts'
import { migrateStore } from '../exporter/store/migrate.ts'
import { runFigure } from '../exporter/store/run-figure.ts'
import { inputsOf } from '../exporter/store/session.ts'
import { readSettings } from '../lib/settings.ts'
import { createPlatformDatabase } from './platform.ts'

const statementTimeoutMs = 60_000
const log = pino({ level: 'silent' })

/** The reference platform with some rows of each kind, and a store on it; it goes with the test. */
export async function filledPlatform(environment: Record<string, string> = {}, migrated = true) {
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
  if (migrated) await migrateStore(settings)
  const run = { pool: database.pool, settings, log, layout, statementTimeoutMs, fence: withoutLease }
  const refreshed = async (of = settings) => {
    const built = await buildStore({ ...run, settings: of })
    expect([...built.failures]).toEqual([])
    const monotonicSeconds = () => performance.now() / 1_000
    const result = await refresh({ ...run, settings: of, replicaId: 'test', monotonicSeconds })
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
        for (const [place, figure] of collector.figures.entries()) {
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
