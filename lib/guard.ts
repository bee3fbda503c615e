import basicAuth from '@fastify/basic-auth'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { openBearerTokens } from './bearer-tokens.ts'
import { createFailureLimit, type FailureLimit } from './failure-limit.ts'
import type { HttpServer } from './fastify-instance.ts'
import type { Logger } from './log.ts'
import { openPasswordFile, TooManyWaiting } from './passwords.ts'

export interface GuardOptions {
  basicAuthFile?: string | undefined
  bearerTokenFile?: string | undefined
  /** By the route that was found and not the path as it was written, of which /%6Detrics is another spelling. */
  isOpen: (route: string) => boolean
  log: Logger
}

/**
 * Asks every route that is not open for a password or a token, whichever of the two files is given; with both, either will do.
 * @throws {UserError} for a file that is not there or not right.
 */
export function guard(server: HttpServer, options: GuardOptions): void {
  const { basicAuthFile, bearerTokenFile, isOpen, log } = options
  if (basicAuthFile === undefined && bearerTokenFile === undefined) return
  const passwords = basicAuthFile === undefined ? undefined : openPasswordFile(basicAuthFile, log)
  const isToken = bearerTokenFile === undefined ? undefined : openBearerTokens(bearerTokenFile, log)
  const challenges = [
    ...(isToken === undefined ? [] : ['Bearer realm="Barometer"']),
    ...(passwords === undefined ? [] : ['Basic realm="Barometer", charset="UTF-8"']),
  ]
  let limit: FailureLimit

  if (passwords !== undefined) {
    server.register(basicAuth, {
      validate: async (user, password, request, reply) => {
        if (passwords.known(user, password)) return
        await limit(request, reply)
        if (!(await passwords.verify(user, password).catch((error: unknown) => busy(error, reply)))) throw refused()
      },
      authenticate: false,
    })
  }

  async function check(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const [, scheme = '', presented = ''] = /^(\S+) +(\S+) *$/.exec(request.headers.authorization ?? '') ?? []
    if (/^basic$/i.test(scheme) && passwords !== undefined) {
      await new Promise<void>((resolve, reject) => {
        server.basicAuth(request, reply, (error) => (error === undefined ? resolve() : reject(error)))
      })
      return
    }
    if (/^bearer$/i.test(scheme) && isToken?.(presented)) return
    await limit(request, reply)
    throw refused()
  }

  server.after(() => {
    limit = createFailureLimit(server)
    server.addHook('onRequest', async (request, reply) => {
      if (isOpen(request.routeOptions.url ?? '')) return
      try {
        await check(request, reply)
      } catch (error) {
        if (error instanceof Error && 'statusCode' in error && error.statusCode === 401) {
          reply.header('www-authenticate', challenges)
        }
        throw error
      }
    })
  })
}

function refused(): Error {
  return Object.assign(new Error('there is no right password or token; expected one'), { statusCode: 401 })
}

/** Nothing was looked at: whoever has the right password should come again. */
function busy(error: unknown, reply: FastifyReply): never {
  if (!(error instanceof TooManyWaiting)) throw error
  reply.header('retry-after', '1')
  throw Object.assign(new Error('too many passwords are being checked'), { statusCode: 503 })
}
