import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { views } from '../catalogue/views.ts'
import { roleUrl } from '../database/platform/install.ts'
import { barometer, oneLine } from '../testing/cli.ts'
import { createDatabase, type TestDatabase, testDirectory } from '../testing/database.ts'
import type { Summary } from './init/summary.ts'

const databases: TestDatabase[] = []
const roles: string[] = []
let directory: string

beforeAll(() => {
  directory = testDirectory('init')
})
afterAll(async () => {
  for (const database of databases) await database.drop()
  const cleaner = await createDatabase()
  for (const role of roles) await cleaner.pool.query(`DROP ROLE IF EXISTS "${role}"`)
  await cleaner.drop()
})

async function databaseWith(sql: string): Promise<TestDatabase> {
  const database = await createDatabase()
  databases.push(database)
  await database.pool.query(sql)
  return database
}

interface Drafted {
  sql: string
  summary: Summary
  stderr: string
}

async function init(url: string, ...flags: string[]): Promise<Drafted> {
  const output = join(directory, `${Math.random().toString(36).slice(2)}.sql`)
  const ran = await barometer(['init', '--json', '--output', output, ...flags], { DATABASE_URL: url })
  expect(ran.exitCode, ran.stderr).toBe(0)
  return { sql: readFileSync(output, 'utf8'), summary: JSON.parse(ran.stdout), stderr: ran.stderr }
}

const viewOf = ({ summary }: Drafted, name: string) => summary.views.find(({ view }) => view === name)
const columnOf = (drafted: Drafted, view: string, name: string) =>
  viewOf(drafted, view)?.columns.find(({ column }) => column === name)

/** Runs the draft, and answers how many rows each view has. */
async function rowsOf(
  database: TestDatabase,
  { sql }: Drafted,
  schema = 'barometer_source',
): Promise<Record<string, number>> {
  await database.pool.query(sql)
  const counts: Record<string, number> = {}
  for (const view of views) {
    const { rows } = await database.pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM "${schema}".${view}`)
    counts[view] = rows[0]?.n ?? -1
  }
  return counts
}

test('Rails: whole numbers as ids and enums, cents, times without a zone', async () => {
  const database = await databaseWith(`
    CREATE TABLE users (id bigserial PRIMARY KEY, email varchar NOT NULL, admin boolean DEFAULT false NOT NULL,
      created_at timestamp(6) NOT NULL, updated_at timestamp(6) NOT NULL, discarded_at timestamp(6));
    CREATE TABLE ahoy_visits (id bigserial PRIMARY KEY, visitor_token varchar, user_id bigint, started_at timestamp(6), utm_source varchar);
    CREATE TABLE image_generations (id serial PRIMARY KEY, user_id bigint NOT NULL REFERENCES users, status integer DEFAULT 0 NOT NULL,
      created_at timestamp(6) NOT NULL, updated_at timestamp(6) NOT NULL);
    CREATE TABLE payments (id bigserial PRIMARY KEY, user_id bigint NOT NULL, amount_cents integer NOT NULL, currency varchar NOT NULL,
      created_at timestamp(6) NOT NULL, updated_at timestamp(6) NOT NULL);
    CREATE TABLE ar_internal_metadata (key varchar PRIMARY KEY, value varchar, created_at timestamp(6) NOT NULL);
    INSERT INTO users (email, created_at, updated_at) VALUES ('a', now(), now());`)
  const drafted = await init(database.url)
  expect(columnOf(drafted, 'users', 'created_at')).toMatchObject({
    certainty: 'found',
    sql: "t.created_at AT TIME ZONE 'UTC'",
  })
  expect(columnOf(drafted, 'users', 'deleted_at')?.todo.join()).toContain('guessed from discarded_at')
  expect(columnOf(drafted, 'users', 'is_internal')).toMatchObject({ certainty: 'guessed', sql: 't.admin' })
  expect(viewOf(drafted, 'visits')?.table).toBe('public.ahoy_visits')
  expect(columnOf(drafted, 'generations', 'generation_id')).toMatchObject({ certainty: 'found', sql: 't.id::bigint' })
  expect(columnOf(drafted, 'generations', 'status')?.todo.join()).toContain(
    'a number whose meaning is not in the database',
  )
  expect(columnOf(drafted, 'payments', 'amount_minor')).toMatchObject({
    certainty: 'found',
    sql: 't.amount_cents::bigint',
  })
  expect(columnOf(drafted, 'payments', 'user_id')).toMatchObject({ certainty: 'found', sql: 't.user_id' })
  expect(columnOf(drafted, 'payments', 'kind')).toMatchObject({ certainty: 'left', sql: 'NULL::text' })
  expect(await rowsOf(database, drafted)).toMatchObject({ users: 1, sessions: 0 })
})

test('Django: the app before the name, decimals for money, staff by flags, and no column that says when a row changed', async () => {
  const database = await databaseWith(`
    CREATE TABLE auth_user (id serial PRIMARY KEY, username varchar(150) NOT NULL, is_staff boolean NOT NULL, is_superuser boolean NOT NULL,
      is_active boolean NOT NULL, date_joined timestamptz NOT NULL, last_login timestamptz);
    CREATE TABLE auth_group (id serial PRIMARY KEY, name varchar(150));
    CREATE TABLE auth_user_groups (id serial PRIMARY KEY, user_id int NOT NULL REFERENCES auth_user, group_id int NOT NULL REFERENCES auth_group);
    CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text NOT NULL, expire_date timestamptz NOT NULL);
    CREATE TABLE payments_order (id serial PRIMARY KEY, user_id int NOT NULL REFERENCES auth_user, total numeric(10, 2) NOT NULL,
      status varchar(20) NOT NULL CHECK (status IN ('new', 'paid', 'failed')), created timestamptz NOT NULL);`)
  const drafted = await init(database.url)
  expect(viewOf(drafted, 'users')?.table).toBe('public.auth_user')
  expect(columnOf(drafted, 'users', 'user_id')?.sql).toBe('t.id::bigint')
  expect(columnOf(drafted, 'users', 'is_internal')?.sql).toBe('(t.is_staff OR t.is_superuser)')
  expect(columnOf(drafted, 'users', 'updated_at')).toMatchObject({ certainty: 'left', sql: 'NULL::timestamptz' })
  expect(columnOf(drafted, 'users', 'updated_at')?.todo.join()).toContain('A table without updated_at')
  expect(viewOf(drafted, 'sessions')?.table).toBe(null)
  expect(viewOf(drafted, 'payments')).toMatchObject({ table: 'public.payments_order', certainty: 'guessed' })
  expect(viewOf(drafted, 'payments')?.todo.join()).toContain('money moved where status is paid, not new, failed')
  expect(columnOf(drafted, 'payments', 'user_id')?.sql).toBe('t.user_id::bigint')
  expect(columnOf(drafted, 'payments', 'amount_minor')?.sql).toBe('round(t.total * 100)::bigint')
  await rowsOf(database, drafted)
})

test('Stripe as Airbyte and Fivetran keep it is told from tables of one’s own', async () => {
  const database = await databaseWith(`
    CREATE TABLE users (id uuid PRIMARY KEY, stripe_customer_id text, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL);
    CREATE SCHEMA airbyte;
    CREATE TABLE airbyte.stripe_subscriptions (id varchar, customer varchar, status varchar, items jsonb, created bigint, start_date bigint,
      ended_at numeric, livemode boolean, _airbyte_extracted_at timestamptz);
    CREATE SCHEMA fivetran_stripe;
    CREATE TABLE fivetran_stripe.charge (id text PRIMARY KEY, customer_id text, amount bigint, currency text, status text,
      created timestamptz, invoice_id text, livemode boolean, _fivetran_synced timestamptz);
    CREATE TABLE fivetran_stripe.customer (id text PRIMARY KEY, email text, created timestamptz, livemode boolean, _fivetran_synced timestamptz);
    INSERT INTO users VALUES (gen_random_uuid(), 'cus_1', now(), now());
    INSERT INTO fivetran_stripe.charge VALUES ('ch_1', 'cus_1', 990, 'usd', 'succeeded', now(), NULL, true, now());
    INSERT INTO airbyte.stripe_subscriptions VALUES ('sub_1', 'cus_1', 'active', '{"data": [{"quantity": 2, "price": {"unit_amount": 500,
      "currency": "usd", "recurring": {"interval": "month", "interval_count": 1}}}]}', 1760000000, 1760000000, NULL, true, now());`)
  const drafted = await init(database.url)
  expect(viewOf(drafted, 'users')?.table).toBe('public.users')
  expect(viewOf(drafted, 'payments')?.table).toBe('fivetran_stripe.charge')
  expect(viewOf(drafted, 'subscriptions')?.table).toBe('airbyte.stripe_subscriptions')
  expect(columnOf(drafted, 'subscriptions', 'started_at')?.sql).toBe('to_timestamp(t.start_date)')
  expect(await rowsOf(database, drafted)).toMatchObject({ payments: 1, subscriptions: 1 })
  const { rows } = await database.pool.query(
    'SELECT amount_minor, currency, "interval" FROM barometer_source.subscriptions',
  )
  expect(rows).toEqual([{ amount_minor: '1000', currency: 'USD', interval: 'month' }])
})

test('names that SQL would stumble on are quoted, and none gets out of a comment or a literal', async () => {
  const database = await databaseWith(`
    CREATE SCHEMA "Order By";
    CREATE TABLE "Order By"."user" ("select" int, "id" text PRIMARY KEY, "createdAt" timestamp NOT NULL, "updatedAt" timestamp NOT NULL,
      "Role" text CHECK ("Role" IN ('USER', 'x''); DROP TABLE precious; --')));
    CREATE TABLE "Order By"."generation
DROP TABLE precious; --" ("id" text PRIMARY KEY, "user" text NOT NULL REFERENCES "Order By"."user", "a""b created_at" timestamp,
      "status
DROP TABLE precious; --" text, "created_at" timestamptz NOT NULL);
    CREATE TYPE mood AS ENUM ('queued', 'it''s
DROP TABLE precious;', 'back\\slash');
    CREATE TABLE "Generation" ("id" text PRIMARY KEY, "user" text NOT NULL REFERENCES "Order By"."user", "status" mood NOT NULL);
    CREATE TABLE precious (n int)`)
  const renamed = `bad"name\nDROP TABLE precious; --${database.name}`
  await database.pool.query(`INSERT INTO "Order By"."user" VALUES (1, 'u', now(), now(), 'USER')`)
  const drafted = await init(database.url, '--schema', 'views_of_mine', '--role', `reader_${database.name}`)
  roles.push(`reader_${database.name}`)
  expect(viewOf(drafted, 'users')?.table).toBe('"Order By"."user"')
  expect(drafted.sql).not.toMatch(/^DROP TABLE/m)
  expect(drafted.sql).not.toContain(renamed)
  const counts = await rowsOf(database, drafted, 'views_of_mine')
  expect(counts.users).toBe(1)
  await database.pool.query('SELECT * FROM precious')
  expect(
    (await barometer(['init', '--schema', 'Robert"; --', '-o', '-'], { DATABASE_URL: database.url })).exitCode,
  ).toBe(2)
})

test('a role that may only connect and look is enough, and nothing is changed', async () => {
  const database = await databaseWith(
    `CREATE TABLE users (id bigint PRIMARY KEY, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL);
     CREATE SCHEMA hidden; CREATE TABLE hidden.payments (id bigint PRIMARY KEY)`,
  )
  const role = `looker_${database.name}`
  roles.push(role)
  await database.pool.query(`CREATE ROLE ${role} LOGIN`)
  const state = 'SELECT count(*)::int AS n, max(xmin::text::bigint)::text AS last FROM pg_class'
  const before = await database.pool.query(state)
  const drafted = await init(roleUrl(database.url, role))
  expect((await database.pool.query(state)).rows).toEqual(before.rows)
  expect(viewOf(drafted, 'users')?.table).toBe('public.users')
  expect(viewOf(drafted, 'payments')?.table).toBe(null)
  const refused = await barometer(['init', '-o', '-', '--from', 'hidden'], {
    DATABASE_URL: roleUrl(database.url, role),
  })
  expect(oneLine(refused, 2)).toBe(
    '--from hidden: there is no such schema, or the role may not use it; expected one with USAGE',
  )
})

test('five hundred tables are looked at in one go, and the right one of them is found', async () => {
  const tables = Array.from(
    { length: 500 },
    (_, n) => `CREATE TABLE t_${n} (id bigint PRIMARY KEY, note text, made_at timestamptz)`,
  )
  const database = await databaseWith(`${tables.join(';')};
    CREATE TABLE users (id bigint PRIMARY KEY, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL)`)
  const drafted = await init(database.url)
  expect(drafted.summary.views.filter(({ table }) => table !== null).map(({ table }) => table)).toEqual([
    'public.users',
  ])
  expect(drafted.stderr.split('\n')).toHaveLength(views.length + 2)
})

test('two tables that could be it are a guess that names both', async () => {
  const database = await databaseWith(`
    CREATE TABLE users (id bigint PRIMARY KEY, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL);
    CREATE SCHEMA legacy; CREATE TABLE legacy.users (id int PRIMARY KEY, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL)`)
  const drafted = await init(database.url)
  const named = [viewOf(drafted, 'users')?.table, ...(viewOf(drafted, 'users')?.todo ?? [])].join(' ')
  expect(named).toContain('public.users')
  expect(named).toContain('legacy.users')
  const narrowed = await init(database.url, '--from', 'legacy')
  expect(viewOf(narrowed, 'users')?.table).toBe('legacy.users')
  expect(viewOf(narrowed, 'users')?.todo).toEqual([])
})

test('a file that is there is not written over, unless that is asked for', async () => {
  const database = await databaseWith('CREATE TABLE users (id bigint PRIMARY KEY)')
  const output = join(directory, 'mine.sql')
  writeFileSync(output, 'mine')
  const environment = { DATABASE_URL: database.url }
  expect(oneLine(await barometer(['init', '-o', output], environment), 2)).toBe(
    `--output ${output} is there already; expected a name that is free, or --force to write over it`,
  )
  expect(readFileSync(output, 'utf8')).toBe('mine')
  expect((await barometer(['init', '-o', output, '--force'], environment)).exitCode).toBe(0)
  expect(readFileSync(output, 'utf8')).toContain('CREATE VIEW barometer_source.users')
  const nowhere = join(directory, 'no-such-folder', 'views.sql')
  expect(oneLine(await barometer(['init', '-o', nowhere], environment), 2)).toContain(
    'expected a file in a folder that is there',
  )
  const piped = await barometer(['init', '-o', '-'], environment)
  expect(piped.stdout).toContain('CREATE VIEW barometer_source.users')
  expect(oneLine(await barometer(['init', '-o', '-', '--json'], environment), 2)).toContain('both want standard output')
})

test('a database without tables, and one that is not there, are one line each', async () => {
  const database = await databaseWith('SELECT 1')
  const output = join(directory, 'never.sql')
  expect(oneLine(await barometer(['init', '-o', output], { DATABASE_URL: database.url }), 1)).toBe(
    'DATABASE_URL: there is no table in any schema that the role may use; expected those of the platform',
  )
  expect(oneLine(await barometer(['init', '-o', output], { DATABASE_URL: 'postgres://x@127.0.0.1:9/y' }), 1)).toContain(
    'cannot connect',
  )
  expect(oneLine(await barometer(['init', '-o', output]), 2)).toContain(
    'DATABASE_URL (or DATABASE_URL_FILE) is not set',
  )
  expect(existsSync(output)).toBe(false)
})
