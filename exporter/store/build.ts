import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { View } from '../../catalogue/views.ts'
import type { Logger } from '../../lib/log.ts'
import type { Pool, PoolClient } from '../../lib/postgres.ts'
import { messageOf } from '../../lib/user-error.ts'
import { buildDomainChunk, buildFeedChunk, type Chunk } from './chunks.ts'
import { stateOf } from './domain.ts'
import { LeaseLost } from './fence.ts'
import { type Layout, neededBy, viewsOf } from './layout.ts'
import { type Part, type PartState, readParts } from './parts.ts'
import { type BuildProgress, type Progress, startProgress } from './progress.ts'
import { installRangeFunctions } from './range-functions.ts'
import { definitionOf, layOut } from './schema.ts'
import { inputsOf, type SessionOptions, storeTransaction } from './session.ts'
import { findNulls, inspectViews, isGood, type ViewInspection } from './source-contract.ts'

export interface BuildOptions extends SessionOptions {
  pool: Pool
  layout: Layout
  log: Logger
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

/**
 * Builds whatever parts of the store are missing, or are of another definition than today's: every entity is dirty, all the
 * past is to be added. In chunks of some seconds, each one transaction that notes how far it has come: killed at any
 * moment, the next call goes on there.
 * @throws {LeaseLost} where another leads meanwhile
 */
export async function buildStore(options: BuildOptions): Promise<BuildResult> {
  const { layout, pool, settings, log } = options
  const failures = new Map<string, string>()
  const views = await prepare(options, failures)
  const missing = await unbuilt(options, failures)
  if (missing.length === 0) return { complete: failures.size === 0, failures }
  log.info({ parts: missing.map((state) => state.name) }, 'history is being built')
  const progress = await startProgress({ pool, schema: settings.SOURCE_SCHEMA }, layout.parts, missing)
  const shouldPause = () =>
    options.isStopped?.() === true || progress.seconds() * 1_000 > (options.pauseAfterMs ?? Number.POSITIVE_INFINITY)
  const run: BuildRun = { options, views, progress, shouldPause, taken: new Set(), failures }
  await Promise.all(Array.from({ length: settings.BUILD_LANES }, () => buildLane(run)))
  const left = await unbuilt(options, failures)
  if (left.length === 0) log.info({ seconds: progress.seconds() }, 'history is built')
  return { complete: left.length === 0 && failures.size === 0, failures }
}

interface BuildRun {
  options: BuildOptions
  views: Inspections
  progress: Progress
  shouldPause: () => boolean
  /** The parts that a lane is building. */
  taken: Set<string>
  failures: Map<string, string>
}

/** Builds one part after another, until none is left or it is time to pause. */
async function buildLane(run: BuildRun): Promise<void> {
  const { options, taken, failures } = run
  for (;;) {
    if (run.shouldPause()) return
    const part = await nextPart(run)
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
      await buildPart(part, run)
    } catch (error) {
      if (error instanceof LeaseLost) throw error
      failures.set(part.name, messageOf(error))
      options.log.error({ part: part.name, error: messageOf(error) }, 'a part of the store could not be built')
    } finally {
      taken.delete(part.name)
    }
  }
}

type Inspections = Readonly<Record<View, ViewInspection>>

/** Lays out what is missing or of another definition. A view that is not as it should be is left for another time. */
async function prepare(options: BuildOptions, failures: Map<string, string>): Promise<Inspections> {
  const { pool, settings, layout } = options
  const store = settings.STORE_SCHEMA
  const views = await inspectViews(pool, settings.SOURCE_SCHEMA)
  await installRangeFunctions(pool, settings, layout.rangeFunctions, options.fence)
  const before = await readParts(pool, store)
  const definitions = new Map<string, string>()
  for (const part of layout.parts) {
    if (!viewsOf(part).every((view) => isGood(views[view]))) continue
    // What a part stands on is of its definition: were the accounts built anew, nobody would know what was counted.
    const below = neededBy(part, layout.accounts).map((name) => definitions.get(name) ?? '')
    const definition = [definitionOf(part, inputsOf(settings, ''), views, layout.accounts), ...below].join(' ')
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
      if (error instanceof LeaseLost) throw error
      failures.set(part.name, messageOf(error))
    }
  }
  return views
}

async function unbuilt(options: BuildOptions, failures: ReadonlyMap<string, string>): Promise<PartState[]> {
  const states = await readParts(options.pool, options.settings.STORE_SCHEMA)
  return [...states.values()].filter((state) => !state.ready && !failures.has(state.name))
}

/** Of the parts that no lane builds and whose accounts are there, the one with the most work left. */
async function nextPart({ options, taken, failures, progress }: BuildRun): Promise<Part | undefined> {
  const { layout } = options
  const states = await readParts(options.pool, options.settings.STORE_SCHEMA)
  const isLaidOut = (name: string) => states.has(name) && !failures.has(name)
  const possible = layout.parts.filter((part) => {
    if (states.get(part.name)?.ready !== false || taken.has(part.name) || failures.has(part.name)) return false
    const needed = neededBy(part, layout.accounts)
    return needed.every((name) => (name.startsWith('feed ') ? isLaidOut(name) : states.get(name)?.ready === true))
  })
  return possible.toSorted((one, other) => progress.workLeft(other.name) - progress.workLeft(one.name))[0]
}

/** What a chunk should take: long enough to be worth a transaction, short enough that a refresh can wait for it. */
const chunkSeconds = 2

async function buildPart(part: Part, { options, views, progress, shouldPause }: BuildRun): Promise<void> {
  let rows = part.kind === 'feed' ? 100_000 : 5_000
  const rowsMax = part.kind === 'feed' ? 1_000_000 : 50_000
  const begun = progress.seconds()
  for (;;) {
    const started = performance.now()
    const chunk = await storeTransaction(options, 'FOR SHARE', async (client, asOf) => {
      const { accounts } = options.layout
      const run = { client, rows, inputs: inputsOf(options.settings, asOf), accounts, views }
      const done = part.kind === 'feed' ? await buildFeedChunk(part, run) : await buildDomainChunk(part, run)
      await noteChunk(client, part, done)
      return done
    })
    const seconds = (performance.now() - started) / 1_000
    options.onProgress?.(progress.add(part.name, chunk.rows))
    rows = Math.round(Math.min(rowsMax, Math.max(1_000, rows * Math.min(2, chunkSeconds / seconds))))
    if (chunk.end) options.log.debug({ part: part.name, seconds: progress.seconds() - begun }, 'built')
    if (chunk.end || shouldPause()) return
    const share = options.settings.BUILD_SHARE
    if (share < 100) await sleep(seconds * 1_000 * (100 / share - 1))
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
