import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { views } from '../../catalogue/views.ts'
import { createPlatformDatabase, type PlatformDatabase } from '../../testing/platform.ts'

let database: PlatformDatabase
let exporter: pg.Client

beforeAll(async () => {
  database = await createPlatformDatabase()
  exporter = new pg.Client({ connectionString: database.exporterUrl })
  await exporter.connect()
})
afterAll(async () => {
  await exporter.end()
  await database.drop()
})

test('the exporter reads every view', async () => {
  const { rows } = await database.pool.query(
    `SELECT viewname FROM pg_views WHERE schemaname = 'barometer_source' ORDER BY viewname COLLATE "C"`,
  )
  expect(rows.map(({ viewname }) => viewname)).toEqual(views.toSorted())
  for (const { viewname } of rows) await exporter.query(`SELECT count(*) FROM barometer_source.${viewname}`)
})

test('the exporter makes tables in its own schema', async () => {
  await exporter.query('CREATE TABLE barometer.mine (n int)')
  await exporter.query('DROP TABLE barometer.mine')
})

test.each([
  ['read a table of the platform', 'SELECT count(*) FROM platform.users'],
  ['write through a view', `INSERT INTO barometer_source.visits (visitor_id, visited_at) VALUES ('x', now())`],
  ['change through a view', 'UPDATE barometer_source.users SET country = NULL'],
  ['delete through a view', 'DELETE FROM barometer_source.sessions'],
  ['call an admin action', `SELECT platform.admin_suspend_user('ada', 1)`],
  ['make a table beside the views', 'CREATE TABLE barometer_source.mine (n int)'],
  ['make a table in public', 'CREATE TABLE public.mine (n int)'],
  ['make another schema', 'CREATE SCHEMA other'],
  ['read the audit log', 'SELECT count(*) FROM barometer_audit.event'],
  ['make a role', 'CREATE ROLE intruder'],
  ['read a file of the server', `SELECT pg_read_file('/etc/passwd')`],
])('the exporter may not %s', async (_, sql) => {
  await expect(exporter.query(sql)).rejects.toMatchObject({ code: '42501' })
})
