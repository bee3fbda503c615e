import { execFile, execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createSealer } from '../audit-api/chain/sealer.ts'
import { auditServiceRole, migrateAudit } from '../audit-api/migrations/migrate.ts'
import { installPlatform, roleUrl } from '../database/platform/install.ts'
import { findOnPath } from '../demo/stack/debian-packages.ts'
import { type Postgres, startPostgres } from '../demo/stack/postgres.ts'
import { createPool } from '../lib/postgres.ts'
import { barometer } from '../testing/cli.ts'
import { postgresVersion, testDirectory } from '../testing/database.ts'

/**
 * The log alone by pg_dump, into a server where transaction numbers begin anew, as docs/operating.md has it. It needs
 * Postgres's own tools, as new as the server, which npm does not bring; `npm run test:compat` has an old server.
 */
const run = promisify(execFile)
const dump = findOnPath(['pg_dump'])
const restore = findOnPath(['pg_restore'])
const toolsVersion =
  dump === undefined ? 0 : Number(/\s(\d+)[.\s]/.exec(execFileSync(dump, ['--version'], { encoding: 'utf8' }))?.[1])
const log = pino({ level: 'silent' })
let from: Postgres
let version: number

beforeAll(async () => {
  from = await startPostgres({ directory: testDirectory('from') })
  await withClient(from.url, async (client) => {
    version = await postgresVersion(client)
  })
})
afterAll(() => from?.stop())

async function withClient(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}

/** Records so many events. */
async function write(url: string, count: number): Promise<void> {
  await withClient(url, async (client) => {
    await client.query(
      `SELECT barometer_audit.record('{"type": "admin", "id": "ada", "name": "Ada"}', 'user.ban', '{"type": "user", "id": "1"}')
       FROM generate_series(1, $1)`,
      [count],
    )
  })
}

/** Gives what is recorded its places; answers the last one. */
async function seal(url: string): Promise<unknown> {
  const service = createPool({
    connectionString: roleUrl(url, auditServiceRole),
    applicationName: 'test',
    connectionsMax: 2,
  })
  try {
    const { head } = await createSealer(service, log, () => new Date()).tick()
    return head?.sequence
  } finally {
    await service.end()
  }
}

/** The triggers that refuse changes, and the rights of each role. */
async function guards(url: string): Promise<unknown> {
  let found: unknown
  await withClient(url, async (client) => {
    const { rows } = await client.query(`
      SELECT tgrelid::regclass || ' ' || tgname || ' ' || tgenabled::text AS guard FROM pg_trigger
      WHERE NOT tgisinternal AND tgrelid::regclass::text LIKE 'barometer_audit.%'
      UNION ALL
      SELECT oid::regclass || ' ' || coalesce(relacl::text, '') FROM pg_class WHERE relnamespace = 'barometer_audit'::regnamespace
      ORDER BY guard`)
    found = rows
  })
  return found
}

const verify = async (url: string) => {
  const ran = await barometer(['audit', 'verify'], { AUDIT_DATABASE_URL: roleUrl(url, auditServiceRole) })
  return [ran.exitCode, ran.stdout] as const
}

test('a log that pg_dump took holds in another server, is added to and is still append-only', async ({ skip }) => {
  if (dump === undefined || restore === undefined) return skip('there is no pg_dump and pg_restore on PATH')
  if (toolsVersion < version) return skip(`pg_dump on PATH is of version ${toolsVersion}, the server of ${version}`)
  await installPlatform({ ownerUrl: from.url })
  await migrateAudit(from.url)
  await withClient(from.url, async (client) => {
    await client.query(`ALTER ROLE ${auditServiceRole} LOGIN`)
    // So that the other server's transactions are far behind.
    for (let each = 0; each < 3_000; each += 1) await client.query('SELECT pg_current_xact_id()')
  })
  for (const count of [20, 5, 7]) {
    await write(from.url, count)
    await seal(from.url)
  }
  expect(await verify(from.url)).toEqual([0, expect.stringContaining('the chain holds: sequences 1 to 32')])
  const file = join(testDirectory('dump'), 'audit.dump')
  await run(dump, ['-Fc', '-n', 'barometer_audit', '-f', file, from.url])

  const to = await startPostgres({ directory: testDirectory('to') })
  onTestFinished(() => to.stop())
  const target = new URL(to.url)
  target.pathname = '/platform'
  await withClient(to.url, async (client) => {
    await client.query('CREATE DATABASE platform')
    await client.query(`CREATE ROLE ${auditServiceRole} LOGIN`)
  })
  await run(restore, ['-d', target.href, file])
  const migrated = await barometer(['migrate'], { AUDIT_DATABASE_URL: target.href })
  expect(migrated.stdout).toContain('audit log: the schema barometer_audit is up to date')

  expect(await verify(target.href)).toEqual([0, expect.stringContaining('the chain holds: sequences 1 to 32')])
  await write(target.href, 4)
  // Each of the two verifications is an event, too.
  expect(await seal(target.href)).toBe(32 + 4 + 2)
  expect(await verify(target.href)).toEqual([0, expect.stringContaining('the chain holds: sequences 1 to 38')])
  expect(await guards(target.href)).toEqual(await guards(from.url))
})
