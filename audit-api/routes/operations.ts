import type { HttpServer } from '../../lib/http-server.ts'
import { type Pool, transaction } from '../../lib/postgres.ts'
import { messageOf } from '../../lib/user-error.ts'
import type { AuditMetrics } from '../metrics.ts'
import { Problem } from '../problem.ts'

/** `/livez`, `/readyz`, `/metrics` and `/openapi.json`: without a token. */
export function operationsRoutes(server: HttpServer, { pool, metrics }: { pool: Pool; metrics: AuditMetrics }): void {
  const hidden = { schema: { hide: true } }
  server.get('/livez', hidden, async (_request, reply) => reply.type('text/plain').send('ok\n'))

  server.get('/readyz', hidden, async (request, reply) => {
    try {
      await transaction(pool, 'BEGIN READ ONLY; SET LOCAL statement_timeout = 3000', (client) =>
        client.query('SELECT FROM barometer_audit.event LIMIT 0'),
      )
    } catch (error) {
      request.log.warn({ error: messageOf(error) }, 'not ready')
      throw new Problem(503, 'the audit log cannot be read: the database is away, or barometer migrate was not run', {
        headers: { 'retry-after': '5' },
      })
    }
    return reply.type('text/plain').send('ok\n')
  })

  server.get('/metrics', hidden, async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  )

  server.get('/openapi.json', hidden, async () => server.swagger())
}
