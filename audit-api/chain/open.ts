import type { Logger } from '../../lib/log.ts'
import { createPool } from '../../lib/postgres.ts'
import type { SettingsWith } from '../../lib/settings.ts'
import { openObjectStore } from '../object-store.ts'
import type { EventWriter } from '../queries/insert-events.ts'
import { retainMonths } from '../retention/retention.ts'
import { type Anchors, createAnchors } from './anchors.ts'
import type { ChainFigures } from './figures.ts'
import { startChainKeeper } from './keeper.ts'
import { repeat } from './sealer.ts'

/** What the service does for its log beside answering requests: sealing, verifying, anchoring, retention. */
export interface Chain {
  /** Where S3 is set. */
  anchors: Anchors | undefined
  start(writer: EventWriter, figures: ChainFigures): void
  /** Ends what is under way and lets go of everything; also where it was not started. */
  stop(): Promise<void>
}

const hourMs = 3_600_000

export function openChain(settings: SettingsWith<'AUDIT_DATABASE_URL'>, log: Logger, now: () => Date): Chain {
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
  const store = openObjectStore(settings)
  const anchors = store === undefined ? undefined : createAnchors(store)
  const months = settings.AUDIT_RETENTION_MONTHS
  let running: { stop(): Promise<void> }[] = []
  return {
    anchors,
    start: (writer, figures) => {
      running = [startChainKeeper({ pool, writer, figures, anchors, log, now })]
      if (months === undefined || store === undefined) return
      const work = async (): Promise<void> => {
        await retainMonths({ pool: retentionPool, writer, store, log, now, months })
      }
      running.push(repeat({ name: 'retention', everyMs: hourMs, log, work }))
    },
    stop: async () => {
      // An upload that is under way ends with its client; the month stays where it is.
      store?.client.destroy()
      await Promise.all(running.map((one) => one.stop()))
      await Promise.all([pool.end(), retentionPool.end()])
    },
  }
}
