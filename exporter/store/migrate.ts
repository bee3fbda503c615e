import { join } from 'node:path'
import { type Migrations, migrateSchema } from '../../lib/migrations.ts'
import { createClient } from '../../lib/postgres.ts'

export interface StoreLocation {
  DATABASE_URL: string
  STORE_SCHEMA: string
}

/** The migrations of the store in the schema of that name. */
export const storeMigrations = (schema: string): Migrations => ({
  schema,
  directory: join(import.meta.dirname, 'migrations'),
})

/**
 * Brings the store to the schema of this version; makes the schema where it is not there.
 * Safe to be run by several at once: one works, the others wait for it.
 * @throws {UserError} where the store is of a newer version
 */
export async function migrateStore(location: StoreLocation): Promise<void> {
  const client = createClient({ connectionString: location.DATABASE_URL, applicationName: 'barometer-migrate' })
  await client.connect()
  try {
    await migrateSchema({ client, ...storeMigrations(location.STORE_SCHEMA) })
  } finally {
    await client.end()
  }
}
