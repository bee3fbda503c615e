import { execFile } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { DeleteObjectCommand } from '@aws-sdk/client-s3'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { createAnchors } from '../audit-api/chain/anchors.ts'
import { createSealer } from '../audit-api/chain/sealer.ts'
import { auditServiceRole, migrateAudit } from '../audit-api/migrations/migrate.ts'
import { lastKeys, openObjectStore } from '../audit-api/storage/object-store.ts'
import { exporterRole, installPlatform, roleUrl } from '../database/platform/install.ts'
import { type Postgres, startPostgres } from '../demo/stack/postgres.ts'
import { startS3 } from '../demo/stack/s3.ts'
import { refreshOnce } from '../exporter/main.ts'
import { createClient, createPool } from '../lib/postgres.ts'
import { readSettings } from '../lib/settings.ts'
import { barometer } from '../testing/cli.ts'
import { postgresVersion, testDirectory } from '../testing/database.ts'
import { checkStore } from './check/store.ts'

const run = promisify(execFile)
const settings = { shared_buffers: '16MB', wal_keep_size: '256MB' }
const log = pino({ level: 'silent' })

/** A copy of the server's files, as docs/operating.md makes it: between backup_start and backup_stop, and the log after both. */
async function backUp(postgres: Postgres, from: string, to: string): Promise<void> {
  const session = createClient({ connectionString: postgres.url, applicationName: 'backup' })
  await session.connect()
  try {
    const old = (await postgresVersion(session)) < 15
    await session.query(
      old ? "SELECT pg_start_backup('barometer', true, false)" : "SELECT pg_backup_start('barometer', true)",
    )
    mkdirSync(to, { recursive: true })
    await run('cp', ['-a', join(from, 'data'), join(from, 'password'), to])
    const { rows } = await session.query<{ labelfile: string }>(
      `SELECT labelfile FROM ${old ? 'pg_stop_backup(false, false)' : 'pg_backup_stop(false)'}`,
    )
    await run('sh', [
      '-c',
      'rm -rf "$1/data/pg_wal" "$1/data/postmaster.pid" && cp -a "$0/data/pg_wal" "$1/data/"',
      from,
      to,
    ])
    const label = join(to, 'data', 'backup_label')
    writeFileSync(label, rows[0]?.labelfile ?? '')
    await run('chown', ['--reference', join(to, 'data', 'PG_VERSION'), label])
  } finally {
    await session.end()
  }
}

test('a restored log holds against its anchors, one restored to an earlier moment is found out, and the store is built anew', {
  timeout: 180_000,
}, async () => {
  const s3 = await startS3({ directory: testDirectory('s3'), bucket: 'audit' })
  onTestFinished(() => s3.stop())
  const storage = {
    ...{ S3_ENDPOINT: s3.url, S3_BUCKET: s3.bucket },
    ...{ S3_ACCESS_KEY_ID: s3.accessKeyId, S3_SECRET_ACCESS_KEY: s3.secretAccessKey },
  }
  const store = openObjectStore(readSettings(storage))
  if (store === undefined) throw new Error('S3 is not set')
  onTestFinished(() => store.client.destroy())
  const [lived, older, newer] = ['lived', 'older', 'newer'].map((name) => testDirectory(name))
  if (lived === undefined || older === undefined || newer === undefined) throw new Error('no directory')
  const postgres = await startPostgres({ directory: lived, settings })
  onTestFinished(() => postgres.stop())
  const owner = createPool({ connectionString: postgres.url, applicationName: 'test', connectionsMax: 2 })
  await installPlatform({ ownerUrl: postgres.url })
  await migrateAudit(postgres.url)
  await owner.query(`ALTER ROLE ${auditServiceRole} LOGIN;
    INSERT INTO platform.users (created_at, country, signup_source, visitor_id, kind)
    SELECT now() - interval '60 days', 'DE', 'direct', 'v' || n, 'customer' FROM generate_series(1, 10) AS n`)

  const serviceOf = ({ url }: Postgres) =>
    createPool({ connectionString: roleUrl(url, auditServiceRole), applicationName: 'test', connectionsMax: 2 })
  const write = async (server: Postgres, count: number): Promise<void> => {
    const service = serviceOf(server)
    const client = createClient({ connectionString: server.url, applicationName: 'test' })
    await client.connect()
    await client.query(
      `SELECT barometer_audit.record('{"type": "admin", "id": "ada", "name": "Ada"}', 'user.ban', '{"type": "user", "id": "1"}')
       FROM generate_series(1, $1)`,
      [count],
    )
    await client.end()
    await createSealer(service, log, () => new Date()).tick()
    await service.end()
  }
  const anchor = async (at: Date): Promise<void> => {
    const service = serviceOf(postgres)
    const { head } = await createSealer(service, log, () => new Date()).tick()
    await service.end()
    if (head !== undefined) await createAnchors(store).keepDaily(head, at)
  }
  const figures = async (server: Postgres) => {
    const byHand = readSettings({ DATABASE_URL: roleUrl(server.url, exporterRole) }, ['DATABASE_URL'])
    const { text, failures } = await refreshOnce({ settings: byHand, log })
    expect([...failures]).toEqual([])
    return text.split('\n').filter((line) => line.startsWith('platform_users'))
  }
  const verify = async (server: Postgres) => {
    const ran = await barometer(['audit', 'verify'], {
      ...storage,
      AUDIT_DATABASE_URL: roleUrl(server.url, auditServiceRole),
    })
    return [ran.exitCode, ran.stdout] as const
  }

  const before = await figures(postgres)
  await write(postgres, 20)
  await anchor(new Date(Date.now() - 86_400_000))
  await backUp(postgres, lived, older)
  await write(postgres, 10)
  await anchor(new Date())
  await backUp(postgres, lived, newer)
  await owner.end()
  await postgres.stop()

  const whole = await startPostgres({ directory: newer, settings })
  onTestFinished(() => whole.stop())
  expect(await verify(whole)).toEqual([
    0,
    expect.stringContaining('the chain holds: sequences 1 to 30, 2 anchors hold'),
  ])
  // The store needs no backup: what is lost is built anew from the views.
  const admin = createPool({ connectionString: whole.url, applicationName: 'test', connectionsMax: 1 })
  await admin.query(`DROP SCHEMA barometer CASCADE; CREATE SCHEMA barometer AUTHORIZATION ${exporterRole}`)
  await admin.end()
  expect(await figures(whole)).toEqual(before)
  await whole.stop()

  // Read first as a standby, which check tells from a primary.
  writeFileSync(join(older, 'data', 'standby.signal'), '')
  const early = await startPostgres({ directory: older, settings })
  onTestFinished(() => early.stop())
  const reading = createPool({ connectionString: early.url, applicationName: 'test', connectionsMax: 1 })
  const checked = await checkStore(reading, readSettings({ DATABASE_URL: early.url }, ['DATABASE_URL']), Date.now)
  expect(checked.find(({ target }) => target === 'replication')).toMatchObject({
    status: 'broken',
    detail: expect.stringContaining('this is a standby, which cannot be written'),
  })
  await reading.end()
  await early.stop()
  rmSync(join(older, 'data', 'standby.signal'))
  await early.start()

  expect(await verify(early)).toEqual([
    1,
    expect.stringMatching(
      /removed batch: the anchor barometer-audit\/anchors\/.* has sequence 30; the chain ends at sequence 20/,
    ),
  ])
  // It is known why: the anchors of what is lost are put away, and the log goes on from where it is.
  const [lost] = (await lastKeys(store, `${store.prefix}anchors/`, 10)).slice(-1)
  await store.client.send(new DeleteObjectCommand({ Bucket: store.bucket, Key: lost }))
  await write(early, 5)
  expect(await verify(early)).toEqual([0, expect.stringMatching(/the chain holds: sequences 1 to 2\d, 1 anchors hold/)])
})
