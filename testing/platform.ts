import pg from 'pg'
import { inject } from 'vitest'
import { auditServiceRole, migrateAudit } from '../audit-api/migrations/migrate.ts'
import { exporterRole, installPlatform, roleUrl } from '../database/platform/install.ts'
import { createDatabase, databaseUrl, type TestDatabase } from './database.ts'

/** A database with the reference platform, its views, the exporter's role, and the audit log. */
export interface PlatformDatabase extends TestDatabase {
  exporterUrl: string
  auditUrl: string
}

/** Makes an empty reference platform in a database of its own. */
export async function createPlatformDatabase(): Promise<PlatformDatabase> {
  templateMade ??= ensureTemplate()
  await templateMade
  const database = await createDatabase(template)
  return {
    ...database,
    exporterUrl: roleUrl(database.url, exporterRole),
    auditUrl: roleUrl(database.url, auditServiceRole),
  }
}

const template = 'platform_template'
let templateMade: Promise<void> | undefined

/** Installs once a run, whichever test file asks first; every database is a copy of that one. */
async function ensureTemplate(): Promise<void> {
  const client = new pg.Client({ connectionString: inject('postgresUrl') })
  await client.connect()
  try {
    // Held until the connection ends, so that test files that run beside this one wait for the whole template.
    await client.query('SELECT pg_advisory_lock(1)')
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [template])
    if (rowCount === 1) return
    const unfinished = `${template}_unfinished`
    await client.query(`DROP DATABASE IF EXISTS ${unfinished} WITH (FORCE)`)
    await client.query(`CREATE DATABASE ${unfinished}`)
    await installPlatform({ ownerUrl: databaseUrl(unfinished) })
    await migrateAudit(databaseUrl(unfinished))
    await client.query(`ALTER ROLE ${auditServiceRole} LOGIN`)
    await client.query(`ALTER DATABASE ${unfinished} RENAME TO ${template}`)
  } finally {
    await client.end()
  }
}
