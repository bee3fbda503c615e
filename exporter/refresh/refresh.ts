import type { View } from '../../catalogue/views.ts'
import type { Logger } from '../../lib/log.ts'
import { givesWay, type Pool, type PoolClient } from '../../lib/postgres.ts'
import type { SettingsWith } from '../../lib/settings.ts'
import { markFailed, traced } from '../../lib/tracing.ts'
import { messageOf } from '../../lib/user-error.ts'
import { advance, type Bite, type Standing } from '../store/advance.ts'
import { readDrift } from '../store/drift.ts'
import type { Fence } from '../store/fence.ts'
import { type Collector, type Figure, type Inputs, sourcesOf } from '../store/figure.ts'
import { readKept, refreshKept, refreshPopular, storedCandidates } from '../store/labels.ts'
import { feedName, type Layout, neededBy, partName } from '../store/layout.ts'
import { runFigure } from '../store/run-figure.ts'
import { underSavepoint } from '../store/savepoint.ts'
import { inputsOf, storeTransaction } from '../store/session.ts'
import { type CollectorState, readSnapshot, type Snapshot, writeSnapshot } from '../store/snapshot.ts'
import { inspectViews } from '../store/source-contract.ts'

export interface RefreshOptions {
  pool: Pool
  settings: SettingsWith<'DATABASE_URL'>
  layout: Layout
  log: Logger
  /** Named in the snapshot's row. */
  replicaId: string
  /** How long one statement may take; what takes longer fails, alone. */
  statementTimeoutMs: number
  fence: Fence
  /** How much of what changed to take before the rest is left for `catchUp`; everything where left out. */
  bite?: Bite
  /** Seconds of a clock that only goes forward, for durations. */
  monotonicSeconds: () => number
  /** The instant of the refresh as a timestamptz text; the database's clock unless given. Never before the last one. */
  asOf?: string
  /** Parts of the store that could not be built, with the reason. */
  notBuilt?: ReadonlyMap<string, string>
  /** Called within the refresh's trace when it is over. */
  onEnd?: (run: RefreshRun) => void
}

/** How a refresh went: one that wrote a snapshot succeeded, whatever became of single collectors. */
export interface RefreshRun {
  seconds: number
  succeeded: boolean
}

/** What a refresh came to: the snapshot it wrote, and a line for each collector that failed. */
export interface RefreshResult {
  snapshot: Snapshot
  failures: ReadonlyMap<string, string>
  disabled: ReadonlyMap<string, string>
  /** By view, the rows and entities that are known to wait: `catchUp` takes them. */
  backlog: ReadonlyMap<View, number>
}

/**
 * Computes all figures at one instant in one transaction and writes them as one snapshot. A collector that fails fails
 * alone and keeps its last good samples; where the refresh itself fails nothing is written.
 */
export async function refresh(options: RefreshOptions): Promise<RefreshResult> {
  return await traced('refresh', {}, async (span) => {
    const start = options.monotonicSeconds()
    const end = (succeeded: boolean) => options.onEnd?.({ seconds: options.monotonicSeconds() - start, succeeded })
    try {
      // A command by hand that refreshes meanwhile is waited for.
      const result = await storeTransaction(options, 'FOR UPDATE', (client, asOf) => refreshIn(client, asOf, options))
      span.setAttributes({
        'barometer.snapshot.as_of': result.snapshot.asOf,
        'barometer.collectors.failed': result.failures.size,
      })
      end(true)
      return result
    } catch (error) {
      end(false)
      throw error
    }
  })
}

/**
 * One bite of what a refresh has left: a transaction of its own that brings the store's parts on and shows nothing.
 * @returns by view, what still waits
 */
export async function catchUp(options: RefreshOptions): Promise<ReadonlyMap<View, number>> {
  const { settings, layout } = options
  const store = settings.STORE_SCHEMA
  return await traced('catch up', {}, () =>
    storeTransaction(options, 'FOR UPDATE', async (client, asOf) => {
      const views = await inspect(client, settings.SOURCE_SCHEMA, options)
      const inputs = inputsOf(settings, asOf)
      const standings = await advance(client, { ...{ layout, store, inputs, ...views }, ...biteOf(options) })
      await client.query(`UPDATE ${store}.meta SET last_as_of = $1`, [asOf])
      return backlogOf(layout, standings)
    }),
  )
}

const biteOf = ({ bite }: RefreshOptions): { bite?: Bite } => (bite === undefined ? {} : { bite })

/** A part whose turn did not come has no number of its own; it counts as 1 where nothing else of its view waits. */
function backlogOf({ parts }: Layout, standings: ReadonlyMap<string, Standing>): ReadonlyMap<View, number> {
  const backlog = new Map<View, number>()
  for (const part of parts) {
    const standing = standings.get(part.name)
    if (standing?.at !== 'catchingUp') continue
    const view = part.kind === 'feed' ? part.view : part.domain.entity.view
    backlog.set(view, Math.max(1, (backlog.get(view) ?? 0) + standing.rows))
  }
  return backlog
}

async function refreshIn(client: PoolClient, asOf: string, options: RefreshOptions): Promise<RefreshResult> {
  const { settings, layout, log } = options
  const store = settings.STORE_SCHEMA
  const previous = await readSnapshot(client, store)
  const views = await inspect(client, settings.SOURCE_SCHEMA, options)
  const standings = await advance(client, {
    ...{ layout, store, inputs: inputsOf(settings, asOf), ...views },
    ...biteOf(options),
    timed: (part, work) => traced(`store ${part}`, { 'barometer.store.part': part }, work),
  })
  const inputs = await prepareInputs(client, asOf, standings, options)
  const drift = await readDrift(client)
  const backlog = backlogOf(layout, standings)
  const collectors = new Map<string, CollectorState>()
  const failures = new Map<string, string>()
  const disabled = new Map<string, string>()
  for (const collector of layout.collectors) {
    const before = previous?.collectors.get(collector.name)
    const missing = sourcesOf(collector).filter((view) => views.missing.has(view))
    if (missing.length > 0) {
      disabled.set(collector.name, `view ${missing.join(', ')} is not in the schema ${settings.SOURCE_SCHEMA}`)
      collectors.set(collector.name, { enabled: false, success: false, durationSeconds: 0, asOf: null, families: [] })
      continue
    }
    const run = await runTraced(client, { collector, inputs, problems: views.problems, standings, options })
    if ('error' in run) {
      failures.set(collector.name, run.error)
      log.error({ collector: collector.name, error: run.error }, 'a collector failed')
    }
    const driftRows = driftOf(collector, drift)
    collectors.set(collector.name, {
      ...stateOf(run, asOf, before),
      ...(driftRows === undefined ? {} : { driftRows }),
    })
  }
  await client.query(`UPDATE ${store}.meta SET last_as_of = $1`, [asOf])
  const { fence, replicaId: writtenBy } = options
  const id = await writeSnapshot(client, store, { asOf, collectors, backlog, writtenBy, fencing: fence.number })
  return { snapshot: { id, asOf, collectors, backlog }, failures, disabled, backlog }
}

function driftOf(collector: Collector, drift: ReadonlyMap<string, number>): number | undefined {
  const known = collector.reads.map(({ of }) => partName(of)).filter((part) => drift.has(part))
  return known.length === 0 ? undefined : known.reduce((total, part) => total + (drift.get(part) ?? 0), 0)
}

type Run =
  /** What it is read from is still catching up: no failure, and its last figures stay. */
  | { waits: true }
  | { families: CollectorState['families']; seconds: number }
  | { error: string; cause?: unknown; seconds: number }

function stateOf(run: Run, asOf: string, before: CollectorState | undefined): CollectorState {
  if ('waits' in run)
    return before === undefined || !before.enabled
      ? { enabled: true, success: true, durationSeconds: 0, asOf: null, families: [] }
      : before
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
  standings: ReadonlyMap<string, Standing>
  options: RefreshOptions
}

async function runTraced(client: PoolClient, run: CollectorRun): Promise<Run> {
  const { name } = run.collector
  return await traced(`collector ${name}`, { 'barometer.collector': name }, async (span) => {
    const result = await runCollector(client, run)
    if ('error' in result) markFailed(span, result.cause ?? new Error(result.error))
    return result
  })
}

async function runCollector(client: PoolClient, run: CollectorRun): Promise<Run> {
  const { collector, inputs, options } = run
  const start = options.monotonicSeconds()
  const seconds = () => options.monotonicSeconds() - start
  const problem = obstacleTo(run)
  if (problem === 'waits') return { waits: true }
  if (problem !== undefined) return { error: problem.reason, seconds: 0 }
  if (inputs.dailyItemsError !== undefined && collector.name === options.layout.dailyItems.collector)
    return { error: inputs.dailyItemsError, seconds: 0 }
  try {
    const families = await underSavepoint(client, async () => {
      const all = []
      for (const figure of collector.figures)
        all.push(await named(figure, runFigure(client, { ...figure, sql: figure.emit }, inputs)))
      return all
    })
    return { families, seconds: seconds() }
  } catch (error) {
    if (givesWay(error)) throw error
    return { error: messageOf(error), cause: error, seconds: seconds() }
  }
}

/** The parts that must be up to date for a collector: what it reads, the feeds of its views, and what these need. */
function neededFor(collector: Collector, { parts, accounts }: Layout): readonly string[] {
  const read = collector.reads.map(({ of }) => partName(of))
  const needed = parts.filter(({ name }) => read.includes(name)).flatMap((part) => neededBy(part, accounts))
  return [...new Set([...sourcesOf(collector).map(feedName), ...read, ...needed])]
}

/** Why a collector cannot be run: its views, or what it is read from in the store. */
function obstacleTo({
  collector,
  problems,
  standings,
  options,
}: CollectorRun): { reason: string } | 'waits' | undefined {
  const views = sourcesOf(collector)
  const broken = views.map((view) => problems.get(view)).find((line) => line !== undefined)
  if (broken !== undefined) return { reason: broken }
  const metric = collector.figures[0]?.metric.name
  for (const part of neededFor(collector, options.layout)) {
    if (!options.layout.parts.some(({ name }) => name === part))
      return { reason: `${metric}: the store has no part ${part}` }
    const standing = standings.get(part)
    if (standing?.at === 'asOf') continue
    if (standing?.at === 'catchingUp') return 'waits'
    const reason = options.notBuilt?.get(part) ?? (standing?.at === 'behind' ? standing.reason : undefined)
    return { reason: reason === undefined ? 'its history is still being built' : `${metric}: ${reason}` }
  }
  return undefined
}

/** The figure's failure under its metric's name: a time-out alone would not say what took so long. */
async function named<Result>(figure: Figure, running: Promise<Result>): Promise<Result> {
  try {
    return await running
  } catch (error) {
    throw new Error(`${figure.metric.name}: ${messageOf(error)}`, { cause: error })
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
  const present = inspections.filter((inspection) => inspection.present)
  const problems = new Map(present.flatMap(({ view, problems: [line] }) => (line === undefined ? [] : [[view, line]])))
  const needed = new Set(options.layout.collectors.flatMap(sourcesOf))
  return {
    missing: new Set([...needed].filter((view) => !inspections.some((one) => one.view === view && one.present))),
    problems,
    good: new Set(present.map(({ view }) => view).filter((view) => !problems.has(view))),
  }
}

type PreparedInputs = Inputs & { dailyItemsError?: string }

/** The kept labels and the day's popular items; where they cannot be brought up to date the stored ones serve. */
async function prepareInputs(
  client: PoolClient,
  asOf: string,
  standings: ReadonlyMap<string, Standing>,
  options: RefreshOptions,
): Promise<PreparedInputs> {
  const { settings, layout, log } = options
  const { labelSets, dailyItems } = layout
  const storeSchema = settings.STORE_SCHEMA
  const base: Inputs = { ...inputsOf(settings, asOf), kept: await readKept(client, storeSchema) }
  const sets = storedCandidates(labelSets, (part) => standings.get(part)?.at === 'asOf')
  const kept = await underSavepoint(client, () => refreshKept(client, { storeSchema, inputs: base, sets })).catch(
    (error) => {
      log.error({ error: messageOf(error) }, 'the kept labels could not be brought up to date; the stored ones serve')
      return base.kept
    },
  )
  const inputs = { ...base, kept }
  if (standings.get(dailyItems.reads.name)?.at !== 'asOf') return inputs
  try {
    const popularItems = await underSavepoint(client, () =>
      refreshPopular(client, { storeSchema, inputs, counts: dailyItems.emit }),
    )
    return { ...inputs, popularItems }
  } catch (error) {
    return { ...inputs, dailyItemsError: messageOf(error) }
  }
}
