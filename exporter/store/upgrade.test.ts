import { cpSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { migrateSchema, schemaVersion } from '../../lib/migrations.ts'
import { createClient } from '../../lib/postgres.ts'
import { barometer, oneLine } from '../../testing/cli.ts'
import { createDatabase, testDirectory } from '../../testing/database.ts'
import { filledPlatform } from '../../testing/filled-platform.ts'
import { layout } from '../figures/index.ts'
import { startRefresher } from '../refresh/refresher.ts'
import { migrateStore, storeMigrations } from './migrate.ts'

/** What each migration brought, with what a version of its time may have left in it. */
const filled: readonly (readonly [migration: string, fill: (payload: Buffer) => [sql: string, values: unknown[]][]])[] =
  [
    [
      '001-store',
      (payload) => [
        ["UPDATE barometer.meta SET last_as_of = now() - interval '1 minute'", []],
        [
          "INSERT INTO barometer.snapshot (as_of, written_by, payload) VALUES (now() - interval '1 minute', 'old', $1)",
          [payload],
        ],
        ["INSERT INTO barometer.kept_value VALUES ('tier', 'gold', 1), ('country', 'AX', 1)", []],
        ['INSERT INTO barometer.popular_day VALUES (current_date - 1)', []],
      ],
    ],
    [
      '002-rollup',
      () => [
        // Sums of another definition: what they hold is not to be believed.
        [
          `INSERT INTO barometer.rollup_part VALUES ('feed sessions', 'old', true, NULL, now()), ('users', 'old', true, '9', NULL)`,
          [],
        ],
        [
          'CREATE TABLE barometer.rollup_sessions (day date, n bigint); INSERT INTO barometer.rollup_sessions VALUES (current_date, 77)',
          [],
        ],
        ['CREATE TABLE barometer.rollup_users (n bigint); INSERT INTO barometer.rollup_users VALUES (77)', []],
        ["INSERT INTO barometer.rollup_drift VALUES ('users', 3, now())", []],
      ],
    ],
    ['003-analytics', () => [["INSERT INTO barometer.analytics_definition (definition) VALUES ('old')", []]]],
    [
      '004-lease',
      () => [
        [
          `INSERT INTO barometer.lease VALUES (true, 'gone', 'a host that is gone', 7, now(), now() + interval '10 seconds')`,
          [],
        ],
        ['UPDATE barometer.snapshot SET fencing = 7', []],
      ],
    ],
  ]

/** A snapshot of a version that had a metric which this one does not know. */
const oldPayload = gzipSync(
  JSON.stringify({
    collectors: [
      ['users', { enabled: true, success: true, durationSeconds: 1, asOf: null, families: [['platform_gone', []]] }],
    ],
  }),
)

test.each(filled.map(([name], index) => [name, index + 1] as const))(
  'a store as %s left it comes up to the newest, its figures are exact and what was kept is kept',
  async (name, count) => {
    const { database, settings, wrong } = await filledPlatform({}, false)
    const owner = createClient({ connectionString: database.exporterUrl, applicationName: 'test' })
    await owner.connect()
    expect((await migrateSchema({ client: owner, ...storeMigrations('barometer'), count })).at(-1)).toBe(name)
    for (const [, fill] of filled.slice(0, count))
      for (const [sql, values] of fill(oldPayload)) await owner.query(sql, values)
    await owner.end()
    await migrateStore(settings)
    expect(await schemaVersion(database.pool, storeMigrations('barometer'))).toMatchObject({ missing: [], unknown: [] })
    expect(await wrong()).toEqual([])
    const { rows } = await database.pool.query(
      "SELECT value FROM barometer.kept_value WHERE kept_set = 'tier' ORDER BY position",
    )
    expect(rows).toEqual([{ value: 'gold' }, { value: 'pro' }])
  },
)

test('a version that does not know the store refuses it in one line, and a replica of it gives the lead away', async () => {
  const { database, settings, refreshed } = await filledPlatform()
  await refreshed()
  const said: unknown[] = []
  const log = pino({ level: 'error' }, { write: (line: string) => said.push(JSON.parse(line)) })
  const old = { ...settings, REFRESH_INTERVAL: 1_000 }
  const replica = startRefresher({
    settings: old,
    layout: { ...layout, collectors: [] },
    log,
    replicaId: 'old',
    pollMs: 100,
  })
  onTestFinished(() => replica.stop())
  await expect.poll(() => replica.leads() && replica.snapshot() !== undefined, { timeout: 30_000 }).toBe(true)
  await database.pool.query("INSERT INTO barometer.migration (name, run_on) VALUES ('999-of-tomorrow', now())")
  await expect.poll(() => replica.cutOff(), { timeout: 30_000 }).toMatch(/newer version/)
  // It gives the lease away at once and asks no more: another that asks meanwhile has it.
  const lease = 'SELECT owner, expires_at > clock_timestamp() AS held FROM barometer.lease'
  expect((await database.pool.query(lease)).rows).toEqual([{ owner: 'old', held: false }])
  await sleep(2_000)
  expect((await database.pool.query(lease)).rows).toEqual([{ owner: 'old', held: false }])
  const newest = filled.at(-1)?.[0]
  const line = `the schema barometer is of a newer version: it has the migration 999-of-tomorrow, and the newest known here is ${newest}; expected a Barometer that knows it`
  expect(said).toEqual([
    expect.objectContaining({ error: line, msg: 'the figures cannot be refreshed; the last good ones serve' }),
  ])
  expect(replica.snapshot()).toBeDefined()
  const environment = { DATABASE_URL: database.exporterUrl }
  for (const command of ['migrate', 'metrics', 'reconcile'])
    expect(oneLine(await barometer([command], environment), 1)).toBe(line)
})

test('of four processes that migrate at once each finds the store whole', async () => {
  const database = await createDatabase()
  onTestFinished(() => database.drop())
  const location = { DATABASE_URL: database.url, STORE_SCHEMA: 'barometer' }
  await Promise.all(Array.from({ length: 4 }, () => migrateStore(location)))
  const { rows } = await database.pool.query('SELECT name FROM barometer.migration ORDER BY id')
  // Each migration has its version above.
  expect(rows.map(({ name }) => name)).toEqual(filled.map(([name]) => name))
})

test('a migration that fails in the middle leaves the version before, whole', async () => {
  const database = await createDatabase()
  onTestFinished(() => database.drop())
  await migrateStore({ DATABASE_URL: database.url, STORE_SCHEMA: 'barometer' })
  const directory = testDirectory('migrations')
  cpSync(storeMigrations('barometer').directory, directory, { recursive: true })
  writeFileSync(
    `${directory}/005-good.sql`,
    '-- Up Migration\nALTER TABLE snapshot ADD COLUMN note text;\n-- Down Migration\n',
  )
  writeFileSync(
    `${directory}/006-bad.sql`,
    '-- Up Migration\nCREATE TABLE half (n int);\nSELECT 1 / 0;\n-- Down Migration\n',
  )
  const migrate = async () => {
    const client = createClient({ connectionString: database.url, applicationName: 'test' })
    await client.connect()
    return await migrateSchema({ client, schema: 'barometer', directory }).finally(() => client.end())
  }
  await expect(migrate()).rejects.toThrow(/division by zero/)
  const migrations = { schema: 'barometer', directory }
  expect((await schemaVersion(database.pool, migrations)).missing).toEqual(['005-good', '006-bad'])
  const { rows } = await database.pool.query(
    `SELECT to_regclass('barometer.half') AS half, (SELECT count(*)::int FROM information_schema.columns
       WHERE table_schema = 'barometer' AND column_name = 'note') AS notes`,
  )
  expect(rows).toEqual([{ half: null, notes: 0 }])
  writeFileSync(`${directory}/006-bad.sql`, '-- Up Migration\nCREATE TABLE half (n int);\n-- Down Migration\n')
  expect(await migrate()).toEqual(['005-good', '006-bad'])
})
