import { httpServerRequestDurationSeconds } from '../catalogue/infrastructure.ts'
import { createFailureLimit } from '../lib/failure-limit.ts'
import { createHttpServer, type Draining, type HttpServer, type Serving } from '../lib/http-server.ts'
import type { Logger } from '../lib/log.ts'
import type { Pool } from '../lib/postgres.ts'
import { observeRequests } from '../lib/request-metrics.ts'
import { addRequestSeconds, createServiceRegistry } from '../lib/service-metrics.ts'
import { type AnalyticsSources, createAnalytics } from './analytics/create.ts'
import { analyticsRoutes } from './analytics/routes.ts'
import { analyticsEventsRoutes } from './analytics/usage/routes.ts'
import type { Anchors } from './chain/anchors.ts'
import { type ChainFigures, createChainFigures } from './chain/figures.ts'
import { verifyRoute } from './chain/verify-route.ts'
import { createErrorWriter } from './errors/error-queries.ts'
import { errorsRoutes } from './errors/routes.ts'
import { createErrorSeries } from './errors/series.ts'
import type { ErrorLog } from './errors/upkeep.ts'
import { createActionLog } from './events/action-log.ts'
import { createEventWriter, type EventWriter } from './events/event-writer.ts'
import { exportRoute } from './events/export/export.ts'
import { facetsRoute } from './events/facets.ts'
import { ingestRoute } from './events/ingest.ts'
import { listRoute } from './events/list.ts'
import { createEventMetrics } from './events/metrics.ts'
import { pagesRoute } from './events/pages.ts'
import { createRefusals, type Refusals } from './events/refusals.ts'
import { limitRequests, requireTokens } from './http/authentication.ts'
import { documentRoutes } from './http/documentation.ts'
import { acceptJsonBodies } from './http/json-body.ts'
import { operationsRoutes } from './http/operations.ts'
import { handleError } from './http/problem.ts'
import { nameRequests } from './http/request-ids.ts'
import { collectRoutes, type KnownRoute } from './http/routes-known.ts'
import { framework } from './http/unroutable.ts'
import type { TokenStore } from './tokens/tokens.ts'

export interface AppOptions {
  /** Connected as the service's role. */
  pool: Pool
  /** The same, for storing events: `pool` where it is left out. */
  ingestPool?: Pool
  /** The same, for files, whose statements have no end but the reader's: `pool` where it is left out. */
  exportPool?: Pool
  tokens: TokenStore
  log: Logger
  now: () => Date
  /** Where it will listen, TLS, and authentication of `/metrics`; the tests leave it out and inject. */
  serving?: Serving
  draining?: Draining
  /** For tokens that say nothing themselves. 12,000 a minute are 200 a second: two times what a busy ingest sends in batches. */
  requestsPerMinute?: number
  /** For an address whose requests have no right token; the lib's own number where it is left out. */
  failuresPerMinute?: number
  /** Where the analytics are read; without them their routes say what to set. */
  analytics?: AnalyticsSources
  /** Heads of the chain outside the database, where S3 is set. */
  anchors?: Anchors
}

export interface AuditApp {
  server: HttpServer
  writer: EventWriter
  errorLog: ErrorLog
  /** Every route, as it was registered. */
  routes: readonly KnownRoute[]
  /** What `/metrics` says of the chain. */
  chain: ChainFigures
}

const bodyMaxBytes = 1_048_576
const injected: Serving = { listen: { host: '127.0.0.1', port: 0 } }

/** The whole service but its process: routes over a pool, a token store and a clock. Not yet listening. */
export async function createApp(options: AppOptions): Promise<AuditApp> {
  const { pool, log, now } = options
  const registry = createServiceRegistry()
  const writer = createEventWriter(options.ingestPool ?? pool)
  const actions = createActionLog(writer, now)
  const errors = createErrorWriter(pool)
  const series = createErrorSeries(pool, registry)
  const metrics = createEventMetrics(registry)
  const analytics = createAnalytics({ ...options.analytics, pool, registry, now })
  const chain = createChainFigures(registry)
  const server = openServer(options)
  const routes = collectRoutes(server)
  observeRequests(server, addRequestSeconds(registry, httpServerRequestDurationSeconds))
  nameRequests(server)
  acceptJsonBodies(server)
  await documentRoutes(server, { overTls: options.serving?.tlsKeyFile !== undefined })
  const refusals = createRefusals(actions, now, log)
  flushRefusals(server, refusals)
  operationsRoutes(server, { pool, registry, draining: options.draining })
  await server.register(
    async (v1: HttpServer) => {
      const limitFailures = createFailureLimit(v1, options.failuresPerMinute)
      requireTokens(v1, { tokens: options.tokens, onRefusal: refusals.add, limitFailures })
      limitRequests(v1, options.requestsPerMinute ?? 12_000)
      ingestRoute(v1, { writer, metrics, now })
      listRoute(v1, { pool })
      facetsRoute(v1, { pool })
      pagesRoute(v1, { pool })
      exportRoute(v1, { pool: options.exportPool ?? pool, actions, metrics, now })
      errorsRoutes(v1, { pool, writer: errors, series, now })
      analyticsRoutes(v1, analytics)
      analyticsEventsRoutes(v1, { ...analytics, pool, now })
      verifyRoute(v1, { pool, actions, anchors: options.anchors })
    },
    { prefix: '/v1' },
  )
  const errorLog = { refreshSeries: series.refresh, keepDays: errors.keepDays }
  return { server, writer, errorLog, routes, chain }
}

function openServer({ serving = injected, log, draining }: AppOptions): HttpServer {
  const server = createHttpServer({
    serving,
    log,
    bodyLimitBytes: bodyMaxBytes,
    // The API has its tokens; what the flags ask for is for the figures.
    guardedPaths: ['/metrics'],
    framework,
    ...(draining === undefined ? {} : { draining }),
  })
  server.setErrorHandler(handleError)
  return server
}

/** Stores the counts of refused tokens as their minutes end, and all of them at the end. */
function flushRefusals(server: HttpServer, refusals: Refusals): void {
  const counting = setInterval(() => refusals.flush(), 10_000).unref()
  server.addHook('onClose', async () => {
    clearInterval(counting)
    await refusals.flush(true)
  })
}
