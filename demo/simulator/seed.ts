import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from '../../lib/postgres.ts'

export interface SeedOptions {
  /** The moment that the history ends at. */
  now: Date
  users?: number
  days?: number
}

/** Fills an empty reference platform with a history, the same for the same options. Run as the owner of its tables. */
export async function seed(ownerUrl: string, options: SeedOptions): Promise<void> {
  const client = createClient({ connectionString: ownerUrl, applicationName: 'demo-seed' })
  await client.connect()
  try {
    await client.query(
      `SELECT set_config('seed.now', $1, false), set_config('seed.users', $2, false), set_config('seed.days', $3, false)`,
      [options.now.toISOString(), String(options.users ?? 20_000), String(options.days ?? 120)],
    )
    // A sort or a hash of a few hundred thousand rows is to stay in memory.
    await client.query(`SET work_mem = '128MB'; SET maintenance_work_mem = '256MB'; SET synchronous_commit = off`)
    await client.query(readFileSync(join(import.meta.dirname, 'seed.sql'), 'utf8'))
  } finally {
    await client.end()
  }
}
