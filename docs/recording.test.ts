import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { AuditClient } from '../audit-api/client/client.ts'
import { createPool } from '../lib/postgres.ts'
import { type AuditTestbed, openAuditTestbed, withRole } from '../testing/audit-api/testbed.ts'
import { createDatabase, type TestDatabase } from '../testing/database.ts'
import { createAdminApi } from './examples/recording-fastify.ts'
import { suspendUser } from './examples/recording-transaction.ts'
import { createCaller } from './examples/recording-trpc.ts'

const read = (name: string) => readFileSync(resolve(import.meta.dirname, name), 'utf8')

let database: TestDatabase
let bed: AuditTestbed
let auditUrl: string
let auditToken: string

beforeAll(async () => {
  database = await createDatabase()
  bed = await openAuditTestbed(database.url)
  auditUrl = await bed.server.listen({ host: '127.0.0.1', port: 0 })
  auditToken = bed.token({ scopes: ['ingest'] })
})
afterAll(async () => {
  await bed.close()
  await database.drop()
})

async function recorded(targetId: string) {
  const { rows } = await bed.owner.query(
    'SELECT actor_id, action, target_name, outcome FROM barometer_audit.event WHERE target_id = $1 ORDER BY recorded_at',
    [targetId],
  )
  return rows
}

test.each(['recording-transaction', 'recording-fastify', 'recording-trpc'])('the page shows %s as it is', (name) => {
  const page = read('recording.md')
  const example = read(`examples/${name}.ts`)
  expect(page).toContain(`<!-- docs/examples/${name}.ts -->\n\n\`\`\`ts\n${example}\`\`\`\n`)
})

test('Fastify: what was done and what failed is recorded, and closing the server sends the last of it', async () => {
  const users = {
    suspend: async (id: string) => {
      if (id === 'f2') throw new Error('no such user')
      return { id, name: 'Somebody' }
    },
  }
  const api = createAdminApi({ users, auditUrl, auditToken })
  const post = async (id: string) =>
    (await api.inject({ method: 'POST', url: `/admin/users/${id}/suspend` })).statusCode
  expect([await post('f1'), await post('f2')]).toEqual([200, 500])
  await api.close()
  const row = { actor_id: 'ada', action: 'user.suspend' }
  expect(await recorded('f1')).toEqual([{ ...row, target_name: 'Somebody', outcome: 'success' }])
  expect(await recorded('f2')).toEqual([{ ...row, target_name: null, outcome: 'failure' }])
})

test('tRPC: every call of an admin procedure is recorded', async () => {
  const audit = new AuditClient({ url: auditUrl, token: auditToken, onGivenUp: () => {} })
  onTestFinished(async () => void (await audit.close()))
  const caller = createCaller({ audit, ip: '203.0.113.7', admin: { id: 'ada', name: 'Ada', email: 'ada@example.com' } })
  expect(await caller.suspendUser({ id: 't1' })).toEqual({ suspended: 't1' })
  await expect(caller.suspendUser({ id: 42 } as never)).rejects.toThrow(/expected/)
  await audit.flush()
  expect(await recorded('t1')).toMatchObject([{ action: 'user.suspend', outcome: 'success' }])
  expect(await recorded('42')).toMatchObject([{ action: 'user.suspend', outcome: 'failure' }])
})

test('SQL: the action and its record are committed together or not at all', async () => {
  await bed.owner.query(`CREATE TABLE users (id text PRIMARY KEY, name text, suspended boolean);
    INSERT INTO users VALUES ('s1', 'Somebody', false)`)
  const role = `docs_${database.name}`
  await bed.owner.query(`CREATE ROLE ${role}; GRANT SELECT, UPDATE ON users TO ${role}`)
  await bed.owner.query('SELECT barometer_audit.grant_recorder($1)', [role])
  const pool = createPool({
    connectionString: withRole(database.url, role),
    applicationName: 'docs',
    connectionsMax: 2,
  })
  onTestFinished(async () => {
    await pool.end()
    await bed.owner.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
  })
  await suspendUser(pool, { id: 'ada', name: 'Ada' }, 's1')
  expect(await recorded('s1')).toMatchObject([{ target_name: 'Somebody', outcome: 'success' }])
  await expect(suspendUser(pool, { id: 'ada', name: 'x'.repeat(201) }, 's1')).rejects.toThrow(/event_actor_name/)
  await expect(suspendUser(pool, { id: 'ada', name: 'Ada' }, 's2')).rejects.toThrow('no user s2')
  expect(await recorded('s1')).toHaveLength(1)
})
