import { performance } from 'node:perf_hooks'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { readSettings } from '../../lib/settings.ts'
import { postgresVersion } from '../../testing/database.ts'
import { createPlatformDatabase } from '../../testing/platform.ts'
import { layout } from '../figures/index.ts'
import { refresh } from '../refresh/refresh.ts'
import { buildStore } from './build.ts'
import { withoutLease } from './fence.ts'
import { migrateStore } from './migrate.ts'

const statementTimeoutMs = 60_000
const log = pino({ level: 'silent' })

test('a refresh reads no table of the platform from end to end', async () => {
  const database = await createPlatformDatabase()
  onTestFinished(() => database.drop())
  const settings = readSettings({ DATABASE_URL: database.exporterUrl }, ['DATABASE_URL'])
  await migrateStore(settings)
  const run = { pool: database.pool, settings, log, layout, statementTimeoutMs, fence: withoutLease }
  await buildStore(run)
  const monotonicSeconds = () => performance.now() / 1_000
  const refreshed = async () => {
    const { failures } = await refresh({ ...run, replicaId: 'test', monotonicSeconds })
    expect([...failures]).toEqual([])
  }
  await refreshed()
  // Something of everything, so that every look-up is made.
  await database.pool.query(`
    INSERT INTO platform.users (country, visitor_id, kind) SELECT 'DE', 'v' || n, 'customer' FROM generate_series(1, 9) AS n;
    INSERT INTO platform.visits (visitor_id) SELECT 'v' || n FROM generate_series(1, 9) AS n;
    INSERT INTO platform.sessions (user_id) SELECT n FROM generate_series(1, 9) AS n;
    INSERT INTO platform.characters (user_id) SELECT n FROM generate_series(1, 9) AS n;
    INSERT INTO platform.generations (user_id, type, quality, aspect_ratio, status, finished_at)
    SELECT n, 'studio', 'hq', '1:1', 'succeeded', now() FROM generate_series(1, 9) AS n;
    INSERT INTO platform.subscriptions (user_id, tier, status, amount_minor, currency)
    SELECT n, 'pro', 'active', 900, 'USD' FROM generate_series(1, 3) AS n;
    INSERT INTO platform.payments (user_id, kind, amount_minor, currency)
    SELECT n, 'credits', 900, 'USD' FROM generate_series(1, 3) AS n;
    INSERT INTO platform.credit_ledger (user_id, kind, credits) SELECT n, 'granted', 9 FROM generate_series(1, 3) AS n;
    INSERT INTO platform.bug_reports DEFAULT VALUES;
    INSERT INTO platform.influencer_requests DEFAULT VALUES`)
  await refreshed()
  await database.pool.query(`UPDATE platform.users SET kind = 'staff', updated_at = now() WHERE id < 4`)
  const scans = async () => {
    const { rows } = await database.pool.query<{ relname: string; seq_scan: string }>(
      `SELECT relname, seq_scan FROM pg_stat_user_tables WHERE schemaname = 'platform' AND relname <> 'migration'`,
    )
    return Object.fromEntries(rows.map((row) => [row.relname, Number(row.seq_scan)]))
  }
  // Counters are passed on when a transaction ends, at most once a second, or at once where it can be asked for.
  const flush = (await postgresVersion(database.pool)) >= 15 ? 'pg_stat_force_next_flush()' : 'pg_sleep(2)'
  await database.pool.query(`SELECT ${flush}`)
  const before = await scans()
  await refreshed()
  await database.pool.query(`SELECT ${flush}`)
  expect(await scans()).toEqual(before)
})
