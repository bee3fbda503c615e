import { execFile } from 'node:child_process'
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { messageOf, UserError } from '../../lib/user-error.ts'

/** A program that npm does not bring: its names on PATH, and the distribution's package that has it. */
interface Known {
  names: readonly string[]
  debianPackage: string
}

const known = {
  redis: { names: ['redis-server'], debianPackage: 'redis-server' },
  prometheus: { names: ['prometheus'], debianPackage: 'prometheus' },
  promtool: { names: ['promtool'], debianPackage: 'prometheus' },
  alertmanager: { names: ['alertmanager', 'prometheus-alertmanager'], debianPackage: 'prometheus-alertmanager' },
  amtool: { names: ['amtool'], debianPackage: 'prometheus-alertmanager' },
} as const satisfies Record<string, Known>

export type ProgramName = keyof typeof known

/** Where a program is, and the environment that it needs to find its libraries. */
export interface ProgramFile {
  path: string
  environment: Readonly<Record<string, string>>
  /** Where it must be started; any place where left out. */
  workingDirectory?: string
}

const run = promisify(execFile)
const directory = resolve(import.meta.dirname, '..', '..', '.barometer', 'packages')
const root = join(directory, 'root')
const packages = [...new Set(Object.values(known).map((program) => program.debianPackage))]

/**
 * Finds a program on PATH or, on Debian and Ubuntu, in the distribution's packages unpacked below `.barometer/` without
 * root (once; later calls find it there, and two processes at once do it once).
 * @throws {UserError} where it can be had in neither way.
 */
export async function findProgram(name: ProgramName, say: (line: string) => void = () => {}): Promise<ProgramFile> {
  const program: Known = known[name]
  const onPath = search(program, (process.env.PATH ?? '').split(delimiter))
  if (onPath !== undefined) return { path: onPath, environment: {} }
  if (!existsSync(marker())) await withLock(() => unpackAll(say))
  const unpacked = search(
    program,
    ['usr/bin', 'usr/sbin', 'bin'].map((folder) => join(root, folder)),
  )
  if (unpacked === undefined) {
    throw new UserError(
      `${program.names[0]} is not on PATH nor in the package ${program.debianPackage}; expected one of the two`,
      { exitCode: 1 },
    )
  }
  return { path: unpacked, environment: { LD_LIBRARY_PATH: libraryPath() }, workingDirectory: root }
}

function search(program: Known, folders: readonly string[]): string | undefined {
  for (const folder of folders.filter((path) => path !== '')) {
    for (const name of program.names) {
      const path = join(folder, name)
      try {
        accessSync(path, constants.X_OK)
        if (statSync(path).isFile()) return path
      } catch {
        // Not here.
      }
    }
  }
  return undefined
}

const marker = (): string => join(directory, 'complete')

async function unpackAll(say: (line: string) => void): Promise<void> {
  if (existsSync(marker())) return
  try {
    await run('apt-get', ['--version'])
    await run('dpkg', ['--version'])
  } catch {
    throw new UserError(
      `${packages.join(', ')} are not all on PATH, and this is no Debian or Ubuntu to take them from; expected them to be installed`,
      { exitCode: 1 },
    )
  }
  rmSync(root, { recursive: true, force: true })
  for (const folder of ['state/lists/partial', 'cache/archives/partial', 'archives', 'root']) {
    mkdirSync(join(directory, folder), { recursive: true })
  }
  try {
    say("reading the distribution's package lists")
    await apt(['update'])
    const wanted = await missingPackages()
    say(`fetching ${wanted.length} packages of the distribution`)
    await apt(['download', ...wanted])
    const archives = readdirSync(join(directory, 'archives')).filter((file) => file.endsWith('.deb'))
    for (const archive of archives) await run('dpkg', ['-x', join(directory, 'archives', archive), root])
  } catch (error) {
    throw new UserError(`the distribution's packages ${packages.join(', ')} cannot be fetched: ${messageOf(error)}`, {
      exitCode: 1,
    })
  }
  for (const name of ['prometheus', 'prometheus-alertmanager']) findFilesBesideRoot(join(root, 'usr', 'bin', name))
  for (const folder of ['state', 'cache', 'archives']) rmSync(join(directory, folder), { recursive: true, force: true })
  writeFileSync(marker(), `${new Date().toISOString()}\n`)
}

/**
 * Debian's builds look for their templates and pages under an absolute path, where only root may put them. In our copy of
 * the program the path is made relative to the folder it is started in: the new text is as long as the old one, so
 * nothing else in the file moves.
 */
function findFilesBesideRoot(path: string): void {
  if (!existsSync(path)) return
  const program = readFileSync(path)
  const absolute = Buffer.from('/usr/share/prometheus/')
  const relative = Buffer.from('usr/share/prometheus//')
  for (let at = program.indexOf(absolute); at !== -1; at = program.indexOf(absolute, at)) relative.copy(program, at)
  writeFileSync(path, program)
}

/** apt with a state of its own, so that it needs no root and changes nothing outside. */
async function apt(words: readonly string[]): Promise<string> {
  const options = {
    'Dir::State': join(directory, 'state'),
    'Dir::State::status': '/var/lib/dpkg/status',
    'Dir::Cache': join(directory, 'cache'),
    'APT::Sandbox::User': '',
    'Debug::NoLocking': 'true',
    'Acquire::Retries': '3',
    // Hooks of the machine's administrator write where only root may.
    'APT::Update::Post-Invoke-Success::': '',
  }
  const flags = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  const { stdout } = await run('apt-get', ['-qq', ...flags, ...words], {
    cwd: join(directory, 'archives'),
    maxBuffer: 16_777_216,
    env: { ...process.env, LC_ALL: 'C' },
  })
  return stdout
}

/** The packages and those they depend on that this machine lacks; not what only serves a web page or an installation. */
async function missingPackages(): Promise<string[]> {
  const printed = await apt(['install', '--print-uris', '-y', '--no-install-recommends', ...packages])
  const names = printed
    .split('\n')
    .map((line) => /^'[^']*' ([^_\s]+)_/.exec(line)?.[1])
    .filter((name) => name !== undefined)
  const unneeded = /^(fonts-|libjs-|adduser|debconf|systemd|init-system-helpers|lsb-base|sysvinit|dbus|libpam)/
  return [...new Set([...packages, ...names])].filter((name) => !unneeded.test(name))
}

/** Folders of the unpacked packages that hold shared libraries, such as usr/lib/x86_64-linux-gnu. */
function libraryPath(): string {
  const folders = ['usr/lib', 'lib'].map((folder) => join(root, folder)).filter((folder) => existsSync(folder))
  const ofMachine = folders.flatMap((folder) =>
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name.includes('-linux-'))
      .map((entry) => join(folder, entry.name)),
  )
  return [...ofMachine, ...folders, process.env.LD_LIBRARY_PATH ?? ''].filter((path) => path !== '').join(':')
}

/** Only one process at a time; a lock whose owner is gone is taken over. */
async function withLock(work: () => Promise<void>): Promise<void> {
  mkdirSync(directory, { recursive: true })
  const lock = join(directory, 'lock')
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' })
      break
    } catch {
      if (!ownerLives(lock)) rmSync(lock, { force: true })
      else await sleep(200)
    }
  }
  try {
    await work()
  } finally {
    rmSync(lock, { force: true })
  }
}

function ownerLives(lock: string): boolean {
  try {
    process.kill(Number(readFileSync(lock, 'utf8')), 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
