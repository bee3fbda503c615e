import type { FastifyInstance } from 'fastify'
import type { Histogram } from 'prom-client'

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE']

/**
 * Times every request by the OpenTelemetry convention, in seconds, under the pattern of its route: a path or a method of
 * the client's making is never a label.
 */
export function observeRequests(server: Pick<FastifyInstance, 'addHook'>, requestSeconds: Histogram): void {
  server.addHook('onResponse', (request, reply, done) => {
    requestSeconds.observe(
      {
        http_request_method: methods.includes(request.method) ? request.method : '_OTHER',
        http_route: request.routeOptions.url ?? 'none',
        http_response_status_code: reply.statusCode,
      },
      reply.elapsedTime / 1_000,
    )
    done()
  })
}
