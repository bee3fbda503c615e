import type { RefreshResult } from '../exporter/refresh/refresh.ts'
import { migrateStore } from '../exporter/store/migrate.ts'
import { createDatabase, type TestDatabase } from './database.ts'
import { insertHistory, type SchemaName } from './second-implementation/history.ts'
import { scenarioOf } from './second-implementation/random.ts'
import { hour, instantOf, microseconds } from './second-implementation/rules.ts'
import { Exporter, storeSchema } from './store/exporter.ts'
import { createTables, viewsSchema } from './store/platform.ts'

/** A random platform after its refreshes, with its views and its store. */
export interface RandomPlatform {
  database: TestDatabase
  source: string
  store: string
  timezone: string
  /** The instant of the last refresh. */
  asOf: string
  /** Of the last refresh. */
  result: RefreshResult
  /** Of every refresh, the last one too. */
  results: readonly RefreshResult[]
  drop(): Promise<void>
}

/**
 * The scenario of a seed: its clocks change about when most happens.
 * @param hoursBefore when it was refreshed earlier, in hours before the last refresh, the longest ago first
 */
export async function openRandomPlatform(
  seed: number,
  schema: SchemaName,
  hoursBefore: readonly number[] = [],
): Promise<RandomPlatform> {
  const { timezone, asOf: at, history } = scenarioOf(seed)
  const asOf = instantOf(microseconds(at))
  const database = await createDatabase()
  await createTables(database.pool, schema)
  const client = await database.pool.connect()
  await client.query(`SET search_path = ${schema}`)
  await insertHistory(client, schema, history)
  await client.query('RESET search_path')
  client.release()
  const exporter = new Exporter(database.pool, database.url, timezone)
  await migrateStore(exporter.settings)
  const results: RefreshResult[] = []
  for (const hours of hoursBefore)
    results.push(await exporter.refreshAt(instantOf(microseconds(at) - BigInt(hours) * hour)))
  const result = await exporter.refreshAt(asOf)
  results.push(result)
  await exporter.stop()
  const place = { database, source: viewsSchema, store: storeSchema, timezone }
  return { ...place, asOf, result, results, drop: () => database.drop() }
}
