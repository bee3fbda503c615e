import { join } from 'node:path'
import { runner } from 'node-pg-migrate'
import { createClient } from '../../lib/postgres.ts'

export interface StoreLocation {
  DATABASE_URL: string
  STORE_SCHEMA: string
}

/**
 * Brings the store to the schema of this version; makes the schema where it is not there.
 * Safe to be run by several at once, as when all replicas start together: one works, the others wait for it.
 */
export async function migrateStore(location: StoreLocation): Promise<void> {
  const client = createClient({ connectionString: location.DATABASE_URL, applicationName: 'barometer-migrate' })
  await client.connect()
  try {
    // IF NOT EXISTS would ask for the right to make schemas even where ours is there already.
    const { rowCount } = await client.query('SELECT FROM pg_namespace WHERE nspname = $1', [location.STORE_SCHEMA])
    await runner({
      dbClient: client,
      dir: join(import.meta.dirname, 'migrations'),
      direction: 'up',
      schema: location.STORE_SCHEMA,
      createSchema: rowCount === 0,
      migrationsSchema: location.STORE_SCHEMA,
      migrationsTable: 'migration',
      advisoryLockMode: 'wait',
      log: () => {},
    })
  } finally {
    await client.end()
  }
}
