import { performance } from 'node:perf_hooks'
import type { Logger } from '../../lib/log.ts'
import { refuseNewer } from '../../lib/migrations.ts'
import { createPool } from '../../lib/postgres.ts'
import type { SettingsWith } from '../../lib/settings.ts'
import { traced } from '../../lib/tracing.ts'
import { messageOf } from '../../lib/user-error.ts'
import { type BuildProgress, buildStore } from '../store/build.ts'
import { isReconcileDue } from '../store/drift.ts'
import type { Collector } from '../store/figure.ts'
import { migrateStore, storeMigrations } from '../store/migrate.ts'
import { reconcile } from '../store/reconcile.ts'
import { readSnapshot, type Snapshot } from '../store/snapshot.ts'
import { createLeadership } from './leader.ts'
import { type RefreshRun, refresh } from './refresh.ts'

export interface RefresherOptions {
  settings: SettingsWith<'DATABASE_URL'>
  collectors: readonly Collector[]
  log: Logger
  replicaId: string
  /** How often a replica looks for a newer snapshot, and for a lead that is free. */
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
/** 60 s: a refresh a minute is the rhythm, and what takes longer than that is not to hold the others up. */
const statementTimeoutMsDefault = 60_000
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
  const { settings, log } = options
  const statementTimeoutMs = options.statementTimeoutMs ?? statementTimeoutMsDefault
  const queryTimeoutMs = statementTimeoutMs + graceMs
  const pool = createPool({
    connectionString: settings.DATABASE_URL,
    applicationName: 'barometer-exporter',
    connectionsMax: 3,
    queryTimeoutMs,
  })
  const leadership = createLeadership({
    connectionString: settings.DATABASE_URL,
    storeSchema: settings.STORE_SCHEMA,
    timeoutMs: 10_000,
  })
  const state = {
    snapshot: undefined as Snapshot | undefined,
    cutOff: undefined as string | undefined,
    migrated: false,
  }
  const listeners: (() => void)[] = []
  const refreshListeners: ((run: RefreshRun) => void)[] = []
  const saidDisabled = new Set<string>()
  let nextRefreshMs = 0
  let stopped = false
  let timer: NodeJS.Timeout | undefined

  async function step(): Promise<void> {
    if (!state.migrated) {
      await migrateStore(settings)
      state.migrated = true
    }
    const led = leadership.held()
    const leads = await leadership.claim()
    if (leads !== led) log.info({ leads }, leads ? 'this replica leads' : 'another replica leads')
    if (leads && performance.now() >= nextRefreshMs) {
      nextRefreshMs = performance.now() + settings.REFRESH_INTERVAL
      await giveWayToNewer()
      await refreshNow()
      await reconcileAtNight()
    } else {
      state.snapshot = (await readSnapshot(pool, settings.STORE_SCHEMA, state.snapshot?.id)) ?? state.snapshot
    }
  }

  /** While versions change, a newer replica has migrated the store under an older one that led: the newer one is to lead. */
  async function giveWayToNewer(): Promise<void> {
    try {
      await refuseNewer(pool, storeMigrations(settings.STORE_SCHEMA))
    } catch (error) {
      await leadership.release()
      throw error
    }
  }

  async function refreshNow(): Promise<void> {
    const built = await traced('build', {}, () =>
      buildStore({
        ...{ pool, settings, log, statementTimeoutMs },
        onProgress: logProgress,
        // A long build gives way to the refreshes of what is built already.
        pauseAfterMs: Math.max(settings.REFRESH_INTERVAL, buildMsMin),
        isStopped: () => stopped,
      }),
    )
    const { snapshot, disabled } = await refresh({
      ...{ pool, settings, log, statementTimeoutMs, notBuilt: built.failures },
      collectors: options.collectors,
      replicaId: options.replicaId,
      monotonicSeconds: () => performance.now() / 1_000,
      onEnd: (run) => {
        for (const listener of refreshListeners) listener(run)
      },
    })
    for (const [collector, reason] of disabled) {
      if (!saidDisabled.has(collector)) log.info({ collector, reason }, 'a collector is off')
      saidDisabled.add(collector)
    }
    state.snapshot = snapshot
    log.debug({ as_of: snapshot.asOf, snapshot: snapshot.id }, 'refreshed')
  }

  /** Compares the store with the views once a night, in chunks between which the figures are refreshed as usual. */
  async function reconcileAtNight(): Promise<void> {
    if (!(await isReconcileDue(pool, settings.STORE_SCHEMA, settings.REPORTING_TIMEZONE))) return
    log.info('the store is compared with the views')
    await traced('reconcile', {}, () =>
      reconcile({
        ...{ pool, settings, log, statementTimeoutMs: Math.max(statementTimeoutMs, reconcileTimeoutMs) },
        onChunk: async () => {
          if (stopped) throw new Error('stopped')
          if (performance.now() < nextRefreshMs) return
          nextRefreshMs = performance.now() + settings.REFRESH_INTERVAL
          await refreshNow()
        },
      }),
    )
  }

  let nextProgressMs = 0
  function logProgress({ fraction, secondsLeft, parts }: BuildProgress): void {
    if (performance.now() < nextProgressMs) return
    nextProgressMs = performance.now() + progressMs
    log.info({ percent: Math.round(fraction * 100), seconds_left: secondsLeft, parts }, 'history is being built')
  }

  async function run(): Promise<void> {
    try {
      await step()
      if (state.cutOff !== undefined) log.info('the store can be reached again')
      state.cutOff = undefined
    } catch (error) {
      const reason = messageOf(error)
      if (state.cutOff !== reason && !stopped)
        log.error({ error: reason }, 'the figures cannot be refreshed; the last good ones serve')
      state.cutOff = reason
    }
    for (const listener of listeners) listener()
    if (!stopped) timer = setTimeout(next, waitMs())
  }

  function waitMs(): number {
    const pollMs = Math.min(options.pollMs ?? pollMsDefault, settings.REFRESH_INTERVAL)
    return leadership.held() && state.cutOff === undefined
      ? Math.max(0, Math.min(pollMs, nextRefreshMs - performance.now()))
      : pollMs
  }

  let underway: Promise<void> = Promise.resolve()
  function next(): void {
    underway = run()
  }
  next()

  return {
    snapshot: () => state.snapshot,
    leads: () => leadership.held(),
    cutOff: () => state.cutOff,
    onChange: (listener) => {
      listeners.push(listener)
    },
    onRefresh: (listener) => {
      refreshListeners.push(listener)
    },
    stop: async () => {
      stopped = true
      clearTimeout(timer)
      await leadership.release()
      // What is under way fails on its closed connection and is rolled back; 3 s are enough for a short one to end well.
      await Promise.race([underway, new Promise((done) => setTimeout(done, 3_000).unref())])
      await Promise.race([pool.end(), new Promise((done) => setTimeout(done, 2_000).unref())])
    },
  }
}
