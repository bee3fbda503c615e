import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { HttpServer } from '../../lib/http-server.ts'

/** What may stand for a request in a log line: short, printable, and no address of a person. */
const sane = /^[A-Za-z0-9][\w.:/+=-]{0,99}$/

/** The id that the client gave, where it is one that can be kept; else a new one. */
export function requestId(request: Pick<IncomingMessage, 'headers'>): string {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && sane.test(given) ? given : randomUUID()
}

/**
 * Every answer carries the id of its request, as every log line does. At level debug each request is one line, by ids
 * and the pattern of its route: what was asked for may name people.
 */
export function nameRequests(server: HttpServer): void {
  server.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    done()
  })
  server.addHook('onResponse', (request, reply, done) => {
    const { method, routeOptions, caller } = request
    request.log.debug(
      {
        method,
        route: routeOptions.url ?? 'none',
        status: reply.statusCode,
        elapsed_ms: Math.round(reply.elapsedTime),
        token_id: caller?.token.id,
      },
      'answered',
    )
    done()
  })
}
