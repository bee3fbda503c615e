import type { Logger } from '../lib/log.ts'
import { createPool } from '../lib/postgres.ts'
import { repeat } from '../lib/repeat.ts'
import type { Settings, SettingsWith } from '../lib/settings.ts'
import type { Anchors } from './chain/anchors.ts'
import type { ChainFigures } from './chain/figures.ts'
import { startChainKeeper } from './chain/keeper.ts'
import type { EventWriter } from './events/event-writer.ts'

/** What the service does for its log beside answering requests: sealing, verifying, anchoring, retention. */
export interface Upkeep {
  /** Where S3 is set. */
  anchors: Anchors | undefined
  start(writer: EventWriter, figures: ChainFigures): void
  /** Ends what is under way and lets go of everything; also where it was not started. */
  stop(): Promise<void>
}

const hourMs = 3_600_000

export async function openUpkeep(
  settings: SettingsWith<'AUDIT_DATABASE_URL'>,
  log: Logger,
  now: () => Date,
): Promise<Upkeep> {
  const connectionString = settings.AUDIT_DATABASE_URL
  const pool = createPool({
    connectionString,
    applicationName: 'barometer-audit-chain',
    connectionsMax: 6,
    // No step takes longer than its statement_timeout; a server that is frozen does not say so.
    queryTimeoutMs: 90_000,
  })
  // Writing a month may take long, so these have no time-out on our side.
  const retentionPool = createPool({
    connectionString,
    applicationName: 'barometer-audit-retention',
    connectionsMax: 2,
  })
  const outside = settings.S3_BUCKET === undefined ? undefined : await openOutside(settings)
  const anchors = outside?.anchors
  const months = settings.AUDIT_RETENTION_MONTHS
  let running: { stop(): Promise<void> }[] = []
  return {
    anchors,
    start: (writer, figures) => {
      running = [startChainKeeper({ pool, writer, figures, anchors, log, now })]
      if (months === undefined || outside === undefined) return
      const work = async (): Promise<void> => {
        await outside.retainMonths({ pool: retentionPool, writer, store: outside.store, log, now, months })
      }
      running.push(repeat({ name: 'retention', everyMs: hourMs, log, work }))
    },
    stop: async () => {
      // An upload that is under way ends with its client; the month stays where it is.
      outside?.store.client.destroy()
      await Promise.all(running.map((one) => one.stop()))
      await Promise.all([pool.end(), retentionPool.end()])
    },
  }
}

/** What keeps something in S3. Its SDK is a tenth of an idle service's memory, so it is loaded where it is used. */
async function openOutside(settings: Settings) {
  const [{ openObjectStore }, { createAnchors }, { retainMonths }] = await Promise.all([
    import('./storage/object-store.ts'),
    import('./chain/anchors.ts'),
    import('./retention/retention.ts'),
  ])
  const store = openObjectStore(settings)
  return store === undefined ? undefined : { store, anchors: createAnchors(store), retainMonths }
}
