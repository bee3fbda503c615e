import { SpanStatusCode, trace } from '@opentelemetry/api'
import type { View } from '../../catalogue/define.ts'
import type { Logger } from '../../lib/log.ts'
import { type Pool, type PoolClient, transaction } from '../../lib/postgres.ts'
import type { SettingsWith } from '../../lib/settings.ts'
import { messageOf } from '../../lib/user-error.ts'
import type { Collector, Figure, Inputs } from '../collector.ts'
import { readKept, refreshKept, refreshPopular } from '../kept.ts'
import { runFigure } from '../oracle.ts'
import { findNulls, inspectViews } from '../source-contract.ts'
import { type CollectorState, readSnapshot, type Snapshot, writeSnapshot } from '../store/snapshot.ts'

export interface RefreshOptions {
  pool: Pool
  settings: SettingsWith<'DATABASE_URL'>
  collectors: readonly Collector[]
  log: Logger
  /** Named in the snapshot's row. */
  replicaId: string
  /** How long one statement may take; what takes longer fails, alone. */
  statementTimeoutMs: number
  /** Seconds of a clock that only goes forward, for durations. */
  monotonicSeconds: () => number
  /** The instant of the refresh as a timestamptz text; the database's clock unless given. Never before the last one. */
  asOf?: string
}

/** What a refresh came to: the snapshot it wrote, and a line for each collector that failed. */
export interface RefreshResult {
  snapshot: Snapshot
  failures: ReadonlyMap<string, string>
  disabled: ReadonlyMap<string, string>
}

const tracer = trace.getTracer('barometer-exporter')

/**
 * Computes all figures at one instant in one transaction and writes them as one snapshot. A collector that fails fails
 * alone and keeps its last good samples; where the refresh itself fails nothing is written.
 */
export async function refresh(options: RefreshOptions): Promise<RefreshResult> {
  return tracer.startActiveSpan('refresh', async (span) => {
    try {
      return await transaction(options.pool, 'BEGIN ISOLATION LEVEL REPEATABLE READ', (client) =>
        refreshIn(client, options),
      )
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) })
      throw error
    } finally {
      span.end()
    }
  })
}

async function refreshIn(client: PoolClient, options: RefreshOptions): Promise<RefreshResult> {
  const { settings, log } = options
  const store = settings.STORE_SCHEMA
  await client.query(`SET LOCAL TimeZone = 'UTC'`)
  await client.query(`SET LOCAL search_path = ${settings.SOURCE_SCHEMA}`)
  await client.query(`SET LOCAL statement_timeout = ${options.statementTimeoutMs}`)
  // The fence comes first: of two that believe they lead, the second fails here, before it reads anything.
  const { rows } = await client.query<{ as_of: string }>(
    `SELECT greatest(coalesce($1::timestamptz, now()), last_as_of)::text AS as_of FROM ${store}.meta FOR UPDATE`,
    [options.asOf ?? null],
  )
  const asOf = rows[0]?.as_of
  if (asOf === undefined) throw new Error(`the table ${store}.meta is empty; expected its one row`)

  const previous = await readSnapshot(client, store)
  const views = await inspect(client, settings.SOURCE_SCHEMA, options)
  const inputs = await prepareInputs(client, asOf, views.good, options)
  const collectors = new Map<string, CollectorState>()
  const failures = new Map<string, string>()
  const disabled = new Map<string, string>()
  for (const collector of options.collectors) {
    const before = previous?.collectors.get(collector.name)
    const missing = collector.views.filter((view) => views.missing.has(view))
    if (missing.length > 0) {
      disabled.set(collector.name, `view ${missing.join(', ')} is not in the schema ${settings.SOURCE_SCHEMA}`)
      collectors.set(collector.name, { enabled: false, success: false, durationSeconds: 0, asOf: null, families: [] })
      continue
    }
    const run = await runCollector(client, { collector, inputs, problems: views.problems, options })
    if ('error' in run) {
      failures.set(collector.name, run.error)
      log.error({ collector: collector.name, error: run.error }, 'a collector failed')
    }
    collectors.set(collector.name, stateOf(run, asOf, before))
  }
  await client.query(`UPDATE ${store}.meta SET last_as_of = $1`, [asOf])
  const id = await writeSnapshot(client, store, { asOf, collectors, writtenBy: options.replicaId })
  return { snapshot: { id, asOf, collectors }, failures, disabled }
}

type Run = { families: CollectorState['families']; seconds: number } | { error: string; seconds: number }

function stateOf(run: Run, asOf: string, before: CollectorState | undefined): CollectorState {
  const durationSeconds = run.seconds
  if ('families' in run) return { enabled: true, success: true, durationSeconds, asOf, families: run.families }
  return {
    enabled: true,
    success: false,
    durationSeconds,
    asOf: before?.asOf ?? null,
    families: before?.families ?? [],
  }
}

interface CollectorRun {
  collector: Collector
  inputs: PreparedInputs
  problems: ReadonlyMap<View, string>
  options: RefreshOptions
}

async function runCollector(client: PoolClient, { collector, inputs, problems, options }: CollectorRun): Promise<Run> {
  const start = options.monotonicSeconds()
  const seconds = () => options.monotonicSeconds() - start
  const problem = collector.views.map((view) => problems.get(view)).find((line) => line !== undefined)
  if (problem !== undefined) return { error: problem, seconds: 0 }
  if (inputs.popularError !== undefined && collector.name === 'popular')
    return { error: inputs.popularError, seconds: 0 }
  return tracer.startActiveSpan(`collector ${collector.name}`, async (span) => {
    try {
      const families = await underSavepoint(client, async () => {
        const all = []
        for (const figure of collector.oracle) all.push(await named(figure, runFigure(client, figure, inputs)))
        return all
      })
      return { families, seconds: seconds() }
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) })
      return { error: messageOf(error), seconds: seconds() }
    } finally {
      span.end()
    }
  })
}

/** The figure's failure under its metric's name: a time-out alone would not say what took so long. */
async function named<Result>(figure: Figure, running: Promise<Result>): Promise<Result> {
  try {
    return await running
  } catch (error) {
    throw new Error(`${figure.metric.name}: ${messageOf(error)}`, { cause: error })
  }
}

/**
 * Does the work so that its failure undoes it alone.
 * @throws what the work throws; where even the connection is gone, that, out of the whole refresh
 */
async function underSavepoint<Result>(client: PoolClient, work: () => Promise<Result>): Promise<Result> {
  await client.query('SAVEPOINT part')
  try {
    const result = await work()
    await client.query('RELEASE SAVEPOINT part')
    return result
  } catch (error) {
    await client.query('ROLLBACK TO SAVEPOINT part')
    throw error
  }
}

interface Views {
  missing: ReadonlySet<View>
  problems: ReadonlyMap<View, string>
  good: ReadonlySet<View>
}

/** Which views are there and as the contract says; a problem is one line, the first that was found. */
async function inspect(client: PoolClient, sourceSchema: string, options: RefreshOptions): Promise<Views> {
  const inspections = Object.values(await inspectViews(client, sourceSchema))
  const problems = new Map<View, string>()
  for (const { view, present, problems: lines } of inspections) {
    if (!present) continue
    const found =
      lines.length > 0
        ? lines
        : await underSavepoint(client, () => findNulls(client, view)).catch((error) => [
            `view ${view}: ${messageOf(error)}`,
          ])
    if (found[0] !== undefined) problems.set(view, found[0])
  }
  const present = inspections.filter((inspection) => inspection.present).map((inspection) => inspection.view)
  const needed = new Set(options.collectors.flatMap((collector) => collector.views))
  return {
    missing: new Set([...needed].filter((view) => !present.includes(view))),
    problems,
    good: new Set(present.filter((view) => !problems.has(view))),
  }
}

type PreparedInputs = Inputs & { popularError?: string }

/** The kept labels and the day's popular items; where they cannot be brought up to date the stored ones serve. */
async function prepareInputs(
  client: PoolClient,
  asOf: string,
  views: ReadonlySet<View>,
  options: RefreshOptions,
): Promise<PreparedInputs> {
  const { settings, log } = options
  const storeSchema = settings.STORE_SCHEMA
  const base: Inputs = {
    asOf,
    timezone: settings.REPORTING_TIMEZONE,
    thresholds: settings.ACTIVITY_THRESHOLDS,
    kept: await readKept(client, storeSchema),
    popularItems: [],
  }
  const kept = await underSavepoint(client, () => refreshKept(client, { storeSchema, inputs: base, views })).catch(
    (error) => {
      log.error({ error: messageOf(error) }, 'the kept labels could not be brought up to date; the stored ones serve')
      return base.kept
    },
  )
  const inputs = { ...base, kept }
  if (!views.has('generations') || !views.has('users')) return inputs
  try {
    const popularItems = await underSavepoint(client, () => refreshPopular(client, { storeSchema, inputs }))
    return { ...inputs, popularItems }
  } catch (error) {
    return { ...inputs, popularError: messageOf(error) }
  }
}
