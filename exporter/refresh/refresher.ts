import { hostname } from 'node:os'
import { performance } from 'node:perf_hooks'
import type { View } from '../../catalogue/views.ts'
import type { Logger } from '../../lib/log.ts'
import { refuseNewer } from '../../lib/migrations.ts'
import { createPool, type Pool } from '../../lib/postgres.ts'
import type { SettingsWith } from '../../lib/settings.ts'
import { traced } from '../../lib/tracing.ts'
import { messageOf } from '../../lib/user-error.ts'
import packageFile from '../../package.json' with { type: 'json' }
import { usualBite } from '../store/advance.ts'
import { buildStore } from '../store/build.ts'
import { isReconcileDue } from '../store/drift.ts'
import { type Fence, LeaseLost } from '../store/fence.ts'
import type { Layout } from '../store/layout.ts'
import { migrateStore, storeMigrations } from '../store/migrate.ts'
import type { BuildProgress } from '../store/progress.ts'
import { reconcile } from '../store/reconcile.ts'
import { readSnapshot, type Snapshot } from '../store/snapshot.ts'
import { createLeadership, type Leadership } from './leader.ts'
import { catchUp, type RefreshOptions, type RefreshRun, refresh } from './refresh.ts'

export interface RefresherOptions {
  settings: SettingsWith<'DATABASE_URL'>
  layout: Layout
  log: Logger
  replicaId: string
  /** How often a replica looks for a newer snapshot. */
  pollMs?: number
  statementTimeoutMs?: number
}

export interface Refresher {
  snapshot(): Snapshot | undefined
  leads(): boolean
  /** Whether the store could not be reached when it was last tried; with the reason. */
  cutOff(): string | undefined
  /** Called after each change of the above. */
  onChange(listener: () => void): void
  /** Called after each refresh of this replica, within its trace. */
  onRefresh(listener: (run: RefreshRun) => void): void
  stop(): Promise<void>
}

const pollMsDefault = 5_000
/** 10 min for one statement: the comparison reads what a refresh never reads, and nobody waits for it. */
const reconcileTimeoutMs = 600_000
/** 10 s: what is small is whole at the first refresh, however short the interval. */
const buildMsMin = 10_000
/** 10 s: often enough to see that a build goes on. */
const progressMs = 10_000
/** What the client waits longer than the server, so that the server's own time-out, which says more, comes first. */
const graceMs = 5_000

/**
 * Keeps the newest snapshot in memory: the leader makes one each REFRESH_INTERVAL, the others look for it. Steps never
 * overlap, so neither do refreshes. With the database away it goes on trying, and what it has stays.
 */
export function startRefresher(options: RefresherOptions): Refresher {
  const replica = new Replica(options)
  replica.start()
  return replica
}

class Replica implements Refresher {
  private readonly options: RefresherOptions
  private readonly pool: Pool
  private readonly leadership: Leadership
  private readonly statementTimeoutMs: number
  private newest: Snapshot | undefined
  private cutOffReason: string | undefined
  private isMigrated = false
  private readonly listeners: (() => void)[] = []
  private readonly refreshListeners: ((run: RefreshRun) => void)[] = []
  private readonly saidDisabled = new Set<string>()
  private nextRefreshMs = 0
  private nextProgressMs = 0
  private stopped = false
  private timer: NodeJS.Timeout | undefined
  private underway: Promise<void> = Promise.resolve()

  constructor(options: RefresherOptions) {
    this.options = options
    this.statementTimeoutMs = options.statementTimeoutMs ?? options.settings.STATEMENT_TIMEOUT
    const { DATABASE_URL: connectionString, STORE_SCHEMA: storeSchema } = options.settings
    this.pool = createPool({
      connectionString,
      applicationName: 'barometer-exporter',
      connectionsMax: 3,
      queryTimeoutMs: this.statementTimeoutMs + graceMs,
    })
    const { log, replicaId } = options
    const description = `${hostname()}, process ${process.pid}, version ${packageFile.version}`
    this.leadership = createLeadership({ connectionString, storeSchema, replicaId, description, log })
    this.leadership.onChange((leads) => {
      if (leads) this.nextRefreshMs = 0
      this.wake()
    })
  }

  snapshot(): Snapshot | undefined {
    return this.newest
  }

  leads(): boolean {
    return this.leadership.held() !== undefined
  }

  cutOff(): string | undefined {
    return this.cutOffReason
  }

  onChange(listener: () => void): void {
    this.listeners.push(listener)
  }

  onRefresh(listener: (run: RefreshRun) => void): void {
    this.refreshListeners.push(listener)
  }

  start(): void {
    this.underway = this.run()
  }

  async stop(): Promise<void> {
    this.stopped = true
    clearTimeout(this.timer)
    await this.leadership.release()
    // What is under way fails on its closed connection and is rolled back; 3 s are enough for a short one to end well.
    await Promise.race([this.underway, new Promise((done) => setTimeout(done, 3_000).unref())])
    await Promise.race([this.pool.end(), new Promise((done) => setTimeout(done, 2_000).unref())])
  }

  /** The next step now, unless one is under way or all is over. */
  private wake(): void {
    if (this.timer === undefined || this.stopped) return
    clearTimeout(this.timer)
    this.start()
  }

  private async run(): Promise<void> {
    this.timer = undefined
    const { log } = this.options
    try {
      await this.step()
      if (this.cutOffReason !== undefined) log.info('the store can be reached again')
      this.cutOffReason = undefined
    } catch (error) {
      const reason = messageOf(error)
      if (this.cutOffReason !== reason && !this.stopped)
        log.error({ error: reason }, 'the figures cannot be refreshed; the last good ones serve')
      this.cutOffReason = reason
    }
    for (const listener of this.listeners) listener()
    if (!this.stopped) this.timer = setTimeout(() => this.start(), this.waitMs())
  }

  private waitMs(): number {
    const pollMs = Math.min(this.options.pollMs ?? pollMsDefault, this.options.settings.REFRESH_INTERVAL)
    return this.leads() && this.cutOffReason === undefined
      ? Math.max(0, Math.min(pollMs, this.nextRefreshMs - performance.now()))
      : pollMs
  }

  private async step(): Promise<void> {
    const { settings } = this.options
    if (!this.isMigrated) {
      await migrateStore(settings)
      this.isMigrated = true
    }
    if (!this.leadership.isStanding()) {
      await this.giveWayToNewer()
      await this.leadership.stand()
    }
    const fence = this.leadership.held()
    if (fence === undefined || performance.now() < this.nextRefreshMs) {
      this.newest = (await readSnapshot(this.pool, settings.STORE_SCHEMA, this.newest?.id)) ?? this.newest
      return
    }
    this.nextRefreshMs = performance.now() + settings.REFRESH_INTERVAL
    await this.giveWayToNewer()
    await this.lead(fence)
  }

  private async lead(fence: Fence): Promise<void> {
    try {
      await this.refreshNow(fence)
      await this.reconcileAtNight(fence)
    } catch (error) {
      if (this.stopped || (this.isLedBy(fence) && !(error instanceof LeaseLost))) throw error
      // The next leader ends what this one has under way, so the error may be that of a connection that is gone.
      this.options.log.warn({ error: messageOf(error) }, 'the lead was lost during a refresh; nothing more is written')
    }
  }

  private isLedBy(fence: Fence): boolean {
    return this.leadership.held()?.number === fence.number
  }

  /** While versions change, a newer replica has migrated the store under an older one that led: the newer one is to lead. */
  private async giveWayToNewer(): Promise<void> {
    try {
      await refuseNewer(this.pool, storeMigrations(this.options.settings.STORE_SCHEMA))
    } catch (error) {
      await this.leadership.release()
      throw error
    }
  }

  private async refreshNow(fence: Fence): Promise<void> {
    const { pool, statementTimeoutMs } = this
    const { settings, log, layout, replicaId } = this.options
    const built = await traced('build', {}, () =>
      buildStore({
        ...{ pool, settings, log, layout, statementTimeoutMs, fence },
        onProgress: (progress) => this.logProgress(progress),
        // A long build gives way to the refreshes of what is built already.
        pauseAfterMs: Math.max(settings.REFRESH_INTERVAL, buildMsMin),
        isStopped: () => this.stopped || !this.isLedBy(fence),
      }),
    )
    const run: RefreshOptions = {
      ...{
        pool,
        settings,
        log,
        layout,
        replicaId,
        statementTimeoutMs,
        fence,
        bite: usualBite,
        notBuilt: built.failures,
      },
      monotonicSeconds: () => performance.now() / 1_000,
    }
    const { snapshot, disabled, backlog } = await refresh({
      ...run,
      onEnd: (run) => {
        for (const listener of this.refreshListeners) listener(run)
      },
    })
    for (const [collector, reason] of disabled) {
      if (!this.saidDisabled.has(collector)) log.info({ collector, reason }, 'a collector is off')
      this.saidDisabled.add(collector)
    }
    this.newest = snapshot
    log.debug({ as_of: snapshot.asOf, snapshot: snapshot.id }, 'refreshed')
    await this.catchUp(run, backlog)
  }

  /** Takes what the refresh left, bite by bite; when all is taken the next refresh comes at once. */
  private async catchUp(run: RefreshOptions, left: ReadonlyMap<View, number>): Promise<void> {
    if (left.size === 0) return
    let backlog = left
    run.log.info({ backlog: Object.fromEntries(backlog) }, 'more has changed than one refresh takes; catching up')
    while (backlog.size > 0 && !this.stopped && performance.now() < this.nextRefreshMs) backlog = await catchUp(run)
    if (backlog.size > 0) return
    run.log.info('caught up')
    this.nextRefreshMs = performance.now()
  }

  /** Compares the store with the views once a night, in chunks between which the figures are refreshed as usual. */
  private async reconcileAtNight(fence: Fence): Promise<void> {
    const { pool } = this
    const { settings, log, layout } = this.options
    if (!(await isReconcileDue(pool, settings, fence))) return
    log.info('the store is compared with the views')
    const statementTimeoutMs = Math.max(this.statementTimeoutMs, reconcileTimeoutMs)
    const onChunk = async () => {
      if (this.stopped) throw new Error('stopped')
      if (performance.now() < this.nextRefreshMs) return
      this.nextRefreshMs = performance.now() + settings.REFRESH_INTERVAL
      await this.refreshNow(fence)
    }
    await traced('reconcile', {}, () => reconcile({ pool, settings, log, layout, statementTimeoutMs, fence, onChunk }))
  }

  private logProgress({ fraction, secondsLeft, parts }: BuildProgress): void {
    if (performance.now() < this.nextProgressMs) return
    this.nextProgressMs = performance.now() + progressMs
    this.options.log.info(
      { percent: Math.round(fraction * 100), seconds_left: secondsLeft, parts },
      'history is being built',
    )
  }
}
