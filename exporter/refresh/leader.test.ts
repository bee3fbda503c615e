import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { startPostgres } from '../../demo/stack/postgres.ts'
import { createPool, type Pool, type PoolClient, transaction } from '../../lib/postgres.ts'
import { openClock } from '../../testing/chaos/faketime.ts'
import { createDatabase, testDirectory } from '../../testing/database.ts'
import { freezeInTransaction, noteSnapshots, startExporterProcess } from '../../testing/exporter-process.ts'
import { filledPlatform } from '../../testing/filled-platform.ts'
import { createPlatformDatabase } from '../../testing/platform.ts'
import { fenceOf, LeaseLost } from '../store/fence.ts'
import { leaseSeconds, releaseLease, renewLease, takeLease } from '../store/lease.ts'
import { migrateStore } from '../store/migrate.ts'
import { createLeadership, type Leadership } from './leader.ts'

const schema = 'barometer'

/** What a takeover may take: the rest of the lease, and the look after it. */
const takeoverMs = 15_000

async function emptyStore(): Promise<{ url: string; pool: Pool }> {
  const { url, pool, drop } = await createDatabase()
  onTestFinished(drop)
  await migrateStore({ DATABASE_URL: url, STORE_SCHEMA: schema })
  return { url, pool }
}

interface Standing extends Leadership {
  said: { msg: string; error?: string }[]
}

function leadershipOn(connectionString: string, replicaId: string): Standing {
  const said: Standing['said'] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void said.push(JSON.parse(line)) })
  const of = { connectionString, storeSchema: schema, replicaId, description: `the host of ${replicaId}`, log }
  const leadership = createLeadership(of)
  onTestFinished(() => leadership.release())
  return Object.assign(leadership, { said })
}

const leaders = (all: readonly Leadership[]): number => all.filter((one) => one.held() !== undefined).length
const numberOf = (leadership: Leadership): number => Number(leadership.held()?.number)

/** An instant of a store's transaction, and what a leader writes in it. */
const write = (client: PoolClient) => client.query(`UPDATE ${schema}.meta SET last_as_of = now()`)
const isWritten = async (pool: Pool): Promise<boolean> =>
  (await pool.query(`SELECT FROM ${schema}.meta WHERE last_as_of > '-infinity'`)).rowCount === 1

async function takenBy(pool: Pool, owner: string): Promise<string> {
  const number = await takeLease(pool, schema, { owner, description: owner })
  if (number === undefined) throw new Error('another holds the lease')
  return number
}

/** As when the leader was paused for longer than its lease. */
const expire = (pool: Pool) => pool.query(`UPDATE ${schema}.lease SET expires_at = now()`)

test('of five that stand at once one leads, and keeps the lead for longer than a lease', async () => {
  const { url } = await emptyStore()
  const all = ['a', 'b', 'c', 'd', 'e'].map((name) => leadershipOn(url, name))
  await Promise.all(all.map((one) => one.stand()))
  const first = all.find((one) => one.held() !== undefined)
  for (let seconds = 0; seconds < leaseSeconds + 3; seconds += 0.5) {
    expect(leaders(all)).toBe(1)
    await sleep(500)
  }
  expect(first?.held()?.number).toBe('1')
  expect(first?.said.map(({ msg }) => msg)).toEqual(['this replica leads'])
})

test('after a stop in order another leads within two seconds, under a greater number', async () => {
  const { url } = await emptyStore()
  const [one, other] = [leadershipOn(url, 'one'), leadershipOn(url, 'other')]
  await one.stand()
  await other.stand()
  const changes: boolean[] = []
  other.onChange((leads) => changes.push(leads))
  await one.release()
  await expect.poll(() => other.held()?.number, { timeout: 2_000, interval: 50 }).toBe('2')
  expect(changes).toEqual([true])
  expect(one.held()).toBeUndefined()
})

test('a leader whose connection is cut renews over another and keeps its number', async () => {
  const { url, pool } = await emptyStore()
  const one = leadershipOn(url, 'one')
  await one.stand()
  await pool.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'barometer-leader'
    AND datname = current_database()`)
  await sleep(leaseSeconds * 1_000 + 1_000)
  expect(numberOf(one)).toBe(1)
})

test('a row of the lease that somebody deletes is made again, and the leader of before cannot write', async () => {
  const { url, pool } = await emptyStore()
  const one = leadershipOn(url, 'one')
  await one.stand()
  const before = one.held()
  await pool.query(`INSERT INTO ${schema}.snapshot (as_of, written_by, payload, fencing) VALUES (now(), 'one', '', 41)`)
  await pool.query(`DELETE FROM ${schema}.lease`)
  const late = transaction(pool, 'BEGIN ISOLATION LEVEL REPEATABLE READ', async (client) => {
    await before?.enter(client)
    await write(client)
    await before?.confirm(client)
  })
  await expect(late).rejects.toThrow(LeaseLost)
  await expect.poll(() => numberOf(one), { timeout: takeoverMs }).toBe(42)
  expect(await isWritten(pool)).toBe(false)
})

test('a Postgres that is restarted has one leader again, and no number comes twice', async () => {
  const postgres = await startPostgres({ directory: testDirectory('postgres'), settings: { shared_buffers: '16MB' } })
  onTestFinished(() => postgres.stop())
  await migrateStore({ DATABASE_URL: postgres.url, STORE_SCHEMA: schema })
  const all = [leadershipOn(postgres.url, 'one'), leadershipOn(postgres.url, 'other')]
  await Promise.all(all.map((one) => one.stand()))
  expect(leaders(all)).toBe(1)
  await postgres.stop()
  await expect.poll(() => leaders(all), { timeout: takeoverMs }).toBe(0)
  await postgres.start()
  await expect.poll(() => leaders(all), { timeout: takeoverMs }).toBe(1)
  await sleep(2_000)
  expect(leaders(all)).toBe(1)
  const leader = all.find((one) => one.held() !== undefined)
  expect(leader?.said.map(({ msg }) => msg)).toContain('the lease can be renewed again')
  expect(numberOf(leader ?? all[0] ?? expect.fail())).toBeLessThanOrEqual(2)
})

test.each(['READ COMMITTED', 'REPEATABLE READ'])(
  'a transaction at %s fails at its end once another leads',
  async (level) => {
    const { pool } = await emptyStore()
    const ours = fenceOf(schema, 'ours', await takenBy(pool, 'ours'))
    const late = transaction(pool, `BEGIN ISOLATION LEVEL ${level}`, async (client) => {
      await ours.enter(client)
      await write(client)
      await expire(pool)
      expect(await takenBy(pool, 'theirs')).toBe('2')
      await ours.confirm(client)
    })
    await expect(late).rejects.toThrow(
      'the lead went to another replica while this one was paused or cut off; nothing was written',
    )
    const later = transaction(pool, `BEGIN ISOLATION LEVEL ${level}`, (client) => ours.enter(client))
    await expect(later).rejects.toThrow(LeaseLost)
    expect(await isWritten(pool)).toBe(false)
  },
)

test('renewals during a long transaction do not fail it, also where the lease had run out and nobody took it', async () => {
  const { pool } = await emptyStore()
  const number = await takenBy(pool, 'ours')
  const ours = fenceOf(schema, 'ours', number)
  await transaction(pool, 'BEGIN ISOLATION LEVEL REPEATABLE READ', async (client) => {
    await ours.enter(client)
    await write(client)
    for (let renewals = 0; renewals < 50; renewals += 1)
      expect(await renewLease(pool, schema, 'ours', number)).toBe(true)
    await expire(pool)
    await ours.confirm(client)
    // Between confirmation and commit the lease can be renewed, and not be taken.
    expect(await renewLease(pool, schema, 'ours', number)).toBe(true)
    await releaseLease(pool, schema, 'ours', number)
    const taking = transaction(pool, "BEGIN; SET LOCAL lock_timeout = '200ms'", (other) =>
      takeLease(other, schema, { owner: 'theirs', description: '' }),
    )
    await expect(taking).rejects.toThrow(/lock timeout/)
  })
  expect(await isWritten(pool)).toBe(true)
  expect(await takenBy(pool, 'theirs')).toBe('2')
})

test('a new leader ends what an earlier one left open, and nothing else', async () => {
  const { url, pool } = await emptyStore()
  const earlier = fenceOf(schema, 'gone', await takenBy(pool, 'gone'))
  await expire(pool)
  const frozen = createPool({ connectionString: url, applicationName: 'barometer-exporter', connectionsMax: 2 })
  onTestFinished(() => frozen.end())
  const [left, byHand] = [await frozen.connect(), await frozen.connect()]
  onTestFinished(() => {
    left.release(true)
    byHand.release(true)
  })
  await left.query(`BEGIN; SELECT FROM ${schema}.meta FOR UPDATE`)
  await earlier.enter(left)
  await byHand.query('BEGIN')
  const next = leadershipOn(url, 'next')
  await next.stand()
  expect(numberOf(next)).toBe(2)
  // The row is free at once.
  await transaction(pool, "BEGIN; SET LOCAL lock_timeout = '2s'", (client) =>
    client.query(`SELECT FROM ${schema}.meta FOR UPDATE`),
  )
  await expect(left.query('SELECT 1')).rejects.toThrow()
  expect((await byHand.query('SELECT 1')).rowCount).toBe(1)
  expect(next.said.map(({ msg }) => msg)).toContain('what an earlier leader had left open in the database is ended')
})

test('a leader that is frozen in a refresh and wakes after a takeover writes nothing, and says so in one line', async () => {
  const { database } = await filledPlatform({}, false)
  const { pool, exporterUrl } = database
  const one = await startExporterProcess({ DATABASE_URL: exporterUrl, REFRESH_INTERVAL: '1s' })
  const noted = await noteSnapshots(pool)
  await expect.poll(async () => (await noted()).length, { timeout: 20_000 }).toBeGreaterThan(1)
  await freezeInTransaction(pool, one)
  // A takeover that leaves the transaction open, as where the database may not end it: the fence alone must hold.
  await expire(pool)
  expect(await takenBy(pool, 'other')).toBe('2')
  const before = await noted()
  await one.signal('SIGCONT')
  const line = 'the lead was lost during a refresh; nothing more is written'
  await expect.poll(() => one.lines().filter(({ msg }) => msg === line), { timeout: 10_000 }).toHaveLength(1)
  expect(one.lines().find(({ msg }) => msg === line)?.error).toBe(
    'the lead went to another replica while this one was paused or cut off; nothing was written',
  )
  expect(await noted()).toEqual(before)
  // Nobody renews the other's lease.
  await expect.poll(async () => (await noted()).at(-1)?.fencing, { timeout: takeoverMs }).toBe(3)
  expect(one.lines().filter(({ level }) => level >= 50)).toEqual([])
})

test('a role without rights keeps nobody from leading or migrating', async () => {
  const platform = await createPlatformDatabase()
  const role = `${platform.name}_stranger`
  await platform.pool.query(`CREATE ROLE ${role} LOGIN`)
  const url = new URL(platform.url)
  url.username = role
  const stranger = createPool({ connectionString: url.href, applicationName: 'test', connectionsMax: 1 })
  onTestFinished(async () => {
    await stranger.end()
    await platform.pool.query(`DROP ROLE ${role}`)
    await platform.drop()
  })
  const session = await stranger.connect()
  onTestFinished(() => session.release(true))
  // The locks by which earlier versions led and migrated.
  await session.query(
    `SELECT pg_advisory_lock(x'6261726f'::int, hashtext('barometer')), pg_advisory_lock(7241865325823964)`,
  )
  await migrateStore({ DATABASE_URL: platform.exporterUrl, STORE_SCHEMA: schema })
  for (const table of ['lease', 'meta', 'migration']) {
    await session.query('BEGIN')
    const locking = session.query(`LOCK TABLE ${schema}.${table} IN ACCESS SHARE MODE`)
    await expect(locking).rejects.toThrow(/permission denied/)
    await session.query('ROLLBACK')
  }
  const one = leadershipOn(platform.exporterUrl, 'one')
  await one.stand()
  expect(numberOf(one)).toBe(1)
})

test('exporters whose clocks are an hour off neither share the lead nor lose it', async (context) => {
  const clock = openClock(testDirectory('clock'))
  if (clock === undefined) return context.skip('libfaketime cannot be had')
  const platform = await createPlatformDatabase()
  onTestFinished(() => platform.drop())
  clock.step(3_600)
  const environment = { DATABASE_URL: platform.exporterUrl, REFRESH_INTERVAL: '1s' }
  const ahead = await startExporterProcess({ ...environment, ...clock.environment })
  expect(await ahead.leads()).toBe(true)
  const right = await startExporterProcess(environment)
  for (let seconds = 0; seconds < leaseSeconds + 3; seconds += 1) {
    expect([await ahead.leads(), await right.leads()]).toEqual([true, false])
    // Back and ahead again, as when a machine's time is set.
    clock.step(seconds % 2 === 0 ? -3_600 : 3_600)
    await sleep(1_000)
  }
  await ahead.signal('SIGKILL')
  await expect.poll(() => right.leads(), { timeout: takeoverMs, interval: 200 }).toBe(true)
})
