import type { View } from '../../catalogue/views.ts'
import { createPool, type PoolClient } from '../../lib/postgres.ts'
import type { SettingsWith } from '../../lib/settings.ts'
import { labelSets } from '../figures/labels.ts'
import type { Inputs } from '../store/figure.ts'
import { nothingKept, plainCandidates, refreshKept } from '../store/labels.ts'
import { findNulls, inspectViews } from '../store/source-contract.ts'

/** Two connections that see the same state of the views, so that one reads while what the other read is written. */
export interface Readers {
  clients: readonly [PoolClient, PoolClient]
  /** Ends what they are at; nothing of it stays. */
  close(): Promise<void>
}

/** One statement may take an hour: a platform's whole past is read. */
const statementTimeoutMs = 3_600_000

export async function openReaders(settings: SettingsWith<'DATABASE_URL'>, signal: AbortSignal): Promise<Readers> {
  const pool = createPool({
    connectionString: settings.DATABASE_URL,
    applicationName: 'barometer-backfill',
    // The third is for stopping what the two are at.
    connectionsMax: 3,
  })
  const clients: PoolClient[] = []
  const backends: number[] = []
  /** A statement may take minutes, and the server would go on with it alone. */
  const cancel = (): Promise<unknown> =>
    pool.query('SELECT pg_cancel_backend(pid) FROM unnest($1::int[]) AS pid', [backends]).catch(() => {})
  const close = async (): Promise<void> => {
    signal.removeEventListener('abort', cancel)
    await cancel()
    for (const client of clients) {
      await client.query('ROLLBACK').catch(() => {})
      client.release(true)
    }
    await pool.end()
  }
  const begin = async (snapshot?: string): Promise<PoolClient> => {
    const client = await pool.connect()
    clients.push(client)
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
    if (snapshot !== undefined) await client.query(`SET TRANSACTION SNAPSHOT '${snapshot}'`)
    await client.query(`SET LOCAL TimeZone = 'UTC'`)
    await client.query(`SET LOCAL search_path = ${settings.SOURCE_SCHEMA}`)
    await client.query(`SET LOCAL statement_timeout = ${statementTimeoutMs}`)
    // Whole tables are sorted: the default of 4 MB would do it on disk.
    await client.query(`SET LOCAL work_mem = '64MB'`)
    // Compiling costs seconds here and gains none: estimates are far too high over spans.
    await client.query('SET LOCAL jit = off')
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    backends.push(...rows.map(({ pid }) => pid))
    return client
  }
  try {
    signal.addEventListener('abort', cancel)
    const first = await begin()
    const { rows } = await first.query<{ snapshot: string }>('SELECT pg_export_snapshot() AS snapshot')
    const second = await begin(rows[0]?.snapshot)
    return { clients: [first, second], close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Views that are there and as the contract says, and what is wrong with others that are there. */
export interface Views {
  good: ReadonlySet<View>
  problems: ReadonlyMap<View, string>
}

export async function inspect(client: PoolClient, sourceSchema: string): Promise<Views> {
  const problems = new Map<View, string>()
  const good = new Set<View>()
  for (const { view, present, problems: lines } of Object.values(await inspectViews(client, sourceSchema))) {
    if (!present) continue
    const [line] = lines.length > 0 ? lines : await findNulls(client, view)
    if (line === undefined) good.add(view)
    else problems.set(view, line)
  }
  return { good, problems }
}

/**
 * The label values of today's series, so that past and present are the same series: the stored ones, and for the places
 * that are left (all of them where no exporter has run yet) those that the next refresh would let in. They are worked out in
 * a table of this transaction: the store stays as it is.
 */
export async function prepareInputs(
  client: PoolClient,
  settings: SettingsWith<'DATABASE_URL'>,
  views: ReadonlySet<View>,
): Promise<Inputs> {
  const { rows } = await client.query<{ now: string; stored: boolean }>(
    'SELECT now()::text AS now, to_regclass($1) IS NOT NULL AS stored',
    [`${settings.STORE_SCHEMA}.kept_value`],
  )
  await client.query('CREATE TEMP TABLE kept_value (kept_set text, value text, position int) ON COMMIT DROP')
  if (rows[0]?.stored)
    await client.query(
      `INSERT INTO pg_temp.kept_value SELECT kept_set, value, position FROM ${settings.STORE_SCHEMA}.kept_value`,
    )
  const inputs: Inputs = {
    asOf: rows[0]?.now ?? '',
    timezone: settings.REPORTING_TIMEZONE,
    thresholds: settings.ACTIVITY_THRESHOLDS,
    kept: nothingKept,
    popularItems: [],
  }
  const sets = plainCandidates(labelSets, views)
  return { ...inputs, kept: await refreshKept(client, { storeSchema: 'pg_temp', inputs, sets }) }
}
