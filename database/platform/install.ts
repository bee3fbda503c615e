import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runner } from 'node-pg-migrate'
import pg from 'pg'
import { createClient } from '../../lib/postgres.ts'

/** The role that the exporter connects as. */
export const exporterRole = 'barometer_exporter'

export interface InstallOptions {
  /** As the owner of the platform's tables, who may make roles. */
  ownerUrl: string
  /** Without one the role cannot log in by password; the owner sets it later. */
  exporterPassword?: string
}

/**
 * Lays the reference platform's tables, the source views over them and the exporter's role and rights into a
 * database. Can be run again: migrations that were run are not run again, views and rights are brought up to date.
 * @returns the URL with which the exporter connects
 */
export async function installPlatform(options: InstallOptions): Promise<{ exporterUrl: string }> {
  const client = createClient({ connectionString: options.ownerUrl, applicationName: 'barometer-platform' })
  await client.connect()
  try {
    await runner({
      dbClient: client,
      dir: join(import.meta.dirname, 'migrations'),
      direction: 'up',
      schema: 'platform',
      createSchema: true,
      migrationsSchema: 'platform',
      migrationsTable: 'migration',
      log: () => {},
    })
    await client.query('SET search_path = public')
    await client.query('CREATE SCHEMA IF NOT EXISTS barometer_source')
    for (const file of readdirSync(join(import.meta.dirname, 'views')).sort()) {
      await client.query(readFileSync(join(import.meta.dirname, 'views', file), 'utf8'))
    }
    await ensureRole(client, options.exporterPassword)
    await client.query(readFileSync(join(import.meta.dirname, 'roles.sql'), 'utf8'))
  } finally {
    await client.end()
  }
  return { exporterUrl: roleUrl(options.ownerUrl, exporterRole, options.exporterPassword) }
}

/** Roles belong to the whole server, so that another installation may make this one at the same time. */
async function ensureRole(client: pg.Client, password: string | undefined): Promise<void> {
  await client.query(`DO $$ BEGIN
    CREATE ROLE ${exporterRole} LOGIN;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
  END $$`)
  if (password !== undefined) {
    await client.query(`ALTER ROLE ${exporterRole} LOGIN PASSWORD ${pg.escapeLiteral(password)}`)
  }
}

/** The same database as another role. */
export function roleUrl(url: string, role: string, password?: string): string {
  const changed = new URL(url)
  changed.username = role
  changed.password = password ?? ''
  return changed.href
}
