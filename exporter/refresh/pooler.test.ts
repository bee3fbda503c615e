import { setTimeout as sleep } from 'node:timers/promises'
import { expect, inject, onTestFinished, type TestContext, test } from 'vitest'
import { type PgBouncer, pgBouncerMissing, startPgBouncer } from '../../demo/stack/pgbouncer.ts'
import { createPool, type Pool } from '../../lib/postgres.ts'
import { readSettings } from '../../lib/settings.ts'
import { barometer } from '../../testing/cli.ts'
import { testDirectory } from '../../testing/database.ts'
import {
  type ExporterProcess,
  freezeInTransaction,
  noteSnapshots,
  startExporterProcess,
} from '../../testing/exporter-process.ts'
import { filledPlatform } from '../../testing/filled-platform.ts'
import { differencesFromPlainSql } from '../../testing/store/compare.ts'
import { collectors } from '../figures/index.ts'
import { readSnapshot } from '../store/snapshot.ts'

const missing = await pgBouncerMissing()
const takeoverMs = 15_000

async function pooler(context: TestContext, poolSize: number): Promise<PgBouncer> {
  context.skip(missing !== undefined, missing)
  const started = await startPgBouncer({
    ...{ directory: testDirectory('pgbouncer'), postgresUrl: inject('postgresUrl'), poolSize },
    roles: ['barometer_exporter', 'barometer_audit'],
  })
  onTestFinished(() => started.stop())
  return started
}

async function wrongFigures(pool: Pool): Promise<string[]> {
  const snapshot = await readSnapshot(pool, 'barometer')
  if (snapshot === undefined) return ['there is no snapshot']
  const states = collectors.flatMap((collector) => {
    const state = snapshot.collectors.get(collector.name)
    return state === undefined ? [] : [[collector, state] as const]
  })
  const failing = states.filter(([, { success }]) => !success).map(([{ name }]) => `the collector ${name} fails`)
  const of = { store: 'barometer', source: 'barometer_source', settings: readSettings({}), asOf: snapshot.asOf }
  return [...failing, ...(await differencesFromPlainSql(pool, { ...of, states }))]
}

/** The one of two that leads; fails where it is not one. */
async function leaderOf(pair: readonly ExporterProcess[]): Promise<[leader: ExporterProcess, other: ExporterProcess]> {
  const leads = await Promise.all(pair.map((one) => one.leads()))
  expect(leads.filter((one) => one === true)).toHaveLength(1)
  const [one, other] = leads[0] === true ? pair : pair.toReversed()
  if (one === undefined || other === undefined) throw new Error('expected two exporters')
  return [one, other]
}

test('of two exporters behind PgBouncer in transaction mode one leads; killed or frozen, the other takes over', {
  timeout: 240_000,
}, async (context) => {
  const between = await pooler(context, 8)
  const { database } = await filledPlatform({}, false)
  const environment = { DATABASE_URL: between.through(database.exporterUrl), REFRESH_INTERVAL: '1s' }
  // At once: both migrate, both build, one leads.
  const pair = await Promise.all([startExporterProcess(environment), startExporterProcess(environment)])
  const noted = await noteSnapshots(database.pool)
  for (let looks = 0; looks < 15; looks += 1) {
    await leaderOf(pair)
    await sleep(200)
  }
  // By hand beside the leader, which goes on.
  const byHand = { DATABASE_URL: environment.DATABASE_URL }
  for (const command of ['metrics', 'reconcile', 'metrics'])
    expect(await barometer([command], byHand, 90_000)).toMatchObject({ exitCode: 0, stderr: '' })
  expect((await barometer(['check'], byHand)).stdout).toMatch(
    /, process \d+, version .* leads since .*, its lease 1 ends in/,
  )
  const [killed, survivor] = await leaderOf(pair)
  await database.pool.query("INSERT INTO platform.users (country, signup_source) VALUES ('FR', 'direct')")
  await expect.poll(() => wrongFigures(database.pool), { timeout: 20_000, interval: 500 }).toEqual([])

  await killed.signal('SIGKILL')
  const killedAt = performance.now()
  await expect.poll(() => survivor.leads(), { timeout: takeoverMs, interval: 100 }).toBe(true)
  const killedSeconds = (performance.now() - killedAt) / 1_000
  await killed.start()
  expect((await leaderOf(pair))[0]).toBe(survivor)

  await freezeInTransaction(database.pool, survivor)
  const frozenAt = performance.now()
  const before = (await noted()).length
  await expect.poll(() => killed.leads(), { timeout: takeoverMs, interval: 100 }).toBe(true)
  const frozenSeconds = (performance.now() - frozenAt) / 1_000
  await expect.poll(async () => (await noted()).length, { timeout: 10_000 }).toBeGreaterThan(before)
  const writer = (await noted()).at(-1)?.written_by

  await survivor.signal('SIGCONT')
  const awoken = (await noted()).length
  await expect.poll(async () => (await noted()).length, { timeout: 20_000 }).toBeGreaterThan(awoken + 5)
  expect((await leaderOf(pair))[0]).toBe(killed)
  const all = await noted()
  expect(new Set(all.slice(awoken).map(({ written_by }) => written_by))).toEqual(new Set([writer]))
  expect(all.filter(({ written_by }) => written_by === 'barometer metrics')).toHaveLength(2)
  const numbers = all.flatMap(({ fencing }) => (fencing === null ? [] : [fencing]))
  expect(numbers).toEqual(numbers.toSorted((one, other) => one - other))
  expect(new Set(numbers).size).toBe(3)
  expect(await wrongFigures(database.pool)).toEqual([])
  const given = survivor
    .lines()
    .filter(({ msg }) => msg === 'the lead was lost during a refresh; nothing more is written')
  expect(given).toHaveLength(1)
  expect(pair.flatMap((one) => one.lines()).filter(({ level }) => level >= 50)).toEqual([])
  console.log(`taken over ${killedSeconds.toFixed(1)} s after a kill, ${frozenSeconds.toFixed(1)} s after a freeze`)
})

test('migrate runs twice, and four times at once, through PgBouncer and leaves nothing in its sessions', async (context) => {
  const between = await pooler(context, 3)
  const { database } = await filledPlatform({}, false)
  const store = { DATABASE_URL: between.through(database.exporterUrl) }
  const both = { ...store, AUDIT_DATABASE_URL: between.through(database.url) }
  const several = await Promise.all(Array.from({ length: 4 }, () => barometer(['migrate'], both)))
  for (const ran of [...several, await barometer(['migrate'], both), await barometer(['migrate'], both)])
    expect(ran, ran.stderr).toMatchObject({
      exitCode: 0,
      stdout: 'store: the schema barometer is up to date\naudit log: the schema barometer_audit is up to date\n',
    })
  expect((await barometer(['metrics'], store)).exitCode).toBe(0)
  expect((await barometer(['explain', 'platform_signups'], store)).stdout).toContain('The newest snapshot has it as of')
  const { rows } = await database.pool.query(
    `SELECT count(*)::int AS held FROM pg_locks WHERE locktype = 'advisory'
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  )
  expect(rows).toEqual([{ held: 0 }])
  const shown = await sessionsOf(between.through(database.exporterUrl))
  expect(new Set(shown)).toEqual(new Set(['"$user", public 0 0']))
})

/** What is set in each of the pooler's sessions, each held by a transaction so that the next is another. */
async function sessionsOf(url: string): Promise<string[]> {
  const pool = createPool({ connectionString: url, applicationName: 'test', connectionsMax: 3 })
  try {
    const clients = await Promise.all([pool.connect(), pool.connect(), pool.connect()])
    const shown = []
    for (const client of clients) {
      await client.query('BEGIN')
      const { rows } = await client.query<{ set: string }>(
        `SELECT current_setting('search_path') || ' ' || current_setting('lock_timeout') || ' ' ||
           current_setting('statement_timeout') AS set`,
      )
      shown.push(rows[0]?.set ?? '')
    }
    for (const client of clients) client.release(true)
    return shown
  } finally {
    await pool.end()
  }
}
