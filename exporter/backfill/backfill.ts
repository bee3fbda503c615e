import { rename, rm } from 'node:fs/promises'
import type { Metric, View } from '../../catalogue/define.ts'
import { snapshotTimestampSeconds } from '../../catalogue/exporter.ts'
import { catalogue } from '../../catalogue/index.ts'
import { createPool, type Pool, type PoolClient } from '../../lib/postgres.ts'
import type { SettingsWith } from '../../lib/settings.ts'
import { messageOf, UserError } from '../../lib/user-error.ts'
import type { Inputs } from '../collector.ts'
import { nothingKept, refreshKept } from '../kept.ts'
import { findNulls, inspectViews } from '../source-contract.ts'
import { prepareBlocks } from './blocks.ts'
import { type Hours, hourMs } from './hours.ts'
import { finish, writeFamily } from './open-metrics.ts'
import { pasts } from './parts/index.ts'
import { type HourlySeries, hourlySeries } from './series.ts'
import { fileSink, printSink, type Sink } from './sinks.ts'

export interface BackfillOptions {
  settings: SettingsWith<'DATABASE_URL'>
  hours: Hours
  /** Labels that every series gets. */
  labels: Readonly<Record<string, string>>
  /** A file for the text. */
  output?: string
  /** A directory for blocks. */
  blocks?: string
  /** Where the text goes when neither is given; resolves when it is taken. */
  print: (text: string) => Promise<void>
  /** A line about each figure. */
  say: (line: string) => void
  monotonicSeconds: () => number
  /** Ends it early, with nothing left behind. */
  signal: AbortSignal
}

/** One statement may take an hour: a platform's whole past is read. */
const statementTimeoutMs = 3_600_000

/**
 * Writes the past of the figures, hour by hour. Everything is read in one transaction, so all of it is of one state of the
 * views; nothing is changed, in the store neither. What is written becomes visible when it is whole.
 * @returns a line for each figure that could not be computed because of its views
 */
export async function backfill(options: BackfillOptions): Promise<readonly string[]> {
  const { hours, output } = options
  checkLabels(options.labels)
  const blocks = options.blocks === undefined ? undefined : await prepareBlocks(options.blocks, hours)
  const partial = output === undefined ? undefined : `${output}.partial`
  try {
    const sinks: Sink[] = [...(blocks?.sinks ?? [])]
    if (partial !== undefined) sinks.push(await openOutput(partial, hours))
    if (sinks.length === 0) sinks.push(printSink(options.print, hours))
    const failures = await writeAll(sinks, options)
    await finish(sinks)
    await blocks?.make({ onBlock: (done, all) => options.say(`block ${done} of ${all}`), signal: options.signal })
    if (partial !== undefined && output !== undefined) await rename(partial, output)
    return failures
  } catch (error) {
    if (!options.signal.aborted) throw error
    throw new UserError('stopped before it was done; nothing is left of it', { exitCode: 1, cause: error })
  } finally {
    await blocks?.clean()
    if (partial !== undefined) await rm(partial, { force: true })
  }
}

async function openOutput(path: string, { count }: Hours): Promise<Sink> {
  try {
    return await fileSink(path, { first: 0, end: count })
  } catch (error) {
    throw new UserError(`--output: ${messageOf(error)}; expected a file that can be written`)
  }
}

/** @throws {UserError} for a name that is none, and for one that a metric has itself */
function checkLabels(labels: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(labels)) {
    const own = catalogue.find((metric) => metric.exposition === 'figures' && name in metric.labels)
    if (own !== undefined || name === 'le')
      throw new UserError(`--label: ${name} is a label of ${own?.name ?? 'histograms'}; expected another name`)
  }
}

async function writeAll(sinks: readonly Sink[], options: BackfillOptions): Promise<readonly string[]> {
  const { hours, labels, say, settings } = options
  const pool = createPool({
    connectionString: settings.DATABASE_URL,
    applicationName: 'barometer-backfill',
    // The second is for stopping what the first is at.
    connectionsMax: 2,
  })
  const write = async (metric: Metric, series: Parameters<typeof writeFamily>[1]): Promise<void> => {
    const start = options.monotonicSeconds()
    const count = await writeFamily(metric, series, { hours, sinks, labels })
    const seconds = (options.monotonicSeconds() - start).toFixed(1)
    say(`${metric.name}: ${count.series} series, ${count.samples} samples, ${seconds} s`)
  }
  const client = await pool.connect()
  const cancel = cancelling(pool, client, options.signal)
  try {
    await cancel.ready
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
    await client.query(`SET LOCAL TimeZone = 'UTC'`)
    await client.query(`SET LOCAL search_path = ${settings.SOURCE_SCHEMA}`)
    await client.query(`SET LOCAL statement_timeout = ${statementTimeoutMs}`)
    // Whole tables are sorted: the default of 4 MB would do it on disk.
    await client.query(`SET LOCAL work_mem = '64MB'`)
    await client.query('SET LOCAL jit = off')
    const views = await inspect(client, settings.SOURCE_SCHEMA)
    const inputs = await prepareInputs(client, settings, views.good)
    await write(snapshotTimestampSeconds, [snapshots(hours)])
    const failures: string[] = []
    for (const past of pasts) {
      const problem = past.metric.sources.map((view) => views.problems.get(view)).find((line) => line !== undefined)
      const missing = past.metric.sources.filter((view) => !views.good.has(view))
      if (problem !== undefined) failures.push(`${past.metric.name}: ${problem}`)
      else if (missing.length > 0) say(`${past.metric.name}: left out, the view ${missing.join(', ')} is absent`)
      else await named(past.metric, write(past.metric, hourlySeries(client, past, { hours, inputs })))
      options.signal.throwIfAborted()
    }
    return failures
  } finally {
    cancel.done()
    // Nothing of it stays. A connection that cannot roll back is closed below anyway.
    await client.query('ROLLBACK').catch(() => {})
    client.release(true)
    await pool.end()
  }
}

/** Ends the client's statement when the signal comes: one may take minutes, and the server would go on with it alone. */
function cancelling(pool: Pool, client: PoolClient, signal: AbortSignal): { ready: Promise<void>; done: () => void } {
  let backend: number | undefined
  const cancel = (): void => void pool.query('SELECT pg_cancel_backend($1)', [backend]).catch(() => {})
  const ready = client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid').then(({ rows }) => {
    backend = rows[0]?.pid
    signal.addEventListener('abort', cancel)
    signal.throwIfAborted()
  })
  return { ready, done: () => signal.removeEventListener('abort', cancel) }
}

/** The instant of each hour's figures, which says that there are figures of it. */
function snapshots({ firstMs, count }: Hours): HourlySeries {
  const seconds = Float64Array.from({ length: count }, (_, place) => (firstMs + place * hourMs) / 1_000)
  return { labels: {}, values: [seconds], there: new Uint8Array(count).fill(1) }
}

/** The failure under its metric's name: a time-out alone would not say what took so long. */
async function named<Result>(metric: Metric, work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    throw new Error(`${metric.name}: ${messageOf(error)}`, { cause: error })
  }
}

interface Views {
  good: ReadonlySet<View>
  problems: ReadonlyMap<View, string>
}

async function inspect(client: PoolClient, sourceSchema: string): Promise<Views> {
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
async function prepareInputs(
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
  return { ...inputs, kept: await refreshKept(client, { storeSchema: 'pg_temp', inputs, views }) }
}
