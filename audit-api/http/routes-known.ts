import type { FastifyReply, FastifyRequest } from 'fastify'
import type { HttpServer } from '../../lib/http-server.ts'
import { Problem, sendProblem } from './problem.ts'

/** A route as it was registered, with the methods it answers. */
export interface KnownRoute {
  url: string
  methods: readonly string[]
  /** Left out of the documentation. */
  hidden: boolean
}

/**
 * Collects the routes that are registered from here on, and answers what none of them takes: 405 with the methods of the
 * path where there is one, else 404.
 */
export function collectRoutes(server: HttpServer): readonly KnownRoute[] {
  const routes: KnownRoute[] = []
  server.addHook('onRoute', ({ url, method, schema }) => {
    routes.push({ url, methods: [method].flat(), hidden: schema?.hide === true })
  })
  server.setNotFoundHandler((request, reply) => sendProblem(reply, notTaken(routes, request, reply)))
  return routes
}

function notTaken(routes: readonly KnownRoute[], request: FastifyRequest, reply: FastifyReply): Problem {
  const path = decoded(request.url.split('?')[0] ?? '')
  const methods = new Set(routes.filter(({ url }) => pattern(url).test(path)).flatMap((route) => route.methods))
  // A route that takes the method and found nothing: a file of /docs that is not there.
  if (methods.size === 0 || methods.has(request.method))
    return new Problem(404, 'there is no such route; expected one of /openapi.json')
  const allowed = [...methods].sort().join(', ')
  reply.header('allow', allowed)
  return new Problem(405, `this route does not take ${request.method}; expected ${allowed}`)
}

/** `/dashboards/:uid/freshness` as an expression; only for answers to the mistaken, so it need not be quick. */
function pattern(url: string): RegExp {
  const source = url
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replace(/:[A-Za-z_]\w*/g, '[^/]+')
    .replace(/\*/g, '.*')
  return new RegExp(`^${source}$`)
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
