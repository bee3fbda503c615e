import { setTimeout as sleep } from 'node:timers/promises'
import { givesWay, type Pool, type PoolClient, transaction } from '../../lib/postgres.ts'
import type { SettingsWith } from '../../lib/settings.ts'
import type { Fence } from './fence.ts'
import type { Inputs } from './figure.ts'
import { nothingKept } from './labels.ts'
import { leaseSeconds } from './lease.ts'

/** What a transaction on the store needs to know. */
export interface SessionOptions {
  settings: SettingsWith<'DATABASE_URL'>
  statementTimeoutMs: number
  fence: Fence
  /** The instant of the work as a timestamptz text; the database's clock unless given. */
  asOf?: string
}

/** The inputs of the store's own statements: labels are folded when figures are read, so that none are asked for here. */
export const inputsOf = (settings: SessionOptions['settings'], asOf: string): Inputs => ({
  asOf,
  timezone: settings.REPORTING_TIMEZONE,
  thresholds: settings.ACTIVITY_THRESHOLDS,
  kept: nothingKept,
  popularItems: [],
})

/**
 * A transaction on the source and the store, which holds the row of `meta`: FOR UPDATE alone, FOR SHARE beside other builds.
 * The lease is asked for at its beginning and as its last statement.
 * @throws {LeaseLost} where another leads
 */
export async function storeTransaction<Result>(
  options: SessionOptions & { pool: Pool },
  lock: 'FOR UPDATE' | 'FOR SHARE',
  work: (client: PoolClient, asOf: string) => Promise<Result>,
): Promise<Result> {
  const { pool } = options
  for (let attempt = 1; ; attempt++) {
    try {
      return await transaction(pool, 'BEGIN ISOLATION LEVEL REPEATABLE READ', async (client) => {
        const result = await work(client, await enterStore(client, options, lock))
        await options.fence.confirm(client)
        return result
      })
    } catch (error) {
      // 40001: a refresh ended while this waited for the fence; what was read is from before it.
      const isRetried = givesWay(error) || (error as { code?: string }).code === '40001'
      if (attempt === 10 || !isRetried) throw error
      if (givesWay(error)) await sleep(pauseMs(attempt))
    }
  }
}

/**
 * Begins a transaction on the store: its settings, then the row of `meta` and the lease, before anything else is read.
 * @returns as_of: the instant that was asked for or now, but never before the last one
 */
async function enterStore(
  client: PoolClient,
  options: SessionOptions,
  lock: 'FOR UPDATE' | 'FOR SHARE',
): Promise<string> {
  const store = options.settings.STORE_SCHEMA
  await setUp(client, options)
  const { rows } = await client.query<{ as_of: string }>(
    `SELECT greatest(coalesce($1::timestamptz, now()), last_as_of)::text AS as_of FROM ${store}.meta ${lock}`,
    [options.asOf ?? null],
  )
  const asOf = rows[0]?.as_of
  if (asOf === undefined) throw new Error(`the table ${store}.meta is empty; expected its one row`)
  await options.fence.enter(client)
  // From here on locks of the platform are asked for: in a deadlock the platform's statement must not be the one that ends.
  await client.query(`SET LOCAL lock_timeout = ${options.settings.LOCK_TIMEOUT}`)
  return asOf
}

/**
 * Settings of a transaction. Look-ups by index are what a refresh is made of: compiling them, or reading a whole table
 * because a fresh statistic is missing, would cost more than it saves. A process that freezes within a transaction must
 * not keep the fence row from the next leader.
 */
async function setUp(client: PoolClient, { settings, statementTimeoutMs }: SessionOptions): Promise<void> {
  await client.query(`SET LOCAL TimeZone = 'UTC';
    SET LOCAL search_path = ${settings.SOURCE_SCHEMA}, ${settings.STORE_SCHEMA};
    SET LOCAL statement_timeout = ${statementTimeoutMs};
    SET LOCAL idle_in_transaction_session_timeout = '${leaseSeconds}s';
    SET LOCAL jit = off;
    SET LOCAL enable_seqscan = off;
    SET LOCAL enable_memoize = off`)
}

/** Half a second to a second and a half for the first try, up to 5 s: the holder of the lock needs some time, and not all ask at once. */
export const pauseMs = (attempt: number): number => Math.min(5_000, attempt * (500 + Math.random() * 1_000))
