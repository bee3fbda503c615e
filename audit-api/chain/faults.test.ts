import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import getPort from 'get-port'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Postgres, startPostgres } from '../../demo/stack/postgres.ts'
import { type Program, startProgram } from '../../demo/stack/process.ts'
import { createPool, type Pool } from '../../lib/postgres.ts'
import { sampleEvent, withRole } from '../../testing/audit-api/testbed.ts'
import { testDirectory } from '../../testing/database.ts'
import { migrateAudit } from '../migrations/migrate.ts'
import { addToken } from '../tokens/tokens.ts'
import { type Verification, verifyChain } from './verify.ts'

const writers = 16
const durable = { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on', shared_buffers: '32MB' }

/** The audit API as it is run: a process of its own, which can be killed. */
interface Api {
  address: string
  kill(): Promise<void>
  stop(): Promise<void>
  running(): boolean
}

async function startApi(databaseUrl: string, directory: string): Promise<Api> {
  const port = await getPort({ host: '127.0.0.1' })
  const address = `http://127.0.0.1:${port}`
  const main = resolve(import.meta.dirname, '..', '..', 'cli', 'main.ts')
  const program: Program = await startProgram({
    name: 'audit API',
    command: process.execPath,
    arguments: [main, 'audit-api', '--listen', `127.0.0.1:${port}`],
    environment: {
      AUDIT_DATABASE_URL: withRole(databaseUrl, 'barometer_audit'),
      AUDIT_TOKENS_FILE: join(directory, 'tokens.json'),
    },
    logFile: join(directory, `audit-api-${port}.log`),
    ready: async () => (await fetch(`${address}/livez`)).ok,
  })
  return {
    address,
    kill: () => program.signal('SIGKILL'),
    stop: () => program.stop(),
    running: () => program.running(),
  }
}

interface Refused {
  status: number
  detail: string
}

/** Sends batches to whichever API lives until told to stop, and keeps what was acknowledged. */
function startWriter(
  apis: () => readonly Api[],
  token: string,
): { stop(): Promise<{ acknowledged: string[]; refused: Refused[] }> } {
  const acknowledged: string[] = []
  const refused: Refused[] = []
  let stopped = false
  const work = async (): Promise<void> => {
    for (let number = 0; !stopped; number += 1) {
      const alive = apis().filter((api) => api.running())
      const api = alive[number % Math.max(alive.length, 1)]
      if (api === undefined) {
        await sleep(20)
        continue
      }
      const events = Array.from({ length: 10 }, () => sampleEvent({ id: randomUUID() }))
      try {
        const answer = await fetch(`${api.address}/v1/audit/events`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body: JSON.stringify(events),
          signal: AbortSignal.timeout(15_000),
        })
        if (answer.status === 201) acknowledged.push(...events.map((event) => String(event.id)))
        else refused.push({ status: answer.status, ...((await answer.json()) as { detail: string }) })
        if (answer.status === 201) await answer.body?.cancel()
      } catch {
        // Killed midway: nobody knows, and a client would send it again with the same ids.
      }
      await sleep(20)
    }
  }
  const working = work()
  return {
    stop: async () => {
      stopped = true
      await working
      return { acknowledged, refused }
    },
  }
}

interface Fixture {
  directory: string
  postgres: Postgres
  token: string
  pool: Pool
  close(): Promise<void>
}

async function openFixture(directory: string): Promise<Fixture> {
  const postgres = await startPostgres({ directory, settings: durable })
  await migrateAudit(postgres.url)
  const tokens = testDirectory('tokens')
  const { token } = addToken(join(tokens, 'tokens.json'), {
    name: 'writer',
    scopes: ['ingest'],
    requestsPerMinute: 1_000_000,
  })
  const pool = createPool({ connectionString: postgres.url, applicationName: 'test', connectionsMax: 4 })
  return {
    ...{ directory: tokens, postgres, token, pool },
    close: async () => {
      await pool.end()
      await postgres.stop()
    },
  }
}

async function retried<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      if (attempt > 100) throw error
      await sleep(100)
    }
  }
}

/** Seals the rest, and then: the chain holds, has no gap, and has every acknowledged event once. */
async function expectWhole(pool: Pool, acknowledged: readonly string[]): Promise<Verification> {
  await retried(async () => {
    const { rows } = await pool.query('SELECT sealed, more FROM barometer_audit.seal()')
    if (rows[0].sealed !== 0) throw new Error('there may be more to seal')
  })
  const result = await verifyChain(pool, { whole: true })
  expect(result).toMatchObject({ valid: true, complete: true, finding: undefined })
  const { rows } = await pool.query(
    `SELECT (SELECT count(*)::int FROM barometer_audit.event) AS events,
      (SELECT count(*)::int FROM barometer_audit.event_seal) AS places,
      (SELECT max(sequence)::int FROM barometer_audit.event_seal) AS highest,
      (SELECT count(*)::int FROM (
        SELECT a.id FROM unnest($1::uuid[]) AS a (id)
        LEFT JOIN barometer_audit.event AS e USING (id) LEFT JOIN barometer_audit.event_seal AS s USING (id)
        GROUP BY a.id HAVING count(e.id) <> 1 OR count(s.id) <> 1) AS amiss) AS wrong`,
    [acknowledged],
  )
  expect(rows[0]).toEqual({ events: rows[0].events, places: rows[0].events, highest: rows[0].events, wrong: 0 })
  return result
}

describe('with 16 writers and two services', () => {
  let fixture: Fixture
  let apis: Api[]
  beforeAll(async () => {
    fixture = await openFixture(testDirectory('postgres'))
    apis = [
      await startApi(fixture.postgres.url, fixture.directory),
      await startApi(fixture.postgres.url, fixture.directory),
    ]
  })
  afterAll(async () => {
    await Promise.all(apis.map((api) => api.stop()))
    await fixture.close()
  })

  const randomMs = () => 150 + Math.random() * 500

  async function writeDuring(work: () => Promise<void>): Promise<string[]> {
    const running = Array.from({ length: writers }, () => startWriter(() => apis, fixture.token))
    await work()
    const sent = await Promise.all(running.map((writer) => writer.stop()))
    return sent.flatMap((writer) => writer.acknowledged)
  }

  test('sealers whose connections are cut at random leave a chain without a gap, with each acknowledged event once', async () => {
    const acknowledged = await writeDuring(async () => {
      for (let cuts = 0; cuts < 10; cuts += 1) {
        await sleep(randomMs())
        await fixture.pool.query(`
          SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE application_name = 'barometer-audit-chain' AND (random() < 0.7 OR state = 'active')`)
      }
    })
    expect(acknowledged.length).toBeGreaterThan(100)
    await expectWhole(fixture.pool, acknowledged)
  }, 120_000)

  test('services killed with kill -9 at random do too', async () => {
    const acknowledged = await writeDuring(async () => {
      for (let kills = 0; kills < 5; kills += 1) {
        await sleep(randomMs())
        const index = kills % 2
        await apis[index]?.kill()
        apis[index] = await startApi(fixture.postgres.url, fixture.directory)
      }
      await sleep(500)
    })
    expect(acknowledged.length).toBeGreaterThan(100)
    await expectWhole(fixture.pool, acknowledged)
  }, 120_000)

  test('Postgres killed with kill -9 and recovered from its log does too', async () => {
    const acknowledged = await writeDuring(async () => {
      for (let kills = 0; kills < 3; kills += 1) {
        await sleep(500 + randomMs())
        await fixture.postgres.signal('SIGKILL')
        // Its sessions outlive it for a moment, and until they are gone Postgres refuses to start on their memory.
        await retried(() => fixture.postgres.start())
      }
      await sleep(2_000)
    })
    expect(acknowledged.length).toBeGreaterThan(100)
    await retried(() => fixture.pool.query('SELECT 1'))
    await expectWhole(fixture.pool, acknowledged)
  }, 120_000)
})

/** A small disk of its own, in memory; only root may mount one, and not in every container. */
function mountSmallDisk(path: string, megabytes: number): boolean {
  mkdirSync(path, { recursive: true })
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

test('a full disk: refusals say so, nothing acknowledged is lost, and ingest goes on when there is space', async (context) => {
  const disk = testDirectory('disk')
  if (!mountSmallDisk(disk, 150)) context.skip('no right to mount a small disk')
  onTestFinished(() => {
    execFileSync('umount', ['--lazy', disk])
  })
  const fixture = await openFixture(join(disk, 'postgres'))
  const api = await startApi(fixture.postgres.url, fixture.directory)
  try {
    const running = Array.from({ length: writers }, () => startWriter(() => [api], fixture.token))
    await sleep(1_000)
    const ballast = join(disk, 'ballast')
    try {
      execFileSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=64k'], { stdio: 'ignore' })
    } catch {
      // It ends when nothing fits any more, which is what it is for.
    }
    await sleep(3_000)
    execFileSync('rm', [ballast])
    // Where the log of Postgres itself had no space, Postgres has stopped, as it must.
    if (!fixture.postgres.program().running()) await fixture.postgres.start()
    await sleep(3_000)
    const sent = await Promise.all(running.map((writer) => writer.stop()))
    const refused = sent.flatMap((writer) => writer.refused)
    expect(refused.length).toBeGreaterThan(0)
    // No space for a table is said; no space for the log of Postgres ends Postgres.
    for (const { status, detail } of refused) {
      expect([status, detail]).toEqual([
        503,
        expect.stringMatching(/no space left; nothing was stored|cannot be reached/),
      ])
    }
    const events = [sampleEvent({ id: randomUUID() })]
    const answer = await retried(async () => {
      const response = await fetch(`${api.address}/v1/audit/events`, {
        method: 'POST',
        headers: { authorization: `Bearer ${fixture.token}`, 'content-type': 'application/json' },
        body: JSON.stringify(events),
      })
      if (response.status >= 500) throw new Error(`still ${response.status}`)
      return response
    })
    expect(answer.status).toBe(201)
    const acknowledged = sent.flatMap((writer) => writer.acknowledged)
    await expectWhole(fixture.pool, [...acknowledged, String(events[0]?.id)])
  } finally {
    await api.stop()
    await fixture.close()
  }
}, 120_000)
