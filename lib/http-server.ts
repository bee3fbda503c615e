import { readFileSync } from 'node:fs'
import basicAuth from '@fastify/basic-auth'
import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import { type FastifyBaseLogger, fastify, LogController } from 'fastify'
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
}

/**
 * A Fastify server with TypeBox validation, TLS and basic authentication as asked for, and no stack trace in any answer.
 * @throws {UserError} for a certificate, key or password file that is not there or not usable.
 */
export function createHttpServer(options: HttpServerOptions) {
  // Named as Fastify's own type: plugins are typed for servers with that logger.
  const logger: FastifyBaseLogger = options.log
  const server = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.bodyLimitBytes ?? 1_048_576,
    // A client that sends its head a byte at a time (slow loris) is cut off.
    requestTimeout: 30_000,
    connectionTimeout: 60_000,
    keepAliveTimeout: 65_000,
    forceCloseConnections: 'idle',
    ...tls(options.serving),
  }).withTypeProvider<TypeBoxTypeProvider>()
  server.setValidatorCompiler(TypeBoxValidatorCompiler)
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
        const path = request.url.split('?')[0] ?? ''
        const open =
          options.basicAuthPaths === undefined ? openPaths.includes(path) : !options.basicAuthPaths.includes(path)
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

function tls(serving: Serving): { https: { cert: Buffer; key: Buffer } } | { https: null } {
  const { tlsCertificateFile, tlsKeyFile } = serving
  if (tlsCertificateFile === undefined && tlsKeyFile === undefined) return { https: null }
  if (tlsCertificateFile === undefined || tlsKeyFile === undefined) {
    throw new UserError('--tls-cert-file and --tls-key-file go together; found one of the two, expected both')
  }
  return { https: { cert: read('--tls-cert-file', tlsCertificateFile), key: read('--tls-key-file', tlsKeyFile) } }
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
