/**
 * What tests stand on. One Postgres server a run, started by `global-setup.ts`; everything else is started by the test
 * that needs it, in a directory that goes with the run.
 *
 * - here: `createDatabase(template?) → {url, name, pool, drop()}`, `databaseUrl(name) → url`, `asSuperuser(sql)`,
 *   `postgresVersion(pool) → 14 to 18`
 * - `directory.ts`: `testDirectory(name) → path`, for tests without a database too
 * - `platform.ts`: `createPlatformDatabase() → {url, name, pool, drop(), exporterUrl, auditUrl}`, with the reference
 *   platform, its views and the audit log
 * - `filled-platform.ts`: `filledPlatform() → {database, settings, run, refreshed(), wrong()}`, rows of each kind and a store on them
 * - `random-platform.ts`: `openRandomPlatform(seed, schema, hoursBefore?)`, random rows after one or more refreshes
 * - `past.ts`: `startPast(shown)`, a Prometheus that scraped the exporter at instants that are past, which it takes for now
 * - `../demo/stack/`: a server of one's own, to kill or freeze it: `startPostgres({directory, port?, settings?})`,
 *   `startPgBouncer({directory, postgresUrl, roles?})`, `startRedis({directory, port?})`, `startS3({directory, bucket, port?})`, `startPrometheus({directory, configFile, port?})`,
 *   `startAlertmanager({directory, configFile, port?})`; each answers `{url, stop(), start(), signal(signal)}`, where
 *   `start` is the same data and port again
 * - `exporter-process.ts`: `startExporterProcess(environment)`, an exporter to kill or freeze
 * - `chaos/`: the whole stack with every way through a proxy, faults and checks; `npm run chaos`, `npm run soak`
 * - `../demo/stack/debian-packages.ts`: `findProgram('promtool' | 'amtool' | …) → {path, environment, workingDirectory?}`
 */

import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'

export { testDirectory } from './directory.ts'

/** A database of its own on the server of this run. */
export interface TestDatabase {
  /** As the superuser. */
  url: string
  name: string
  /** As the superuser; closed by `drop`. */
  pool: pg.Pool
  drop(): Promise<void>
}

/** Makes an empty database, or a copy of a template. */
export async function createDatabase(template?: string): Promise<TestDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '').slice(0, 16)}`
  await asSuperuser(`CREATE DATABASE ${name}${template === undefined ? '' : ` TEMPLATE ${template}`}`)
  const url = databaseUrl(name)
  const pool = new pg.Pool({ connectionString: url, max: 4 })
  pool.on('error', () => {})
  return {
    url,
    name,
    pool,
    drop: async () => {
      await pool.end()
      await asSuperuser(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    },
  }
}

/** The superuser's URL of a database on the server of this run. */
export function databaseUrl(name: string): string {
  const url = new URL(inject('postgresUrl'))
  url.pathname = `/${name}`
  return url.href
}

/** One statement as the superuser, outside any transaction. */
export async function asSuperuser(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: inject('postgresUrl') })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/** The major version of a server, as 14 or 18: some of what tests ask came with a later one. */
export async function postgresVersion(client: Pick<pg.Pool, 'query'>): Promise<number> {
  const { rows } = await client.query<{ major: number }>(
    `SELECT current_setting('server_version_num')::int / 10000 AS major`,
  )
  return rows[0]?.major ?? 0
}
