import { createDraining, listen, type Serving } from '../lib/http-server.ts'
import type { Logger } from '../lib/log.ts'
import { createPool } from '../lib/postgres.ts'
import type { SettingsWith } from '../lib/settings.ts'
import { messageOf } from '../lib/user-error.ts'
import { openAnalytics } from './analytics/create.ts'
import { createApp } from './app.ts'
import { startErrorUpkeep } from './errors/upkeep.ts'
import { exportsMax } from './events/export/export.ts'
import { openTokensFile } from './tokens/tokens.ts'
import { openUpkeep } from './upkeep.ts'

/** The variables without which the service does not start. */
export const auditApiVariables = ['AUDIT_DATABASE_URL', 'AUDIT_TOKENS_FILE'] as const

export interface AuditApiOptions {
  settings: SettingsWith<(typeof auditApiVariables)[number]>
  serving: Serving
  log: Logger
}

export interface RunningAuditApi {
  /** Where it listens, as a URL. */
  address: string
  /** Answers what is under way, for ten seconds at most, and lets go of everything. */
  stop(): Promise<void>
}

const hourMs = 3_600_000
/** Of statements that set none themselves. None may take longer on the server; one that is frozen does not say so. */
const statementLimits = { statementTimeoutMs: 10_000, queryTimeoutMs: 35_000 }
const stopTimeoutMs = 10_000

/**
 * Starts the audit API; whoever starts it stops it, on SIGTERM or when done. With the database away it starts and is not ready.
 * @throws {UserError} for a tokens file, certificate or port that cannot be used.
 */
export async function startAuditApi({ settings, serving, log }: AuditApiOptions): Promise<RunningAuditApi> {
  const draining = createDraining(serving)
  const tokens = openTokensFile(settings.AUDIT_TOKENS_FILE, log)
  const connectionString = settings.AUDIT_DATABASE_URL
  const pool = createPool({
    connectionString,
    applicationName: 'barometer-audit-api',
    connectionsMax: 10,
    ...statementLimits,
  })
  // More at once only get in each other's way: with 4 a machine of 2 cores stored 7 % more than with 10, and readers do not
  // wait behind them.
  const ingestPool = createPool({
    connectionString,
    applicationName: 'barometer-audit-ingest',
    connectionsMax: 4,
    ...statementLimits,
  })
  // An export takes as long as its reader, and holds no connection that others wait for.
  const exportPool = createPool({
    connectionString,
    applicationName: 'barometer-audit-export',
    connectionsMax: exportsMax,
  })
  const pools = [pool, ingestPool, exportPool]
  const analytics = openAnalytics(settings)
  const now = () => new Date()
  const upkeep = await openUpkeep(settings, log, now)
  const { server, writer, errorLog, ...app } = await createApp({
    ...{ pool, ingestPool, exportPool, tokens, log, now, serving, draining, analytics },
    ...(upkeep.anchors === undefined ? {} : { anchors: upkeep.anchors }),
  })
  const makePartitions = () =>
    writer.ensureMonthsAhead().catch((error: unknown) => {
      log.error({ error: messageOf(error) }, 'the partitions of the coming months could not be made')
    })
  let address: string
  try {
    address = await listen(server, serving, 'AUDIT_LISTEN')
  } catch (error) {
    await Promise.all([...pools.map((one) => one.end()), analytics.store?.end(), upkeep.stop()])
    throw error
  }
  void makePartitions()
  const partitions = setInterval(makePartitions, hourMs)
  const errorUpkeep = startErrorUpkeep(errorLog, log)
  upkeep.start(writer, app.chain)

  return {
    address,
    stop: async () => {
      await draining.begin()
      clearInterval(partitions)
      errorUpkeep.stop()
      // An export may have half an hour to go; it is cut, visibly, and the client begins again.
      const cut = setTimeout(() => server.server.closeAllConnections(), stopTimeoutMs)
      await server.close()
      clearTimeout(cut)
      await upkeep.stop()
      await Promise.all([...pools.map((one) => one.end()), analytics.store?.end()])
    },
  }
}
