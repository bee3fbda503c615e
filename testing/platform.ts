import { migrateAudit } from '../audit-api/migrate.ts'
import { installPlatform, roleUrl } from '../database/platform/install.ts'
import { asSuperuser, createDatabase, type TestDatabase } from './database.ts'

/** A database with the reference platform, its views, the exporter's role, and the audit log. */
export interface PlatformDatabase extends TestDatabase {
  exporterUrl: string
  auditUrl: string
}

/** Makes an empty reference platform in a database of its own. */
export async function createPlatformDatabase(): Promise<PlatformDatabase> {
  const database = await createDatabase()
  const { exporterUrl } = await installPlatform({ ownerUrl: database.url })
  await migrateAudit(database.url)
  await asSuperuser('ALTER ROLE barometer_audit LOGIN').catch((error: Error) => {
    // Two tests that do this at once change the same row of the server.
    if (!/concurrently updated/.test(error.message)) throw error
  })
  return { ...database, exporterUrl, auditUrl: roleUrl(database.url, 'barometer_audit') }
}
