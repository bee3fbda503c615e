import { writtenRegistry } from '../../lib/exposition.ts'
import { createHttpServer, type Draining, type HttpServer, type Serving } from '../../lib/http-server.ts'
import type { Logger } from '../../lib/log.ts'
import { observeRequests } from '../../lib/request-metrics.ts'
import type { RunningProbes } from '../probes/index.ts'
import type { Refresher } from '../refresh/refresher.ts'
import type { Family } from '../store/figure.ts'
import { written } from '../store/written.ts'
import { landingPage } from './landing-page.ts'
import { createPage } from './page.ts'
import { createSelfMetrics } from './self-metrics.ts'

export interface ServeOptions {
  serving: Serving
  draining?: Draining
  log: Logger
  version: string
  refresher: Refresher
  probes: Pick<RunningProbes, 'families'>
  /** The figures of now; the same array while they are the same, so that they are rendered once. */
  figures: () => readonly Family[]
  /** Milliseconds since 1970. */
  now: () => number
}

const noFamilies: readonly Family[] = []

/** The exporter's routes. Nothing here asks the database: all comes from memory. */
export function createExporterServer(options: ServeOptions): HttpServer {
  const { refresher, version } = options
  const server = createHttpServer({
    serving: options.serving,
    log: options.log,
    ...(options.draining === undefined ? {} : { draining: options.draining }),
  })
  const self = createSelfMetrics({ version, leads: () => refresher.leads() })
  observeRequests(server, self.requestSeconds)
  refresher.onRefresh(self.observeRefresh)

  const figures = createPage({
    now: options.now,
    lasting: options.figures,
    fleeting: async () => writtenRegistry(await self.registry.getMetricsAsJSON()),
  })
  const probes = createPage({
    now: options.now,
    lasting: () => noFamilies,
    fleeting: async () => options.probes.families().map(written),
  })
  refresher.onChange(figures.prepare)
  server.addHook('onClose', async () => {
    figures.stop()
    probes.stop()
  })

  server.get('/metrics', figures.answer)
  server.get('/metrics/probes', probes.answer)
  server.get('/livez', async () => ({ status: 'alive' }))
  server.get('/readyz', async (_, reply) => {
    if (options.draining?.isOn() === true)
      return reply.code(503).send({ status: 'not ready', reason: 'it is stopping' })
    if (refresher.snapshot() !== undefined) return { status: 'ready' }
    return reply.code(503).send({ status: 'not ready', reason: refresher.cutOff() ?? 'the first refresh is not over' })
  })
  server.get('/', async (_, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .send(
        landingPage({ version, snapshot: refresher.snapshot(), leads: refresher.leads(), cutOff: refresher.cutOff() }),
      ),
  )
  return server
}
