import { afterAll, beforeAll, expect, test } from 'vitest'
import { roleUrl } from '../database/platform/install.ts'
import { barometer, oneLine } from '../testing/cli.ts'
import { createDatabase, databaseUrl, type TestDatabase } from '../testing/database.ts'
import { createPlatformDatabase } from '../testing/platform.ts'
import type { CheckReport } from './check/report.ts'

let database: TestDatabase

/** A platform of its own kind: other tables and names behind the views, and only some of the views. */
beforeAll(async () => {
  database = await createDatabase()
  await database.pool.query(`
    CREATE SCHEMA barometer_source;
    CREATE TABLE member (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), joined timestamptz NOT NULL, gone timestamptz,
      touched timestamptz NOT NULL, staff boolean);
    CREATE INDEX ON member (joined);
    CREATE INDEX ON member (touched);
    INSERT INTO member (joined, touched, staff) SELECT '2026-01-01', '2026-01-01', false FROM generate_series(1, 20);
    CREATE VIEW barometer_source.users AS SELECT id AS user_id, joined AS created_at, gone AS deleted_at,
      touched AS updated_at, NULL::char(2) AS country, NULL::text AS signup_source, NULL::text AS visitor_id,
      staff AS is_internal FROM member;
    CREATE TABLE money (id bigint, member uuid NOT NULL, at timestamptz NOT NULL, what text NOT NULL, cents bigint NOT NULL);
    INSERT INTO money SELECT n, (SELECT id FROM member LIMIT 1), '2026-01-02', 'gift', 1 FROM generate_series(1, 3) AS n;
    CREATE VIEW barometer_source.payments AS SELECT id AS payment_id, member AS user_id, at AS paid_at, what AS kind,
      cents AS amount_minor, 'EUR'::char(3) AS currency FROM money;
    CREATE VIEW barometer_source.sessions AS SELECT id AS session_id, member AS user_id, at::text AS started_at FROM money;
    ANALYZE;
  `)
})
afterAll(() => database.drop())

async function report(): Promise<{ exitCode: number | null; report: CheckReport }> {
  const ran = await barometer(['check', '--json'], { DATABASE_URL: database.url })
  expect(ran.stderr).toBe('')
  return { exitCode: ran.exitCode, report: JSON.parse(ran.stdout) }
}

const viewOf = (found: CheckReport, name: string) => found.views.find(({ view }) => view === name)

test('a view with a wrong type is named with column, found and expected, and is broken', async () => {
  const { exitCode, report: found } = await report()
  expect(exitCode).toBe(1)
  expect(found.good).toBe(false)
  const sessions = viewOf(found, 'sessions')
  expect(sessions?.status).toBe('broken')
  expect(sessions?.problems.join('\n')).toMatch(/sessions.*started_at.*text.*timestamptz/)
  expect(sessions?.stops.length).toBeGreaterThan(0)
})

test('a view that is absent is off and says which collectors are', async () => {
  const visits = viewOf((await report()).report, 'visits')
  expect(visits).toMatchObject({ status: 'off', rowsEstimated: null })
  expect(visits?.stops).toContain('funnel')
})

test('a value outside an enumeration is a warning, and the missing index comes as a statement', async () => {
  const payments = viewOf((await report()).report, 'payments')
  expect(payments).toMatchObject({ status: 'warning', rowsEstimated: 3, newestRow: '2026-01-02T00:00:00.000Z' })
  expect(payments?.problems).toEqual([
    'barometer_source.payments.kind has "gift"; expected one of subscription, credits',
  ])
  expect(payments?.indexes.flatMap(({ create }) => create)).toEqual([
    'CREATE INDEX CONCURRENTLY ON public.money (at);',
    'CREATE INDEX CONCURRENTLY ON public.money (member, at);',
  ])
})

test('a NULL where none may be is broken, and whole views alone are good', async () => {
  await database.pool.query('UPDATE member SET staff = NULL WHERE id = (SELECT id FROM member LIMIT 1)')
  const broken = viewOf((await report()).report, 'users')
  expect(broken?.status).toBe('broken')
  expect(broken?.problems.join('\n')).toMatch(/users.*is_internal.*NULL/)
  await database.pool.query('UPDATE member SET staff = false WHERE staff IS NULL; DROP VIEW barometer_source.sessions')
  const { exitCode, report: found } = await report()
  expect(exitCode, JSON.stringify(found)).toBe(0)
  expect(viewOf(found, 'users')).toMatchObject({ rowsEstimated: 20 })
  expect(found.refreshCost).toBeGreaterThan(0)
})

test('the tables for a person hold every view, what is off, and the statements', async () => {
  const { stdout } = await barometer(['check'], { DATABASE_URL: database.url })
  expect(stdout).toMatch(/^Postgres 127\.0\.0\.1:\d+: version 1[4-8]\./)
  expect(stdout).toMatch(/users +ok|users +warning/)
  expect(stdout).toMatch(/visits +off/)
  expect(stdout).toContain('CREATE INDEX CONCURRENTLY ON public.money (member, at);')
  expect(stdout).toMatch(/redis +– +off +REDIS_URL is not set/)
})

test('a role that may read the views and nothing else sees all of it', async () => {
  const role = `${database.name}_reader`
  await database.pool.query(`CREATE ROLE ${role} LOGIN PASSWORD 'reader';
    GRANT USAGE ON SCHEMA barometer_source TO ${role};
    GRANT SELECT ON ALL TABLES IN SCHEMA barometer_source TO ${role}`)
  const url = new URL(database.url)
  url.username = role
  url.password = 'reader'
  const asOwner = JSON.parse((await barometer(['check', '--json'], { DATABASE_URL: database.url })).stdout)
  const asReader = JSON.parse((await barometer(['check', '--json'], { DATABASE_URL: url.href })).stdout)
  await database.pool.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
  expect(asReader.views).toEqual(asOwner.views)
})

test('a role without rights is told what to grant, for the schema and then for each view', async () => {
  const role = `stranger_${database.name}`
  await database.pool.query(`CREATE ROLE ${role} LOGIN`)
  const environment = { DATABASE_URL: roleUrl(database.url, role) }
  const schemaless = JSON.parse((await barometer(['check', '--json'], environment)).stdout)
  expect(schemaless.database.detail).toBe(
    `the role ${role} may not use the schema barometer_source; expected GRANT USAGE ON SCHEMA barometer_source TO ${role}`,
  )
  await database.pool.query(`GRANT USAGE ON SCHEMA barometer_source TO ${role};
    GRANT SELECT ON barometer_source.payments TO ${role}`)
  const found = JSON.parse((await barometer(['check', '--json'], environment)).stdout)
  await database.pool.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)
  expect(viewOf(found, 'users')).toMatchObject({
    status: 'broken',
    problems: [
      `view users: the role ${role} may not read it; expected GRANT SELECT ON barometer_source.users TO ${role}`,
    ],
  })
  expect(viewOf(found, 'payments')?.status).toBe('warning')
})

test('a view that fails when it is read says so and stops nothing else', async () => {
  await database.pool.query(`CREATE VIEW barometer_source.visits AS SELECT 1::bigint / (count(*) - count(*)) AS visit_id,
    'v'::text AS visitor_id, now() AS visited_at, NULL::text AS source FROM money`)
  const { exitCode, report: found } = await report()
  await database.pool.query('DROP VIEW barometer_source.visits')
  expect(exitCode).toBe(1)
  expect(viewOf(found, 'visits')?.problems).toEqual(['view visits cannot be read: division by zero; expected rows'])
  expect(viewOf(found, 'users')?.rowsEstimated).toBe(20)
})

test('a database that is not there, and a schema that is not, are broken in one line each', async () => {
  const ran = await barometer(['check', '--json'], { DATABASE_URL: databaseUrl('not_there') })
  expect(ran.exitCode).toBe(1)
  expect(JSON.parse(ran.stdout).database).toMatchObject({
    status: 'broken',
    detail: expect.stringContaining('there is no such database'),
  })
  const other = await barometer(['check'], { DATABASE_URL: database.url, SOURCE_SCHEMA: 'elsewhere' })
  expect(other.exitCode).toBe(1)
  expect(other.stdout).toContain('there is no schema elsewhere (SOURCE_SCHEMA)')
})

test('without a database to look at it is bad configuration', async () => {
  expect(oneLine(await barometer(['check']), 2)).toContain('DATABASE_URL (or DATABASE_URL_FILE) is not set')
})

test('the reference platform, seen with the role of the exporter, is all good and lacks no index', async () => {
  const platform = await createPlatformDatabase()
  try {
    const ran = await barometer(['check', '--json'], { DATABASE_URL: platform.exporterUrl })
    const found: CheckReport = JSON.parse(ran.stdout)
    expect(found.views.flatMap(({ problems }) => problems)).toEqual([])
    expect(
      found.views.flatMap(({ indexes }) => indexes.flatMap(({ create, note }) => [...create, note ?? []]).flat()),
    ).toEqual([])
    expect(ran.exitCode).toBe(0)
  } finally {
    await platform.drop()
  }
})
