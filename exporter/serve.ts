import { gzipSync } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { createHttpServer, type HttpServer, type Serving } from '../lib/http-server.ts'
import type { Logger } from '../lib/log.ts'
import { observeRequests } from '../lib/request-metrics.ts'
import type { Family } from './collector.ts'
import { contentTypes, type Format, negotiate, render, type Written, written, writtenRegistry } from './exposition.ts'
import { landingPage } from './landing-page.ts'
import type { RunningProbes } from './probes/index.ts'
import type { Refresher } from './refresh/refresher.ts'
import { createSelfMetrics } from './self-metrics.ts'

export interface ServeOptions {
  serving: Serving
  log: Logger
  version: string
  refresher: Refresher
  probes: Pick<RunningProbes, 'families'>
  /** The figures of now; staleness is judged by the clock that this reads. */
  figures: () => readonly Family[]
  /** Milliseconds since 1970. */
  now: () => number
}

/** 1 s: fifty scrapers at once are answered by one rendering, and no figure is older than that. */
const renderedForMs = 1_000

/** The exporter's routes. Nothing here asks the database: all comes from memory. */
export function createExporterServer(options: ServeOptions): HttpServer {
  const { refresher, version } = options
  const server = createHttpServer({ serving: options.serving, log: options.log })
  const self = createSelfMetrics({ version, leads: refresher.leads })
  observeRequests(server, self.requestSeconds)

  const figures = createPage(options.now, async () => [
    ...options.figures().map(written),
    ...writtenRegistry(await self.registry.getMetricsAsJSON()),
  ])
  const probes = createPage(options.now, async () => options.probes.families().map(written))
  refresher.onChange(figures.forget)

  server.get('/metrics', figures.answer)
  server.get('/metrics/probes', probes.answer)
  server.get('/livez', async () => ({ status: 'alive' }))
  server.get('/readyz', async (_, reply) => {
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

/** A page in both formats, plain and compressed, rendered at most once a second for all who ask. */
function createPage(now: () => number, families: () => Promise<Written[]>) {
  const rendered = new Map<string, { untilMs: number; body: Promise<Buffer> }>()

  function body(format: Format, compressed: boolean): Promise<Buffer> {
    const key = `${format} ${compressed}`
    const known = rendered.get(key)
    if (known !== undefined && known.untilMs > now()) return known.body
    const fresh = compressed
      ? // Level 1: a scrape's text shrinks tenfold already, and more costs more than it saves.
        body(format, false).then((plain) => gzipSync(plain, { level: 1 }))
      : families().then((all) => Buffer.from(render(all, format)))
    rendered.set(key, { untilMs: now() + renderedForMs, body: fresh })
    return fresh
  }

  return {
    forget: () => rendered.clear(),
    answer: async (request: FastifyRequest, reply: FastifyReply) => {
      const format = negotiate(request.headers.accept)
      const compressed = /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(String(request.headers['accept-encoding'] ?? ''))
      reply.header('content-type', contentTypes[format]).header('vary', 'accept, accept-encoding')
      if (compressed) reply.header('content-encoding', 'gzip')
      return reply.send(await body(format, compressed))
    },
  }
}
