import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { readSettings } from '../../lib/settings.ts'
import { createPlatformDatabase, type PlatformDatabase } from '../../testing/platform.ts'
import { layout } from '../figures/index.ts'
import { buildStore } from './build.ts'
import { withoutLease } from './fence.ts'
import { migrateStore } from './migrate.ts'
import { readParts } from './parts.ts'
import type { BuildProgress } from './progress.ts'
import { reconcile } from './reconcile.ts'

const log = pino({ level: 'silent' })
const statementTimeoutMs = 60_000

/** Large enough for several chunks of each kind. */
async function platform(): Promise<PlatformDatabase> {
  const database = await createPlatformDatabase()
  onTestFinished(() => database.drop())
  await database.pool.query(`
    INSERT INTO platform.users (created_at, country, signup_source, visitor_id)
    SELECT now() - interval '1 minute' * n, 'DE', 'direct', 'v' || n FROM generate_series(1, 12000) AS n;
    INSERT INTO platform.sessions (user_id, started_at)
    SELECT 1 + n % 12000, now() - interval '30 s' * n FROM generate_series(1, 120000) AS n;
    INSERT INTO platform.generations (user_id, created_at, finished_at, updated_at, status, type, quality, aspect_ratio)
    SELECT 1 + n % 12000, at, at, at, 'succeeded', 'studio', 'hq', '1:1'
    FROM (SELECT n, now() - interval '1 minute' * n AS at FROM generate_series(1, 20000) AS n) AS made;
    ANALYZE platform.users, platform.sessions, platform.generations`)
  return database
}

const drifted = async (run: Parameters<typeof reconcile>[0]) =>
  [...(await reconcile({ ...run, full: true }))].filter(([, drift]) => drift.rows > 0)

test('a build that is killed again and again goes on where it was, and what it built is right', async () => {
  const database = await platform()
  const metrics = () =>
    spawn(process.execPath, [join(import.meta.dirname, '..', '..', 'cli', 'main.ts'), 'metrics'], {
      env: { PATH: process.env.PATH, DATABASE_URL: database.exporterUrl },
      stdio: 'ignore',
    })
  for (const afterMs of [900, 1_400, 1_900]) {
    const child = metrics()
    const ended = once(child, 'exit')
    await Promise.race([sleep(afterMs), ended])
    child.kill('SIGKILL')
    await ended
  }
  const [code] = await once(metrics(), 'exit')
  expect(code).toBe(0)
  const settings = readSettings({ DATABASE_URL: database.exporterUrl }, ['DATABASE_URL'])
  expect(
    await drifted({ pool: database.pool, settings, log, layout, statementTimeoutMs, fence: withoutLease }),
  ).toEqual([])
})

test('a build that is paused leaves the rest to the next call, and tells how far it is', async () => {
  const database = await platform()
  const settings = readSettings({ DATABASE_URL: database.exporterUrl }, ['DATABASE_URL'])
  await migrateStore(settings)
  const run = { pool: database.pool, settings, log, layout, statementTimeoutMs, fence: withoutLease }
  const progress: BuildProgress[] = []
  const onProgress = (one: BuildProgress) => void progress.push(one)
  let calls = 0
  for (;;) {
    let chunks = 0
    const built = await buildStore({
      ...run,
      onProgress: (one) => {
        chunks += 1
        onProgress(one)
      },
      isStopped: () => chunks >= 3,
    })
    calls += 1
    if (built.complete) break
    expect([...(await readParts(database.pool, 'barometer')).values()].some((part) => !part.ready)).toBe(true)
  }
  expect(calls).toBeGreaterThan(3)
  for (const { fraction, secondsLeft } of progress) {
    expect(fraction).toBeGreaterThanOrEqual(0)
    expect(fraction).toBeLessThanOrEqual(1)
    expect(secondsLeft ?? 0).toBeGreaterThanOrEqual(0)
  }
  expect(await drifted(run)).toEqual([])
})

test('two that build at once do each part once', async () => {
  const database = await platform()
  const settings = readSettings({ DATABASE_URL: database.exporterUrl }, ['DATABASE_URL'])
  await migrateStore(settings)
  const run = { pool: database.pool, settings, log, layout, statementTimeoutMs, fence: withoutLease }
  const both = await Promise.all([buildStore(run), buildStore(run)])
  for (const { failures } of both) expect([...failures]).toEqual([])
  expect(await drifted(run)).toEqual([])
})
