import type { FastifyReply, FastifyRequest } from 'fastify'
import type { HttpServer } from './fastify-instance.ts'

/**
 * To be called for each request that is about to be refused, or that costs a look at whether it is to be: counts it for its
 * address (of IPv6 the /64, all of which one machine has to choose from).
 * @throws an error with the status 429, and a Retry-After on the reply, where there were too many in this minute.
 */
export type FailureLimit = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

/** A board with a revoked token asks some 30 things at once; who tries passwords or tokens asks thousands. */
export const failuresPerMinute = 60

/**
 * Counts what came without a right token or password. Whoever has a right one is not counted and never refused for it,
 * since many may share an address with the one who has not.
 */
export function createFailureLimit(server: HttpServer, max: number = failuresPerMinute): FailureLimit {
  const count = server.createRateLimit({ max, timeWindow: 60_000 })
  return async (request, reply) => {
    const found = await count(request)
    if (found.isAllowed || !found.isExceeded) return
    reply.header('retry-after', String(found.ttlInSeconds))
    const detail = `more than ${max} requests a minute without a right token or password`
    throw Object.assign(new Error(`${detail}; expected a pause of ${found.ttlInSeconds} s`), { statusCode: 429 })
  }
}
