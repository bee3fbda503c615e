import { readdirSync } from 'node:fs'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { migrateSchema } from '../../lib/migrations.ts'
import { createClient, createPool } from '../../lib/postgres.ts'
import { openAuditTestbed, withRole } from '../../testing/audit-api/testbed.ts'
import { barometer, oneLine } from '../../testing/cli.ts'
import { createDatabase } from '../../testing/database.ts'
import { createSealer } from '../chain/sealer.ts'
import { verifyChain } from '../chain/verify.ts'
import { auditMigrations, migrateAudit } from './migrate.ts'

const names = readdirSync(auditMigrations.directory)
  .filter((file) => file.endsWith('.sql'))
  .map((file) => file.replace(/\.sql$/, ''))
  .toSorted()

const recorded = `SELECT barometer_audit.record('{"type": "admin", "id": "ada", "name": "Ada"}', 'user.ban',
  jsonb_build_object('type', 'user', 'id', n::text), metadata => jsonb_build_object('n', n, 'text', 'a "b"'))
  FROM generate_series(1, 40) AS n`
/** Before there was record(). */
const inserted = `WITH given AS (SELECT gen_random_uuid() AS id, date_trunc('month', now()) + n * interval '1 second' AS at, n::text FROM generate_series(1, 40) AS n),
  event AS (INSERT INTO barometer_audit.event (id, occurred_at, actor_type, actor_id, actor_name, action, target_type, target_id, outcome)
    SELECT id, at, 'admin', 'ada', 'Ada', 'user.ban', 'user', n, 'success' FROM given)
  INSERT INTO barometer_audit.event_identity (id, occurred_at, content_hash) SELECT id, at, barometer_audit.content_hash(
    at, 'admin', 'ada', 'Ada', NULL, 'user.ban', 'user', n, NULL, 'success', NULL, NULL, NULL, NULL, NULL, NULL) FROM given`

test.each(names.map((name, index) => [name, index + 1] as const))(
  'a log as %s left it comes up to the newest, and its chain holds',
  async (name, count) => {
    const database = await createDatabase()
    onTestFinished(() => database.drop())
    const owner = createClient({ connectionString: database.url, applicationName: 'test' })
    await owner.connect()
    expect((await migrateSchema({ client: owner, ...auditMigrations, count })).at(-1)).toBe(name)
    if (count === 1) await owner.query('SELECT barometer_audit.ensure_month(now())')
    await owner.query(count === 1 ? inserted : recorded)
    // What is sealed by the functions of then, and what waits for those of today.
    if (count >= 3) {
      await owner.query('SELECT barometer_audit.seal(15)')
      await owner.query(recorded)
    }
    await owner.end()
    await migrateAudit(database.url)
    const url = withRole(database.url, 'barometer_audit')
    const service = createPool({ connectionString: url, applicationName: 'test', connectionsMax: 2 })
    onTestFinished(() => service.end())
    const { head, unsealed } = await createSealer(service, pino({ level: 'silent' }), () => new Date()).tick()
    expect({ sequence: head?.sequence, unsealed }).toEqual({ sequence: count >= 3 ? 80 : 40, unsealed: 0 })
    expect(await verifyChain(service, { whole: true })).toMatchObject({ valid: true, complete: true })
  },
)

test('a log of a newer version is left alone in one line, one of an older version is not ready', async () => {
  const database = await createDatabase()
  const bed = await openAuditTestbed(database.url)
  onTestFinished(async () => {
    await bed.close()
    await database.drop()
  })
  const ready = async () => (await bed.server.inject('/readyz')).statusCode
  expect(await ready()).toBe(200)
  const newest = names.at(-1)
  await bed.owner.query('DELETE FROM barometer_audit.migration WHERE name = $1', [newest])
  expect(await ready()).toBe(503)
  await bed.owner.query(
    "INSERT INTO barometer_audit.migration (name, run_on) VALUES ($1, now()), ('999-of-tomorrow', now())",
    [newest],
  )
  // While versions change, the services of the one before go on.
  expect(await ready()).toBe(200)
  const ran = await barometer(['migrate'], { AUDIT_DATABASE_URL: database.url })
  expect(oneLine(ran, 1)).toContain(`it has the migration 999-of-tomorrow, and the newest known here is ${newest}`)
})
