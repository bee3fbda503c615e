import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import basicAuth from '@fastify/basic-auth'
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import { type FastifyBaseLogger, type FastifyServerOptions, fastify, LogController } from 'fastify'
import type { Logger } from './log.ts'
import { sameSecret } from './secrets.ts'
import { messageOf, UserError } from './user-error.ts'
import type { ListenAddress } from './variables.ts'

/** How a service is reached: the same flags for every service. */
export interface Serving {
  listen: ListenAddress
  /** PEM files; both or neither. */
  tlsCertificateFile?: string | undefined
  tlsKeyFile?: string | undefined
  /** A file with one line `user:password`; with it every route but the health checks asks for them. */
  basicAuthFile?: string | undefined
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

export type HttpServer = ReturnType<typeof createHttpServer>

/** Paths that orchestrators ask without credentials. */
export const openPaths: readonly string[] = ['/livez', '/readyz']

export interface HttpServerOptions {
  serving: Serving
  log: Logger
  bodyLimitBytes?: number
  /** The only paths that basic authentication guards, where a service has other credentials for the rest. */
  basicAuthPaths?: readonly string[]
  draining?: Draining
  /** How requests are named, and what is answered where no route has been reached. */
  framework?: Pick<FastifyServerOptions, 'genReqId' | 'frameworkErrors' | 'clientErrorHandler'>
}

/**
 * 10 s for the head and 30 s for the whole request, looked at every second: a client that sends a byte at a time (slow
 * loris) is cut off, and 1 MiB still passes at 280 kbit/s. Node alone would look every 30 s.
 */
const patience = { headersTimeout: 10_000, connectionsCheckingInterval: 1_000 }
const requestTimeoutMs = 30_000

/**
 * A Fastify server with TypeBox validation, TLS and basic authentication as asked for, and no stack trace in any answer.
 * @throws {UserError} for a certificate, key or password file that is not there or not usable.
 */
export function createHttpServer(options: HttpServerOptions) {
  // Named as Fastify's own type: plugins are typed for servers with that logger.
  const logger: FastifyBaseLogger = options.log
  const server = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    bodyLimit: options.bodyLimitBytes ?? 1_048_576,
    requestTimeout: requestTimeoutMs,
    connectionTimeout: 60_000,
    keepAliveTimeout: 65_000,
    forceCloseConnections: 'idle',
    ...options.framework,
    ...tls(options.serving),
  }).withTypeProvider<TypeBoxTypeProvider>()
  server.setValidatorCompiler(TypeBoxValidatorCompiler)
  server.addHook('onSend', async (_request, reply) => {
    // A connection that is kept would be cut when the service closes, under the client's next request.
    if (options.draining?.isOn() === true) reply.header('connection', 'close')
  })
  const credentials = readCredentials(options.serving.basicAuthFile)
  if (credentials !== undefined) {
    server.register(basicAuth, {
      validate: async (user, password) => {
        if (!sameSecret(`${user}:${password}`, credentials)) throw new Error('wrong user or password')
      },
      authenticate: { realm: 'Barometer' },
    })
    server.after(() => {
      server.addHook('onRequest', (request, reply, done) => {
        // The route that was found and not the path as it was written, of which /%6Detrics is another spelling.
        const route = request.routeOptions.url ?? ''
        const open =
          options.basicAuthPaths === undefined ? openPaths.includes(route) : !options.basicAuthPaths.includes(route)
        if (open) done()
        else server.basicAuth(request, reply, done)
      })
    })
  }
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

/** The type leaves `http` and the timeouts out: with them Fastify's own types take the server for one that is always TLS. */
function tls(serving: Serving): { https: { cert: Buffer; key: Buffer } } | { https: null } {
  const { tlsCertificateFile, tlsKeyFile } = serving
  const plain = { https: null, http: patience }
  if (tlsCertificateFile === undefined && tlsKeyFile === undefined) return plain
  if (tlsCertificateFile === undefined || tlsKeyFile === undefined) {
    throw new UserError('--tls-cert-file and --tls-key-file go together; found one of the two, expected both')
  }
  const cert = read('--tls-cert-file', tlsCertificateFile)
  const key = read('--tls-key-file', tlsKeyFile)
  const https = { cert, key, handshakeTimeout: patience.headersTimeout, ...patience }
  return { https }
}

function readCredentials(path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  const line = read('--basic-auth-file', path).toString('utf8').trim()
  if (!/^[^:\s]+:.+$/.test(line) || line.includes('\n')) {
    throw new UserError(`--basic-auth-file ${path}: expected one line user:password`)
  }
  return line
}

function read(flag: string, path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new UserError(`${flag} ${path} cannot be read: ${messageOf(error)}; expected a readable file`)
  }
}
