import { afterAll, beforeAll, expect, test } from 'vitest'
import { views } from '../../catalogue/views.ts'
import type { PoolClient } from '../../lib/postgres.ts'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { inSchema } from '../../testing/figures/samples.ts'
import { createPlatformDatabase } from '../../testing/platform.ts'
import { complete, createSchema, insertHistory, type SchemaName } from '../../testing/second-implementation/history.ts'
import { findNulls, inspectViews } from './source-contract.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase()
  for (const name of ['numbers', 'uuids', 'texts'] as const) await createSchema(database.pool, name)
})
afterAll(() => database.drop())

/** The problems of all views after some statements. */
async function problemsAfter(schema: SchemaName, ...statements: string[]): Promise<string[]> {
  let problems: string[] = []
  await inSchema(database.pool, schema, async (client) => {
    for (const statement of statements) await client.query(statement)
    problems = Object.values(await inspectViews(client, schema)).flatMap((inspection) => inspection.problems)
  })
  return problems
}

const retyped = (view: string, column: string, type: string): string =>
  `ALTER TABLE ${view} ALTER COLUMN "${column}" TYPE ${type} USING NULL`

test.each(['numbers', 'uuids', 'texts'] as const)('views with ids as %s are as the contract says', async (schema) => {
  expect(await problemsAfter(schema)).toEqual([])
  const inspections = await inspectViews(database.pool, schema)
  expect(views.filter((view) => !inspections[view].present)).toEqual([])
})

test('the views of the reference platform are as the contract says', async () => {
  const platform = await createPlatformDatabase()
  try {
    const inspections = Object.values(await inspectViews(platform.pool, 'barometer_source'))
    expect(inspections.map(({ view, present, problems }) => [view, present, problems])).toEqual(
      views.map((view) => [view, true, []]),
    )
  } finally {
    await platform.drop()
  }
})

test('a view that is not there is absent, which is no problem', async () => {
  await inSchema(database.pool, 'numbers', async (client) => {
    await client.query('DROP TABLE visits')
    const { visits, users } = await inspectViews(client, 'numbers')
    expect(visits).toEqual({ view: 'visits', present: false, problems: [] })
    expect(users.present).toBe(true)
  })
  const inspections = Object.values(await inspectViews(database.pool, 'no_such_schema'))
  expect(inspections.some(({ present }) => present)).toBe(false)
})

test('a materialized view and a domain over the right type do as well', async () => {
  const problems = await problemsAfter(
    'numbers',
    'CREATE DOMAIN reason AS text CHECK (length(VALUE) < 100)',
    retyped('generations', 'failure_reason', 'reason'),
    'ALTER TABLE visits RENAME TO visits_table',
    'CREATE MATERIALIZED VIEW visits AS SELECT * FROM visits_table',
  )
  expect(problems).toEqual([])
})

test.each([
  [
    retyped('sessions', 'started_at', 'timestamp'),
    'view sessions: column started_at is timestamp without time zone; expected timestamptz',
  ],
  [retyped('users', 'is_internal', 'int'), 'view users: column is_internal is integer; expected boolean'],
  [retyped('payments', 'amount_minor', 'numeric'), 'view payments: column amount_minor is numeric; expected bigint'],
  [retyped('generations', 'image_count', 'real'), 'view generations: column image_count is real; expected int'],
  [retyped('visits', 'visit_id', 'int'), 'view visits: column visit_id is integer; expected bigint, uuid or text'],
  [retyped('bug_reports', 'status', 'char(9)'), 'view bug_reports: column status is character; expected text'],
  ['ALTER TABLE payments DROP COLUMN currency', 'view payments: column currency is missing; expected char'],
  [
    retyped('sessions', 'user_id', 'uuid'),
    'view sessions: column user_id is uuid; expected bigint, the type of users.user_id',
  ],
])('%s is one line that names view, column, found and expected', async (statement, line) => {
  expect(await problemsAfter('numbers', statement)).toEqual([line])
})

test('an enum of the platform is named, since it would have to be cast', async () => {
  const problems = await problemsAfter(
    'numbers',
    `CREATE TYPE severity_level AS ENUM ('low', 'high')`,
    retyped('bug_reports', 'severity', 'severity_level'),
  )
  expect(problems).toEqual(['view bug_reports: column severity is severity_level; expected text'])
})

test('a NULL where none may be is found in its column, and one where it may be is none', async () => {
  const lines = async (client: PoolClient) => {
    const found: string[] = []
    for (const view of views) found.push(...(await findNulls(client, view)))
    return found
  }
  await inSchema(database.pool, 'texts', async (client) => {
    await insertHistory(client, 'texts', complete({ users: [{ country: null }], generations: [{ scene: null }] }))
    expect(await lines(client)).toEqual([])
    await client.query('ALTER TABLE generations ALTER COLUMN status DROP NOT NULL, ALTER COLUMN type DROP NOT NULL')
    await insertHistory(client, 'texts', complete({ generations: [{}, {}] }))
    await client.query('UPDATE generations SET status = NULL')
    expect(await lines(client)).toEqual(['view generations: column status holds NULL; expected a value in every row'])
  })
})
