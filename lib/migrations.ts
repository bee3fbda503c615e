import { readdirSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { runner } from 'node-pg-migrate'
import type pg from 'pg'
import { givesWay } from './postgres.ts'
import { messageOf, UserError } from './user-error.ts'

type Client = Pick<pg.Client, 'query'>

/** Where a schema's migrations are, and which of them were run is kept in its table `migration`. */
export interface Migrations {
  schema: string
  /** Files `001-name.sql`, run in the order of their names. */
  directory: string
}

export interface MigrateOptions extends Migrations {
  /** Connected, directly or through a pooler of transactions. */
  client: pg.Client
  /** Runs only so many of those that are missing. */
  count?: number
  /** What belongs to it, such as grants: in the same transaction, after the migrations, also where none was missing. */
  after?: (client: Client) => Promise<void>
}

/** 250 ms: a statement of the platform that queues behind one of ours waits no longer than that. */
const lockTimeoutMs = 250
/** 60 s of trying: another process that migrates needs some seconds, and a long reader of a table some more. */
const tryingMs = 60_000

/**
 * Runs the migrations that are missing, all in one transaction: where one fails the schema is what it was. Of several
 * processes one works and the others wait, and find nothing left to do. Makes the schema where it is not there. What keeps
 * others away is a lock on the schema's own table: it ends with the transaction, and only the table's owner can take it.
 * @returns the names of those that were run
 * @throws {UserError} where the schema has migrations that this version does not know, or a lock cannot be had
 */
export async function migrateSchema(options: MigrateOptions): Promise<string[]> {
  if (options.after === undefined && (await isUpToDate(options))) return []
  const started = performance.now()
  for (;;) {
    try {
      return await migrateOnce(options)
    } catch (error) {
      if (!(error instanceof Postponed)) throw error
      if (performance.now() - started > tryingMs)
        throw new UserError(
          `the schema ${options.schema} could not be migrated within ${tryingMs / 1_000} s: ${error.message}; end what holds the lock, or run it again when the database is less busy`,
          { exitCode: 1, cause: error.cause },
        )
      // By chance, so that two that met do not meet again.
      await sleep(100 + Math.random() * 200)
    }
  }
}

/** The transaction gave way to another and is to be run again. */
class Postponed extends Error {}

/** 23505, 42P06, 42P07: another has made the same schema or table meanwhile. */
const madeByAnother = new Set(['23505', '42P06', '42P07'])

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? ''

async function migrateOnce(options: MigrateOptions): Promise<string[]> {
  const { client, schema, directory } = options
  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED')
  try {
    await client.query(`SET LOCAL lock_timeout = ${lockTimeoutMs}; SET LOCAL search_path = ${schema}`)
    await ensureTable(client, schema)
    await client.query(`LOCK TABLE ${schema}.migration IN SHARE ROW EXCLUSIVE MODE`)
    await refuseNewer(client, options)
    const run = await runner({
      dbClient: withinTransaction(client),
      dir: directory,
      // What runs the migrations, and its tests, may stand beside them.
      ignorePattern: '(?!.*\\.sql$).*',
      direction: 'up',
      migrationsSchema: schema,
      migrationsTable: 'migration',
      // The table is locked already.
      noLock: true,
      singleTransaction: true,
      log: () => {},
      ...(options.count === undefined ? {} : { count: options.count }),
    })
    await options.after?.(client)
    await client.query('COMMIT')
    return run.map(({ name }) => name)
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    throw givesWay(error) ? new Postponed(messageOf(error), { cause: error }) : error
  }
}

/** The runner begins and ends a transaction of its own, which is to be part of ours. */
function withinTransaction(client: pg.Client): pg.Client {
  const query = (text: string, values?: unknown[]) =>
    /^(BEGIN|COMMIT|ROLLBACK)$/.test(text) ? Promise.resolve({ rows: [], rowCount: 0 }) : client.query(text, values)
  return Object.create(client, { query: { value: query } })
}

/** The schema and its table of migrations, as the runner would make it. */
async function ensureTable(client: Client, schema: string): Promise<void> {
  try {
    // IF NOT EXISTS would ask for the right to make schemas even where ours is there already.
    const { rowCount } = await client.query('SELECT FROM pg_namespace WHERE nspname = $1', [schema])
    if (rowCount === 0) await client.query(`CREATE SCHEMA ${schema}`)
    if (!(await hasTable(client, schema)))
      await client.query(
        `CREATE TABLE ${schema}.migration (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL)`,
      )
  } catch (error) {
    throw madeByAnother.has(codeOf(error)) ? new Postponed(messageOf(error), { cause: error }) : error
  }
}

async function hasTable(client: Client, schema: string): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
       WHERE n.nspname = $1 AND c.relname = 'migration') AS there`,
    [schema],
  )
  return rows[0]?.there === true
}

/** @throws {UserError} where the schema has migrations that this version does not know */
async function isUpToDate({ client, ...migrations }: MigrateOptions): Promise<boolean> {
  await refuseNewer(client, migrations)
  return (await schemaVersion(client, migrations)).missing.length === 0
}

/** How a schema stands against the migrations of this version. */
export interface SchemaVersion {
  /** Whether any migration was ever run. */
  isThere: boolean
  /** Known here and not run yet, in order. */
  missing: readonly string[]
  /** Run, and not known here: a newer version was at work. */
  unknown: readonly string[]
  /** The newest one known here. */
  newest: string
}

/** Reads the schema's table of migrations. What the driver throws where it may not be read. */
export async function schemaVersion(client: Client, { schema, directory }: Migrations): Promise<SchemaVersion> {
  const known = readdirSync(directory)
    .filter((file) => file.endsWith('.sql'))
    .map((file) => file.slice(0, -'.sql'.length))
    .toSorted()
  const newest = known.at(-1) ?? ''
  if (!(await hasTable(client, schema))) return { isThere: false, missing: known, unknown: [], newest }
  const { rows } = await client.query<{ name: string }>(`SELECT name FROM ${schema}.migration ORDER BY id`)
  const ran = rows.map(({ name }) => name)
  return {
    isThere: ran.length > 0,
    missing: known.filter((name) => !ran.includes(name)),
    unknown: ran.filter((name) => !known.includes(name)),
    newest,
  }
}

/** @throws {UserError} where the schema has migrations that this version does not know */
export async function refuseNewer(client: Client, migrations: Migrations): Promise<void> {
  const { unknown, newest } = await schemaVersion(client, migrations)
  const last = unknown.at(-1)
  if (last !== undefined) throw new UserError(newerLine(migrations.schema, last, newest), { exitCode: 1 })
}

/** What is said of a schema that a newer version has made. */
export function newerLine(schema: string, last: string, newest: string): string {
  return `the schema ${schema} is of a newer version: it has the migration ${last}, and the newest known here is ${newest}; expected a Barometer that knows it`
}
