import { Type } from 'typebox'
import { contentTypes, negotiate, render, writtenRegistry } from '../../lib/exposition.ts'
import type { Draining, HttpServer } from '../../lib/http-server.ts'
import { schemaVersion } from '../../lib/migrations.ts'
import { type Pool, transaction } from '../../lib/postgres.ts'
import type { ServiceRegistry } from '../../lib/service-metrics.ts'
import { messageOf } from '../../lib/user-error.ts'
import { auditMigrations } from '../migrations/migrate.ts'
import { Problem } from './problem.ts'
import { problem } from './problem-schema.ts'

const text = (description: string) => ({ description, content: { 'text/plain': { schema: Type.String() } } })
const exposition = {
  description: 'The Prometheus exposition, in the format that Accept asks for.',
  content: {
    'text/plain': { schema: Type.String() },
    'application/openmetrics-text': { schema: Type.String() },
  },
}
const open = { tags: ['operations'], security: [] }
const failed = { 500: problem('An unexpected error.') }

/** `/livez`, `/readyz`, `/metrics` and `/openapi.json`: without a token. */
export function operationsRoutes(
  server: HttpServer,
  { pool, registry, draining }: { pool: Pool; registry: ServiceRegistry; draining?: Draining | undefined },
): void {
  server.get(
    '/livez',
    { schema: { ...open, summary: 'Whether the process lives', response: { 200: text('It does.'), ...failed } } },
    async (_request, reply) => reply.type('text/plain').send('ok\n'),
  )

  const ready = shared(() =>
    transaction(pool, 'BEGIN READ ONLY; SET LOCAL statement_timeout = 3000', (client) =>
      client.query('SELECT FROM barometer_audit.event LIMIT 0').then(() => schemaVersion(client, auditMigrations)),
    ),
  )
  const notReady = problem('The service is stopping, the database is away, or barometer migrate was not run.')
  const readiness = { 200: text('It can.'), 503: notReady, ...failed }
  server.get(
    '/readyz',
    { schema: { ...open, summary: 'Whether the log can be read', response: readiness } },
    async (request, reply) => {
      if (draining?.isOn() === true) throw new Problem(503, 'the service is stopping; expected another to be asked')
      try {
        const { missing } = await ready()
        if (missing.length > 0) throw new Error(`the migration ${missing[0]} was not run`)
      } catch (error) {
        request.log.warn({ error: messageOf(error) }, 'not ready')
        throw new Problem(503, 'the audit log cannot be read: the database is away, or barometer migrate was not run', {
          headers: { 'retry-after': '5' },
        })
      }
      return reply.type('text/plain').send('ok\n')
    },
  )

  const figures = {
    200: exposition,
    401: problem('With --basic-auth-file or --bearer-token-file only.'),
    429: problem('The same, after many requests without a right one.'),
    ...failed,
  }
  server.get(
    '/metrics',
    { schema: { ...open, summary: "The service's own figures", response: figures } },
    async (request, reply) => {
      const format = negotiate(request.headers.accept)
      const families = writtenRegistry(await registry.getMetricsAsJSON())
      return reply.header('vary', 'accept').type(contentTypes[format]).send(render(families, format))
    },
  )

  const itself = { 200: Type.Object({}, { additionalProperties: true, description: 'OpenAPI 3.1.' }), ...failed }
  server.get('/openapi.json', { schema: { ...open, summary: 'This document', response: itself } }, async () => ({
    ...server.swagger(),
  }))
}

/** Runs once for all who ask meanwhile: anybody may ask without a token, and the pool is for those who have one. */
function shared<Result>(work: () => Promise<Result>): () => Promise<Result> {
  let running: Promise<Result> | undefined
  return () => {
    running ??= work().finally(() => {
      running = undefined
    })
    return running
  }
}
