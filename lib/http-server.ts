import type { RequestListener, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Server as TlsServer } from 'node:tls'
import rateLimit from '@fastify/rate-limit'
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import { type FastifyBaseLogger, type FastifyServerOptions, fastify, LogController } from 'fastify'
import type { HttpServer } from './fastify-instance.ts'
import { guard } from './guard.ts'
import type { Logger } from './log.ts'
import { openTls, type TlsFiles } from './tls-server.ts'
import { messageOf, UserError } from './user-error.ts'
import type { ListenAddress } from './variables.ts'

export type { HttpServer } from './fastify-instance.ts'

/** How a service is reached: the same flags for every service. */
export interface Serving extends TlsFiles {
  listen: ListenAddress
  /** A file of users and their bcrypt hashes; with it every route but the health checks asks for them. */
  basicAuthFile?: string | undefined
  /** A file of tokens, one a line; with it every route but the health checks asks for one of them, or for a password. */
  bearerTokenFile?: string | undefined
  /** How long `/readyz` says that it is stopping before the service lets nobody in any more; 0 where it is left out. */
  drainMs?: number | undefined
}

/** Whether a service is about to stop: it answers as before, and asks its clients to go elsewhere. */
export interface Draining {
  readonly isOn: () => boolean
  /** Resolves when those who ask `/readyz` had the time to hear of it. */
  begin(): Promise<void>
}

export function createDraining({ drainMs = 0 }: Pick<Serving, 'drainMs'>): Draining {
  let on = false
  return {
    isOn: () => on,
    begin: async () => {
      on = true
      await sleep(drainMs)
    },
  }
}

/** Paths that orchestrators ask without credentials. */
export const openPaths: readonly string[] = ['/livez', '/readyz']

export interface HttpServerOptions {
  serving: Serving
  log: Logger
  bodyLimitBytes?: number
  /** The only paths that the files guard, where a service has other credentials for the rest. */
  guardedPaths?: readonly string[]
  draining?: Draining
  /** How requests are named, and what is answered where no route has been reached. */
  framework?: Pick<FastifyServerOptions, 'genReqId' | 'frameworkErrors' | 'clientErrorHandler'>
}

/**
 * 10 s for the head and 30 s for the whole request, looked at every second: a client that sends a byte at a time (slow
 * loris) is cut off, and 1 MiB still passes at 280 kbit/s. Node alone would look every 30 s.
 */
const patience = { headersTimeout: 10_000, connectionsCheckingInterval: 1_000 }
const limits = { requestTimeout: 30_000, connectionTimeout: 60_000, keepAliveTimeout: 65_000 }

/**
 * A Fastify server with TypeBox validation, TLS and authentication as asked for, and no stack trace in any answer.
 * @throws {UserError} for a certificate, key or password file that is not there or not usable.
 */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  // Named as Fastify's own type: plugins are typed for servers with that logger.
  const logger: FastifyBaseLogger = options.log
  const server = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    bodyLimit: options.bodyLimitBytes ?? 1_048_576,
    ...limits,
    forceCloseConnections: 'idle',
    ...options.framework,
    ...transport(options.serving, options.log),
  }).withTypeProvider<TypeBoxTypeProvider>()
  server.setValidatorCompiler(TypeBoxValidatorCompiler)
  server.addHook('onSend', async (_request, reply) => {
    // A connection that is kept would be cut when the service closes, under the client's next request.
    if (options.draining?.isOn() === true) reply.header('connection', 'close')
  })
  endConnections({ server: server.server, addHook: (name, hook) => server.addHook(name, hook) })
  // Of no route by itself: what is to be limited says so.
  server.register(rateLimit, { global: false })
  const { guardedPaths } = options
  guard(server, {
    ...options.serving,
    isOpen: (route) => (guardedPaths === undefined ? openPaths.includes(route) : !guardedPaths.includes(route)),
    log: options.log,
  })
  return server
}

/**
 * Listens and says where.
 * @returns the address as a URL, with the port that was taken where 0 was asked for.
 * @throws {UserError} where the port is in use, or may not be listened on.
 */
export async function listen(
  server: { listen(options: ListenAddress): Promise<string> },
  serving: Serving,
  variable: string,
): Promise<string> {
  const { host, port } = serving.listen
  try {
    return await server.listen({ host, port })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    const reason =
      code === 'EADDRINUSE'
        ? 'the port is in use; expected a free one'
        : code === 'EACCES'
          ? 'not allowed; expected a port above 1023, or the right to use this one'
          : code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND'
            ? 'this machine has no such address; expected one of its own'
            : messageOf(error)
    throw new UserError(`${variable}: cannot listen on ${host}:${port}: ${reason}`, { exitCode: 1, cause: error })
  }
}

/**
 * At the end, connections that have asked nothing yet are cut, and the others with their answer: Node waits a minute for
 * either, so that a port scan, a browser that connects ahead, or a scrape under way would have the service end late.
 */
function endConnections({
  server,
  addHook,
}: {
  server: Server
  addHook: (name: 'preClose', hook: PreClose) => unknown
}) {
  const silent = new Set<Socket>()
  const underWay = new Set<ServerResponse>()
  server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
    silent.add(socket)
    socket.once('close', () => silent.delete(socket))
  })
  server.on('request', ({ socket }, response) => {
    silent.delete(socket)
    underWay.add(response)
    response.once('close', () => underWay.delete(response))
  })
  addHook('preClose', (done) => {
    for (const socket of silent) socket.destroy()
    for (const response of underWay) {
      response.shouldKeepAlive = false
      response.once('finish', () => response.socket?.end())
    }
    done()
  })
}
type PreClose = (done: () => void) => void

/** The type leaves `http`, the timeouts and the factory out: with them Fastify's own types take the server for one that is always TLS. */
function transport(serving: Serving, log: Logger): { https: object } | { https: null } {
  const openServer = openTls(serving, log)
  const plain = { https: null, http: patience }
  if (openServer === undefined) return plain
  const serverFactory = (handler: RequestListener) => {
    const server = openServer({ handshakeTimeout: patience.headersTimeout, ...patience }, handler)
    server.requestTimeout = limits.requestTimeout
    server.keepAliveTimeout = limits.keepAliveTimeout
    server.setTimeout(limits.connectionTimeout)
    return server
  }
  const overTls = { https: {}, serverFactory }
  return overTls
}
