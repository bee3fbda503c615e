import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { View } from '../../catalogue/define.ts'
import type { Logger } from '../../lib/log.ts'
import { type Pool, type PoolClient, transaction } from '../../lib/postgres.ts'
import type { SettingsWith } from '../../lib/settings.ts'
import { messageOf } from '../../lib/user-error.ts'
import { buildDomainChunk, buildFeedChunk, type Chunk } from './chunks.ts'
import { stateOf } from './domain.ts'
import type { Inputs } from './figure.ts'
import { nothingKept } from './labels.ts'
import { neededBy, type Part, type PartState, parts, readParts, viewsOf } from './parts.ts'
import { startProgress } from './progress.ts'
import { installAnalytics } from './range-functions.ts'
import { definitionOf, layOut } from './schema.ts'
import { findNulls, inspectViews, isGood, type ViewInspection } from './source-contract.ts'

export interface BuildProgress {
  /** Between 0 and 1, by the estimated number of rows. */
  fraction: number
  /** From what it has taken so far; undefined in the first moments. */
  secondsLeft: number | undefined
  /** The parts that are being built. */
  parts: readonly string[]
}

export interface BuildOptions {
  pool: Pool
  settings: SettingsWith<'DATABASE_URL'>
  log: Logger
  statementTimeoutMs: number
  /** The instant of the build as a timestamptz text; the database's clock unless given. */
  asOf?: string
  onProgress?: (progress: BuildProgress) => void
  /** Leaves the rest for another call after so long, or when it is asked to: between two chunks. */
  pauseAfterMs?: number
  isStopped?: () => boolean
}

export interface BuildResult {
  /** Whether nothing is left to be built of the views that are there. */
  complete: boolean
  /** Parts that could not be built, with the reason. */
  failures: ReadonlyMap<string, string>
}

/** 2: one reads while the other writes; more would take the platform's processors from the platform. */
const lanes = 2

/**
 * Builds whatever parts of the store are missing, or are of another definition than today's: every entity is dirty, all the
 * past is to be added. In chunks of some seconds, each one transaction that notes how far it has come: killed at any
 * moment, the next call goes on there.
 */
export async function buildStore(options: BuildOptions): Promise<BuildResult> {
  const failures = new Map<string, string>()
  const views = await prepare(options, failures)
  const missing = await unbuilt(options, failures)
  if (missing.length === 0) return { complete: failures.size === 0, failures }
  options.log.info({ parts: missing.map((state) => state.name) }, 'history is being built')
  const progress = await startProgress(options, missing)
  const shouldPause = () =>
    options.isStopped?.() === true || progress.seconds() * 1_000 > (options.pauseAfterMs ?? Number.POSITIVE_INFINITY)
  const taken = new Set<string>()
  const lane = async (): Promise<void> => {
    for (;;) {
      if (shouldPause()) return
      const part = await nextPart(options, taken, failures)
      if (part === undefined && taken.size === 0) return
      if (part === undefined) {
        // What is left may only wait for what another lane builds: the accounts come before the facts.
        await sleep(50)
        continue
      }
      // Another lane may have taken it while this one asked.
      if (taken.has(part.name)) continue
      taken.add(part.name)
      try {
        await buildPart(part, { options, views, progress, shouldPause })
      } catch (error) {
        failures.set(part.name, messageOf(error))
        options.log.error({ part: part.name, error: messageOf(error) }, 'a part of the store could not be built')
      } finally {
        taken.delete(part.name)
      }
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  const left = await unbuilt(options, failures)
  if (left.length === 0) options.log.info({ seconds: progress.seconds() }, 'history is built')
  return { complete: left.length === 0 && failures.size === 0, failures }
}

type Inspections = Readonly<Record<View, ViewInspection>>

/** The inputs of the store's own statements: labels are folded when figures are read, so that none are asked for here. */
export const inputsOf = (settings: BuildOptions['settings'], asOf: string): Inputs => ({
  asOf,
  timezone: settings.REPORTING_TIMEZONE,
  thresholds: settings.ACTIVITY_THRESHOLDS,
  kept: nothingKept,
  popularItems: [],
})

/** A transaction on the source and the store. `fence` keeps refreshes away; several builds may go on at once. */
export async function storeTransaction<Result>(
  options: Pick<BuildOptions, 'pool' | 'settings' | 'statementTimeoutMs' | 'asOf'>,
  fence: 'FOR UPDATE' | 'FOR SHARE',
  work: (client: PoolClient, asOf: string) => Promise<Result>,
): Promise<Result> {
  const { pool } = options
  for (let attempt = 1; ; attempt++) {
    try {
      return await transaction(pool, 'BEGIN ISOLATION LEVEL REPEATABLE READ', async (client) => {
        return await work(client, await enterStore(client, options, fence))
      })
    } catch (error) {
      // 40001: a refresh ended while this waited for the fence; what was read is from before it.
      if (attempt === 10 || (error as { code?: string }).code !== '40001') throw error
    }
  }
}

/**
 * Begins a transaction on the store: its settings, then the fence, before anything else is read.
 * @returns as_of: the instant that was asked for or now, but never before the last one
 */
export async function enterStore(
  client: PoolClient,
  options: Pick<BuildOptions, 'settings' | 'statementTimeoutMs' | 'asOf'>,
  fence: 'FOR UPDATE' | 'FOR SHARE',
): Promise<string> {
  const store = options.settings.STORE_SCHEMA
  await setUp(client, options)
  const { rows } = await client.query<{ as_of: string }>(
    `SELECT greatest(coalesce($1::timestamptz, now()), last_as_of)::text AS as_of FROM ${store}.meta ${fence}`,
    [options.asOf ?? null],
  )
  const asOf = rows[0]?.as_of
  if (asOf === undefined) throw new Error(`the table ${store}.meta is empty; expected its one row`)
  return asOf
}

/**
 * Settings of a transaction. Look-ups by index are what a refresh is made of: compiling them, or reading a whole table
 * because a fresh statistic is missing, would cost more than it saves.
 */
async function setUp(
  client: PoolClient,
  { settings, statementTimeoutMs }: Pick<BuildOptions, 'settings' | 'statementTimeoutMs'>,
): Promise<void> {
  await client.query(`SET LOCAL TimeZone = 'UTC';
    SET LOCAL search_path = ${settings.SOURCE_SCHEMA}, ${settings.STORE_SCHEMA};
    SET LOCAL statement_timeout = ${statementTimeoutMs};
    SET LOCAL jit = off;
    SET LOCAL enable_seqscan = off;
    SET LOCAL enable_memoize = off`)
}

/** Lays out what is missing or of another definition. A view that is not as it should be is left for another time. */
async function prepare(options: BuildOptions, failures: Map<string, string>): Promise<Inspections> {
  const { pool, settings } = options
  const store = settings.STORE_SCHEMA
  const views = await inspectViews(pool, settings.SOURCE_SCHEMA)
  await installAnalytics(pool, settings)
  const before = await readParts(pool, store)
  const definitions = new Map<string, string>()
  for (const part of parts) {
    if (!viewsOf(part).every((view) => isGood(views[view]))) continue
    // What a part stands on is of its definition: were the accounts built anew, nobody would know what was counted.
    const below = neededBy(part).map((name) => definitions.get(name) ?? '')
    const definition = [definitionOf(part, inputsOf(settings, ''), views), ...below].join(' ')
    definitions.set(part.name, definition)
    if (before.get(part.name)?.definition === definition) continue
    try {
      await storeTransaction(options, 'FOR UPDATE', async (client, asOf) => {
        if (part.kind === 'feed') {
          const [problem] = await findNulls(client, part.view)
          if (problem !== undefined) throw new Error(problem)
        }
        await layOut(client, { store, part, views, definition, watermark: asOf })
      })
    } catch (error) {
      failures.set(part.name, messageOf(error))
    }
  }
  return views
}

async function unbuilt(options: BuildOptions, failures: ReadonlyMap<string, string>): Promise<PartState[]> {
  const states = await readParts(options.pool, options.settings.STORE_SCHEMA)
  return [...states.values()].filter((state) => !state.ready && !failures.has(state.name))
}

/** A part that nobody builds and whose accounts are there, the largest first. */
async function nextPart(
  options: BuildOptions,
  taken: ReadonlySet<string>,
  failures: ReadonlyMap<string, string>,
): Promise<Part | undefined> {
  const states = await readParts(options.pool, options.settings.STORE_SCHEMA)
  const isLaidOut = (name: string) => states.has(name) && !failures.has(name)
  return parts.find((part) => {
    if (states.get(part.name)?.ready !== false || taken.has(part.name) || failures.has(part.name)) return false
    const needed = neededBy(part)
    return needed.every((name) => (name.startsWith('feed ') ? isLaidOut(name) : states.get(name)?.ready === true))
  })
}

interface PartRun {
  options: BuildOptions
  views: Inspections
  progress: Awaited<ReturnType<typeof startProgress>>
  shouldPause: () => boolean
}

/** What a chunk should take: long enough to be worth a transaction, short enough that a refresh can wait for it. */
const chunkSeconds = 2

async function buildPart(part: Part, { options, views, progress, shouldPause }: PartRun): Promise<void> {
  let rows = part.kind === 'feed' ? 100_000 : 5_000
  const rowsMax = part.kind === 'feed' ? 1_000_000 : 50_000
  const begun = progress.seconds()
  for (;;) {
    const started = performance.now()
    const chunk = await storeTransaction(options, 'FOR SHARE', async (client, asOf) => {
      const run = { client, rows, inputs: inputsOf(options.settings, asOf), views }
      const done = part.kind === 'feed' ? await buildFeedChunk(part, run) : await buildDomainChunk(part, run)
      await noteChunk(client, part, done)
      return done
    })
    const seconds = (performance.now() - started) / 1_000
    options.onProgress?.(progress.add(part.name, chunk.rows))
    rows = Math.round(Math.min(rowsMax, Math.max(1_000, rows * Math.min(2, chunkSeconds / seconds))))
    if (chunk.end) options.log.debug({ part: part.name, seconds: progress.seconds() - begun }, 'built')
    if (chunk.end || shouldPause()) return
  }
}

async function noteChunk(client: PoolClient, part: Part, chunk: Chunk): Promise<void> {
  await client.query('UPDATE rollup_part SET walked = $2, ready = $3 WHERE name = $1', [
    part.name,
    chunk.walked,
    chunk.end,
  ])
  if (!chunk.end || part.kind === 'feed') return
  // A fresh table has no statistics, and its look-ups would be planned blindly until autovacuum comes.
  await client.query(`ANALYZE ${stateOf(part.domain)}`)
}
