import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import {
  exporterCollectorEnabled,
  exporterCollectorSuccess,
  exporterLeader,
  snapshotTimestampSeconds,
} from '../../catalogue/exporter.ts'
import { signups } from '../../catalogue/users.ts'
import { installPlatform } from '../../database/platform/install.ts'
import { startPostgres } from '../../demo/stack/postgres.ts'
import { readSettings } from '../../lib/settings.ts'
import { testDirectory } from '../../testing/database.ts'
import { createPlatformDatabase, type PlatformDatabase } from '../../testing/platform.ts'
import { type RunningExporter, startExporter } from '../main.ts'
import { secondsOf } from '../store/snapshot.ts'

async function platform(): Promise<PlatformDatabase> {
  const database = await createPlatformDatabase()
  onTestFinished(() => database.drop())
  await database.pool.query(
    `INSERT INTO platform.users (country, signup_source) SELECT 'DE', 'direct' FROM generate_series(1, 5)`,
  )
  return database
}

interface Watched {
  exporter: RunningExporter
  /** Log lines of errors, as text. */
  errors: string[]
  page(path?: string): Promise<{ status: number; text: string }>
  /** The value of the only series whose line begins so, or undefined. */
  value(start: string): Promise<number | undefined>
}

async function start(url: string, environment: Record<string, string> = {}, options = {}): Promise<Watched> {
  const settings = readSettings({ DATABASE_URL: url, REFRESH_INTERVAL: '1s', ...environment }, ['DATABASE_URL'])
  const errors: string[] = []
  const log = pino({ level: 'error' }, { write: (line: string) => void errors.push(line) })
  const serving = { listen: { host: '127.0.0.1', port: 0 } }
  const exporter = await startExporter({ settings, serving, log, pollMs: 200, statementTimeoutMs: 1_000, ...options })
  onTestFinished(() => exporter.stop())
  const page = async (path = '/metrics') => {
    const response = await fetch(new URL(path, exporter.address))
    return { status: response.status, text: await response.text() }
  }
  const value = async (wanted: string) => {
    const { text } = await page()
    const line = text
      .split('\n')
      .find((candidate) => candidate.startsWith(`${wanted} `) || candidate.startsWith(`${wanted}{`))
    return line === undefined ? undefined : Number(line.split(' ').at(-1))
  }
  return { exporter, errors, page, value }
}

/** Looks again until it holds; the last failure is the test's. */
async function eventually(check: () => Promise<void>, timeoutMs = 15_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (Date.now() > deadline) throw error
      await sleep(100)
    }
  }
}

const success = (collector: string) => `${exporterCollectorSuccess.name}{collector="${collector}"}`
const enabled = (collector: string) => `${exporterCollectorEnabled.name}{collector="${collector}"}`
const everSignups = `${signups.name}{window="ever",source="direct",country="DE"}`
const ready = (of: Watched) => eventually(async () => expect((await of.page('/readyz')).status).toBe(200))

test('two exporters show the same figures, one leads, and the other takes over when it stops', async () => {
  const database = await platform()
  const one = await start(database.exporterUrl)
  await ready(one)
  const other = await start(database.exporterUrl)
  await ready(other)
  const leads = async () => [await one.value(exporterLeader.name), await other.value(exporterLeader.name)]
  expect(await leads()).toEqual([1, 0])
  expect(await other.value(everSignups)).toBe(5)
  await eventually(async () => {
    const [here, there] = [
      await one.value(snapshotTimestampSeconds.name),
      await other.value(snapshotTimestampSeconds.name),
    ]
    expect(here).toBe(there)
  })
  await one.exporter.stop()
  const before = await other.value(snapshotTimestampSeconds.name)
  await eventually(async () => {
    expect(await other.value(exporterLeader.name)).toBe(1)
    expect(await other.value(snapshotTimestampSeconds.name)).toBeGreaterThan(before ?? Number.POSITIVE_INFINITY)
  })
})

test('a leader whose session is cut off loses the lead and somebody has it again', async () => {
  const database = await platform()
  const one = await start(database.exporterUrl)
  await ready(one)
  const cut = await database.pool.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'barometer-leader' AND datname = current_database()`,
  )
  expect(cut.rowCount).toBe(1)
  const before = await one.value(snapshotTimestampSeconds.name)
  await eventually(async () => {
    expect(await one.value(exporterLeader.name)).toBe(1)
    expect(await one.value(snapshotTimestampSeconds.name)).toBeGreaterThan(before ?? Number.POSITIVE_INFINITY)
  })
})

test('a wrong type stops its collectors alone, at once and by name; their figures stay until they are stale', async () => {
  const database = await platform()
  await database.pool.query(`INSERT INTO platform.bug_reports (severity) VALUES ('high')`)
  const of = await start(database.exporterUrl, { STALE_AFTER: '4s' })
  await ready(of)
  const open = 'platform_bug_reports_open{severity="high"}'
  expect(await of.value(open)).toBe(1)
  await database.pool.query(
    `DROP VIEW barometer_source.bug_reports;
     CREATE VIEW barometer_source.bug_reports AS
       SELECT id AS bug_report_id, created_at::text, updated_at, status, severity FROM platform.bug_reports;
     GRANT SELECT ON barometer_source.bug_reports TO barometer_exporter`,
  )
  await eventually(async () => expect(await of.value(success('bug-reports'))).toBe(0))
  expect(await of.value(open)).toBe(1)
  expect(await of.value(success('users'))).toBe(1)
  // A refresh that was under way when the view changed fails with Postgres's own words; the next one names the column.
  await eventually(async () =>
    expect(of.errors.join('')).toContain('view bug_reports: column created_at is text; expected timestamptz'),
  )
  await eventually(async () => expect(await of.value(open)).toBeUndefined())
  expect(await of.value(everSignups)).toBe(5)
})

test('a view that is not there turns its collectors off, and one that comes turns them on', async () => {
  const database = await platform()
  await database.pool.query('DROP VIEW barometer_source.refunds')
  const of = await start(database.exporterUrl)
  await ready(of)
  expect([await of.value(enabled('refunds')), await of.value(success('refunds'))]).toEqual([0, undefined])
  expect([await of.value(enabled('payments')), await of.value(success('payments'))]).toEqual([1, 1])
  await database.pool.query(
    `CREATE VIEW barometer_source.refunds AS
       SELECT id AS refund_id, payment_id, user_id, refunded_at, amount_minor, currency FROM platform.refunds;
     GRANT SELECT ON barometer_source.refunds TO barometer_exporter`,
  )
  await eventually(async () => expect(await of.value(success('refunds'))).toBe(1))
})

test('a NULL where none may be is named, and goes when it is mended', async () => {
  const database = await platform()
  await database.pool.query(
    `CREATE OR REPLACE VIEW barometer_source.sessions AS
       SELECT id AS session_id, nullif(user_id, 3) AS user_id, started_at FROM platform.sessions`,
  )
  await database.pool.query('INSERT INTO platform.sessions (user_id) VALUES (1), (3)')
  const of = await start(database.exporterUrl)
  await ready(of)
  expect(await of.value(success('sessions'))).toBe(0)
  expect(of.errors.join('')).toContain('view sessions: column user_id holds NULL; expected a value in every row')
  await database.pool.query('DELETE FROM platform.sessions WHERE user_id = 3')
  await eventually(async () => expect(await of.value(success('sessions'))).toBe(1))
})

test('a query that hangs is cut by its time-out while the others go on', async () => {
  const database = await platform()
  await database.pool.query(
    `CREATE OR REPLACE VIEW barometer_source.influencer_requests AS
       SELECT id AS request_id, created_at, updated_at, status FROM platform.influencer_requests, pg_sleep(30)`,
  )
  await database.pool.query('INSERT INTO platform.influencer_requests DEFAULT VALUES')
  const of = await start(database.exporterUrl)
  await ready(of)
  expect(await of.value(success('influencer-requests'))).toBe(0)
  expect(await of.value(success('users'))).toBe(1)
  expect(of.errors.join('')).toContain(
    'platform_influencer_requests_pending: canceling statement due to statement timeout',
  )
  const before = Date.now()
  await of.exporter.stop()
  expect(Date.now() - before).toBeLessThan(8_000)
})

test('as_of never goes back, also where the clock did', async () => {
  const database = await platform()
  const of = await start(database.exporterUrl)
  await ready(of)
  await of.exporter.stop()
  const ahead = '2999-01-01 00:00:00.123456+00'
  await database.pool.query('UPDATE barometer.meta SET last_as_of = $1', [ahead])
  const again = await start(database.exporterUrl)
  await eventually(async () => expect(await again.value(snapshotTimestampSeconds.name)).toBe(secondsOf(ahead)))
})

test('an instant is read to the microsecond', () => {
  expect(secondsOf('2026-03-18 15:00:00.123456+00')).toBe(1773846000.123456)
  expect(secondsOf('2026-03-18 15:00:00+00')).toBe(1773846000)
  expect(secondsOf('2026-03-18 15:00:00.5+00')).toBe(1773846000.5)
})

test('with Postgres stopped it serves what it has and says so, and goes on by itself when it is back', async () => {
  const postgres = await startPostgres({ directory: testDirectory('postgres'), settings: { fsync: 'off' } })
  onTestFinished(() => postgres.stop())
  const { exporterUrl } = await installPlatform({ ownerUrl: postgres.url })
  const of = await start(exporterUrl)
  await ready(of)
  await postgres.stop()
  await eventually(async () => expect(await of.value(success('users'))).toBe(0))
  expect((await of.page('/readyz')).status).toBe(200)
  expect((await of.page()).text).toContain('platform_characters 0\n')
  const warm = await start(exporterUrl)
  expect((await warm.page('/livez')).status).toBe(200)
  expect((await warm.page('/readyz')).status).toBe(503)
  await eventually(async () =>
    expect((await warm.page('/metrics/probes')).text).toMatch(/platform_dependency_up\{dependency="postgres",.*\} 0\n/),
  )
  await postgres.start()
  for (const exporter of [of, warm]) {
    await eventually(async () => expect(await exporter.value(success('users'))).toBe(1), 30_000)
  }
})
