import { readdirSync } from 'node:fs'
import { PG_MIGRATE_LOCK_ID, runner } from 'node-pg-migrate'
import type pg from 'pg'
import { UserError } from './user-error.ts'

/** Where a schema's migrations are, and which of them were run is kept in its table `migration`. */
export interface Migrations {
  schema: string
  /** Files `001-name.sql`, run in the order of their names. */
  directory: string
}

export interface MigrateOptions extends Migrations {
  /** A session of its own, connected; the lock is held until it ends. */
  client: pg.Client
  /** Runs only so many of those that are missing. */
  count?: number
}

/** 60 s: another process that migrates needs some seconds; and a migration that waits for a table makes others wait. */
const lockTimeoutMs = 60_000

/**
 * Runs the migrations that are missing, all in one transaction: where one fails the schema is what it was. Of several
 * processes one works and the others wait, and find nothing left to do. Makes the schema where it is not there.
 * @returns the names of those that were run
 * @throws {UserError} where the schema has migrations that this version does not know
 */
export async function migrateSchema(options: MigrateOptions): Promise<string[]> {
  const { client, schema, directory } = options
  await client.query(`SET lock_timeout = ${lockTimeoutMs}`)
  await client.query('SELECT pg_advisory_lock($1)', [PG_MIGRATE_LOCK_ID])
  // IF NOT EXISTS would ask for the right to make schemas even where ours is there already.
  const { rowCount } = await client.query('SELECT FROM pg_namespace WHERE nspname = $1', [schema])
  if (rowCount === 1) await refuseNewer(client, options)
  const run = await runner({
    dbClient: client,
    dir: directory,
    // What runs the migrations, and its tests, may stand beside them.
    ignorePattern: '(?!.*\\.sql$).*',
    direction: 'up',
    schema,
    createSchema: rowCount === 0,
    migrationsSchema: schema,
    migrationsTable: 'migration',
    // Held already, in the same session.
    noLock: true,
    singleTransaction: true,
    log: () => {},
    ...(options.count === undefined ? {} : { count: options.count }),
  })
  return run.map(({ name }) => name)
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
export async function schemaVersion(
  client: Pick<pg.Pool, 'query'>,
  { schema, directory }: Migrations,
): Promise<SchemaVersion> {
  const known = readdirSync(directory)
    .filter((file) => file.endsWith('.sql'))
    .map((file) => file.slice(0, -'.sql'.length))
    .toSorted()
  const newest = known.at(-1) ?? ''
  const { rows: tables } = await client.query<{ there: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
       WHERE n.nspname = $1 AND c.relname = 'migration') AS there`,
    [schema],
  )
  if (tables[0]?.there !== true) return { isThere: false, missing: known, unknown: [], newest }
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
export async function refuseNewer(client: Pick<pg.Pool, 'query'>, migrations: Migrations): Promise<void> {
  const { unknown, newest } = await schemaVersion(client, migrations)
  const last = unknown.at(-1)
  if (last !== undefined) throw new UserError(newerLine(migrations.schema, last, newest), { exitCode: 1 })
}

/** What is said of a schema that a newer version has made. */
export function newerLine(schema: string, last: string, newest: string): string {
  return `the schema ${schema} is of a newer version: it has the migration ${last}, and the newest known here is ${newest}; expected a Barometer that knows it`
}
