import { randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { render } from '../lib/exposition.ts'
import { createDraining, listen, type Serving } from '../lib/http-server.ts'
import type { Logger } from '../lib/log.ts'
import { createPool } from '../lib/postgres.ts'
import type { SettingsWith } from '../lib/settings.ts'
import packageFile from '../package.json' with { type: 'json' }
import { layout } from './figures/index.ts'
import { startProbes } from './probes/index.ts'
import { refresh } from './refresh/refresh.ts'
import { startRefresher } from './refresh/refresher.ts'
import { createFigures, familiesOf } from './serve/families.ts'
import { createExporterServer } from './serve/server.ts'
import { type BuildOptions, buildStore } from './store/build.ts'
import { withoutLease } from './store/fence.ts'
import type { Layout } from './store/layout.ts'
import { migrateStore } from './store/migrate.ts'
import type { BuildProgress } from './store/progress.ts'
import { type Drift, reconcile } from './store/reconcile.ts'
import { written } from './store/written.ts'

export { migrateStore } from './store/migrate.ts'

export interface ExporterOptions {
  settings: SettingsWith<'DATABASE_URL'>
  serving: Serving
  log: Logger
  /** Milliseconds since 1970; the wall clock unless given. */
  now?: () => number
  layout?: Layout
  pollMs?: number
  statementTimeoutMs?: number
}

export interface RunningExporter {
  /** Where it listens, as a URL. */
  address: string
  stop(): Promise<void>
}

/**
 * Starts the exporter: refreshes in the background, probes, and serves. With the database away it starts, serves the
 * probes, and is not ready.
 * @throws {UserError} for a port, certificate or file that cannot be used, and for more targets than can be watched.
 */
export async function startExporter(options: ExporterOptions): Promise<RunningExporter> {
  const { settings, serving, log } = options
  const now = options.now ?? Date.now
  const replicaId = randomUUID()
  const draining = createDraining(serving)
  const probes = startProbes({ settings, clock: now, log, replicaId })
  const refresher = startRefresher({
    ...{ settings, log, replicaId, layout: options.layout ?? layout },
    ...(options.pollMs === undefined ? {} : { pollMs: options.pollMs }),
    ...(options.statementTimeoutMs === undefined ? {} : { statementTimeoutMs: options.statementTimeoutMs }),
  })
  const figures = createFigures({
    snapshot: () => refresher.snapshot(),
    isCutOff: () => refresher.cutOff() !== undefined,
    staleAfterMs: settings.STALE_AFTER,
    now,
  })
  const stopParts = () => Promise.all([refresher.stop(), probes.stop()])
  try {
    const server = createExporterServer({
      serving,
      draining,
      log,
      version: packageFile.version,
      refresher,
      probes,
      figures,
      now,
    })
    const address = await listen(server, serving, 'EXPORTER_LISTEN')
    log.info({ address }, 'the exporter listens')
    let stopping: Promise<unknown> | undefined
    return {
      address,
      stop: async () => {
        stopping ??= draining.begin().then(() => Promise.all([server.close(), stopParts()]))
        await stopping
      },
    }
  } catch (error) {
    await stopParts()
    throw error
  }
}

/** What a command by hand works with: a store that is migrated and built, as far as it can be. */
interface ByHand {
  settings: SettingsWith<'DATABASE_URL'>
  log: Logger
  onProgress?: (progress: BuildProgress) => void
}

/** Ten minutes for each statement: what is asked for by hand may take its time. */
const byHandTimeoutMs = 600_000

async function withStore<Result>(
  { settings, log, onProgress }: ByHand,
  name: string,
  work: (run: BuildOptions, notBuilt: ReadonlyMap<string, string>) => Promise<Result>,
): Promise<Result> {
  await migrateStore(settings)
  const pool = createPool({
    connectionString: settings.DATABASE_URL,
    applicationName: `barometer-${name}`,
    connectionsMax: 2,
  })
  try {
    const run = { pool, settings, log, layout, statementTimeoutMs: byHandTimeoutMs, fence: withoutLease }
    const built = await buildStore({ ...run, ...(onProgress === undefined ? {} : { onProgress }) })
    return await work(run, built.failures)
  } finally {
    await pool.end()
  }
}

/**
 * One refresh, as `barometer metrics` does it: brings the store up to date, computes all figures and writes a snapshot.
 * @returns the figures in the text format, and a line for each collector that failed
 */
export async function refreshOnce(options: ByHand): Promise<{ text: string; failures: ReadonlyMap<string, string> }> {
  return await withStore(options, 'metrics', async (run, notBuilt) => {
    const { snapshot, failures } = await refresh({
      ...{ ...run, notBuilt, replicaId: 'barometer metrics' },
      monotonicSeconds: () => performance.now() / 1_000,
    })
    const { STALE_AFTER: staleAfterMs } = options.settings
    const families = familiesOf(snapshot, { nowMs: Date.now(), staleAfterMs, cutOff: false })
    return { text: render(families.map(written), 'text'), failures }
  })
}

/** Compares the store with the views and puts right what differs, as `barometer reconcile` does it. */
export async function reconcileOnce(options: ByHand & { full: boolean }): Promise<ReadonlyMap<string, Drift>> {
  return await withStore(options, 'reconcile', async (run, notBuilt) => {
    for (const [part, reason] of notBuilt)
      options.log.error({ part, error: reason }, 'a part of the store could not be built')
    return await reconcile({ ...run, full: options.full })
  })
}
