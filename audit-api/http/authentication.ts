import type { FastifyRequest } from 'fastify'
import type { FailureLimit } from '../../lib/failure-limit.ts'
import type { HttpServer } from '../../lib/http-server.ts'
import type { Scope, TokenEntry, TokenStore } from '../tokens/tokens.ts'
import { Problem } from './problem.ts'

/** Who asks: a token, and behind Grafana's token a person. */
export interface Caller {
  token: TokenEntry
  /** The login behind a grafana token; undefined for other tokens and for the anonymous. */
  person: string | undefined
}

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | undefined
  }
  interface FastifyContextConfig {
    /** What the token must have. A route behind authentication that says nothing does not start. */
    scope?: Scope
    /** Holds what people did: through a grafana token for audit readers only. */
    forAuditReaders?: boolean
  }
}

/** What Grafana sends where it does not fill the header in: the request came by its proxy. */
const unexpandedLogin = '$' + '{__user.login}'

export interface TokenRules {
  tokens: TokenStore
  /** Told of every token that was shown and refused; never throws. */
  onRefusal: (request: FastifyRequest, refusal: Problem) => Promise<void>
  limitFailures: FailureLimit
}

/** Asks every route of this scope of the server for a token with the route's scope. */
export function requireTokens(server: HttpServer, { tokens, onRefusal, limitFailures }: TokenRules): void {
  server.decorateRequest('caller', undefined)
  server.addHook('onRoute', (route) => {
    if (route.config?.scope === undefined) throw new Error(`the route ${route.url} says no scope`)
  })
  server.addHook('onRequest', async (request, reply) => {
    try {
      const token = tokenOf(request, tokens)
      request.caller = { token, person: undefined }
      if (token.grafana) request.caller = { token, person: personBehind(request) }
      authorize(request.caller, request)
    } catch (error) {
      if (error instanceof Refusal) await onRefusal(request, error)
      if (error instanceof Problem && error.status === 401) await limitFailures(request, reply)
      throw error
    }
  })
}

/** Limits the requests of each token of this scope, to its own number where it has one. Behind `requireTokens`. */
export function limitRequests(server: HttpServer, perMinute: number): void {
  server.addHook(
    'onRequest',
    server.rateLimit({
      max: (request) => request.caller?.token.requests_per_minute ?? perMinute,
      timeWindow: 60_000,
      keyGenerator: (request) => `token ${request.caller?.token.id ?? request.ip}`,
      errorResponseBuilder: (_request, context) =>
        new Problem(429, `more than ${context.max} requests a minute; expected a pause of ${context.after}`),
    }),
  )
}

/** A token that was shown and refused, as against none at all. */
class Refusal extends Problem {}

const challenge = { headers: { 'www-authenticate': 'Bearer realm="Barometer"' } }

function tokenOf(request: FastifyRequest, tokens: TokenStore): TokenEntry {
  const { authorization } = request.headers
  if (authorization === undefined)
    throw new Problem(401, 'there is no token; expected the header Authorization: Bearer <token>', challenge)
  const presented = /^Bearer +([\x21-\x7e]+) *$/i.exec(authorization)?.[1]
  if (presented === undefined)
    throw new Refusal(401, 'the header Authorization is not right; expected Bearer <token>', challenge)
  const token = tokens.find(presented)
  if (token === undefined)
    throw new Refusal(401, 'the token is not known; expected one that was made and not revoked', challenge)
  return token
}

function authorize(caller: Caller, request: FastifyRequest): void {
  const { scope, forAuditReaders } = request.routeOptions.config
  if (scope === undefined) return
  // admin is a right of its own and not all the others: a token has what it was given.
  if (!caller.token.scopes.includes(scope)) {
    throw new Refusal(403, `the token ${caller.token.name} may not do this; expected one with the scope ${scope}`)
  }
  if (!forAuditReaders || !caller.token.grafana) return
  const readers = caller.token.audit_readers ?? []
  const { person } = caller
  if (person === undefined) throw new Refusal(403, 'nobody is logged in; expected an audit reader')
  if (!readers.includes(person) && !readers.includes('*')) {
    throw new Refusal(403, 'this person may not read it; expected one of the audit readers of the token')
  }
}

/**
 * The login. A viewer can add headers to a panel's query, but only behind Grafana's own, so the first X-Panel-User
 * counts. Where that one was not filled in, the request came by the proxy, which sets X-Grafana-User and strips what the
 * client sent; two values of it mean that somebody tried.
 */
function personBehind(request: FastifyRequest): string | undefined {
  const byProxy = headerValues(request, 'x-grafana-user')
  if (byProxy.length > 1 || byProxy.some((value) => value.includes(','))) {
    throw new Refusal(400, 'X-Grafana-User has two values; expected one', { field: 'X-Grafana-User' })
  }
  const first = headerValues(request, 'x-panel-user')[0]?.trim()
  const login = first === unexpandedLogin ? byProxy[0]?.trim() : first
  return login === undefined || login === '' ? undefined : login
}

/** The values as they came, in order; `headers` has them joined. Grafana sends logins in UTF-8, Node reads Latin-1. */
function headerValues(request: FastifyRequest, name: string): string[] {
  const { rawHeaders } = request.raw
  return rawHeaders
    .filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name)
    .map((value) => {
      const text = Buffer.from(value, 'latin1').toString('utf8')
      return text.includes('\ufffd') ? value : text
    })
}
