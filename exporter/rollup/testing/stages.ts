import type { Pool } from '../../../lib/postgres.ts'
import type { SchemaName } from '../../collectors/brute-force/history.ts'
import { migrateStore } from '../../store/migrate.ts'
import { Exporter, storeSchema } from './exporter.ts'
import { createTables } from './platform.ts'
import type { Sequence } from './steps.ts'

/** A database, as the superuser. */
export interface Database {
  name: string
  url: string
  pool: Pool
  drop(): Promise<void>
}

/** When the stores that are there from the start were built: before all that happens. */
export const builtAt = '2025-12-01 00:00:00Z'

/**
 * Databases for sequences, each a copy of one that was made once: with empty tables, views over them and an empty store,
 * or one that is built in the zone. A copy takes a tenth of a second, a build ten times as long.
 */
export class Stages {
  readonly schema: SchemaName
  private readonly createDatabase: (template?: string) => Promise<Database>
  private readonly templates = new Map<string, Promise<string>>()

  constructor(schema: SchemaName, createDatabase: (template?: string) => Promise<Database>) {
    this.schema = schema
    this.createDatabase = createDatabase
  }

  async newDatabase({ isBuilt, timezone }: Sequence): Promise<Database> {
    return await this.createDatabase(await (isBuilt ? this.built(timezone) : this.empty()))
  }

  private empty(): Promise<string> {
    return this.template('', async () => {
      const database = await this.createDatabase()
      await createTables(database.pool, this.schema)
      await migrateStore({ DATABASE_URL: database.url, STORE_SCHEMA: storeSchema })
      return database
    })
  }

  private built(timezone: string): Promise<string> {
    return this.template(timezone, async () => {
      const database = await this.createDatabase(await this.empty())
      const exporter = new Exporter(database.pool, database.url, timezone)
      await exporter.refreshAt(builtAt)
      await exporter.stop()
      return database
    })
  }

  /** Nobody may be connected to what is copied. */
  private template(key: string, make: () => Promise<Database>): Promise<string> {
    const known = this.templates.get(key)
    if (known !== undefined) return known
    const made = make().then(async (database) => {
      await database.pool.end()
      return database.name
    })
    this.templates.set(key, made)
    return made
  }
}
