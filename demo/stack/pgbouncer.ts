import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import getPort from 'get-port'
import pg from 'pg'
import { messageOf } from '../../lib/user-error.ts'
import { findProgram } from './debian-packages.ts'
import { otherUser } from './other-user.ts'
import { type Program, type Restartable, startProgram, startRestartable } from './process.ts'

export interface PgBouncerOptions {
  /** Everything it writes is below this directory. */
  directory: string
  /** The superuser's URL of the server behind it. */
  postgresUrl: string
  /** Roles beside the superuser that may connect; the server asks them for no password. */
  roles?: readonly string[]
  port?: number
  /** Connections to the server for each database and role. */
  poolSize?: number
}

export interface PgBouncer extends Restartable {
  port: number
  /** The same database and role as a URL of the server, through the pooler. */
  through(url: string): string
}

/** Why PgBouncer cannot be had here, in one line; undefined where it can. */
export async function pgBouncerMissing(): Promise<string | undefined> {
  return await findProgram('pgbouncer').then(
    () => undefined,
    (error: unknown) => messageOf(error),
  )
}

/** May ask the pooler itself how it is. */
const administrator = 'pooler'

/**
 * Starts PgBouncer in transaction mode: each transaction of a client may be given another of the server's sessions, and
 * what a client sets in a session is some other client's. What it refuses by default is refused here too.
 */
export async function startPgBouncer(options: PgBouncerOptions): Promise<PgBouncer> {
  const { path, ...place } = await findProgram('pgbouncer')
  const port = options.port ?? (await getPort({ host: '127.0.0.1' }))
  const directory = resolve(options.directory)
  mkdirSync(directory, { recursive: true })
  const as = otherUser('PgBouncer', directory, path)
  const configFile = join(directory, 'pgbouncer.ini')
  const usersFile = join(directory, 'users.txt')
  const server = new URL(options.postgresUrl)
  const users = [
    [decodeURIComponent(server.username), decodeURIComponent(server.password)],
    ...[administrator, ...(options.roles ?? [])].map((role) => [role, '']),
  ]
  write(usersFile, users.map((user) => user.map((word) => `"${word?.replaceAll('"', '""')}"`).join(' ')).join('\n'))
  write(configFile, configuration({ server, port, usersFile, poolSize: options.poolSize ?? 10 }))
  const [command = '', ...words] = [...as, path, configFile]
  const launch = (): Promise<Program> =>
    startProgram({
      ...{ name: 'PgBouncer', command, arguments: words, ...place },
      logFile: join(directory, 'pgbouncer.log'),
      ready: () => answers(port),
      // At once: SIGTERM does so from 1.23 on, and waits for nobody before; SIGINT waits for the clients.
      stopSignal: 'SIGTERM',
    })
  const through = (url: string): string => {
    const there = new URL(url)
    there.host = `127.0.0.1:${port}`
    return there.href
  }
  return { port, through, ...(await startRestartable(launch)) }
}

/** It runs as the owner of its directory. */
function write(path: string, text: string): void {
  writeFileSync(path, `${text}\n`)
  chmodSync(path, 0o600)
  const { uid, gid } = statSync(join(path, '..'))
  chownSync(path, uid, gid)
}

interface Configuration {
  server: URL
  port: number
  usersFile: string
  poolSize: number
}

const configuration = ({ server, port, usersFile, poolSize }: Configuration): string => `[databases]
* = host=${server.hostname} port=${server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${usersFile}
admin_users = ${administrator}
pool_mode = transaction
default_pool_size = ${poolSize}
max_client_conn = 200`

async function answers(port: number): Promise<boolean> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: administrator, database: 'pgbouncer' })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('SHOW VERSION')
    return true
  } finally {
    await client.end().catch(() => {})
  }
}
