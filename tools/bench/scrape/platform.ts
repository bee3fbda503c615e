import { randomBytes } from 'node:crypto'
import type { Client } from 'pg'
import { installPlatform } from '../../../database/platform/install.ts'
import { createLeadership, type Leadership } from '../../../exporter/refresh/leader.ts'
import { migrateStore } from '../../../exporter/store/migrate.ts'
import { writeSnapshot } from '../../../exporter/store/snapshot.ts'
import { createLogger } from '../../../lib/log.ts'
import { createClient } from '../../../lib/postgres.ts'
import { readSettings } from '../../../lib/settings.ts'
import { emptyDatabase } from '../postgres.ts'
import { collectorStates } from './figures.ts'

const database = 'barometer_bench_scrape'

/**
 * An empty reference platform whose store holds snapshots with as many series as are wanted. We hold the lead, so that the
 * exporter is a replica: what it serves is what we wrote, and the way of a scrape is the same on both.
 */
export interface ScrapedPlatform {
  /** As the superuser. */
  client: Client
  exporterUrl: string
  /** Writes the snapshot of another refresh. */
  refresh(seriesCount: number): Promise<void>
  drop(): Promise<void>
}

/** @param superuserUrl of the server's database `postgres` */
export async function createScrapedPlatform(superuserUrl: string): Promise<ScrapedPlatform> {
  const admin = createClient({ connectionString: superuserUrl, applicationName: 'bench' })
  await admin.connect()
  const ownerUrl = await emptyDatabase(admin, superuserUrl, database)
  const exporterPassword = randomBytes(18).toString('hex')
  const { exporterUrl } = await installPlatform({ ownerUrl, exporterPassword })
  const settings = readSettings({ DATABASE_URL: exporterUrl }, ['DATABASE_URL'])
  await migrateStore(settings)
  const leadership = await lead(ownerUrl, settings.STORE_SCHEMA)
  const client = createClient({ connectionString: ownerUrl, applicationName: 'bench-leader' })
  await client.connect()
  let round = 0
  return {
    client,
    exporterUrl,
    refresh: async (seriesCount) => {
      round += 1
      // A timestamptz text in UTC with microseconds, as Postgres writes it.
      const asOf = new Date().toISOString().replace('T', ' ').replace('Z', '000+00')
      const collectors = collectorStates(seriesCount, round, asOf)
      const shown = { asOf, collectors, backlog: new Map(), writtenBy: 'bench', fencing: null }
      await writeSnapshot(client, settings.STORE_SCHEMA, shown)
    },
    drop: async () => {
      await client.end()
      await leadership.release()
      await admin.query(`DROP DATABASE ${database} WITH (FORCE)`)
      await admin.end()
    },
  }
}

async function lead(connectionString: string, storeSchema: string): Promise<Leadership> {
  const of = { replicaId: 'bench', description: 'bench', log: createLogger({ name: 'bench', level: 'warn' }) }
  const leadership = createLeadership({ connectionString, storeSchema, ...of })
  await leadership.stand()
  if (leadership.held() === undefined) throw new Error('somebody else leads in the database that was just made')
  return leadership
}
