import { execFile } from 'node:child_process'
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { messageOf, UserError } from '../../lib/user-error.ts'
import { withLock } from './lock.ts'

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
  pgbouncer: { names: ['pgbouncer'], debianPackage: 'pgbouncer' },
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
/** Says of which distribution the unpacked packages are; in them, so that they become visible together. */
const markerIn = (folder: string): string => join(folder, '.distribution')
// Where redis-tools is installed and redis-server is not, apt would not fetch the program that redis-server is a link to.
const packages = [...new Set(Object.values(known).map((program) => program.debianPackage)), 'redis-tools']

/**
 * Finds a program on PATH or, on Debian and Ubuntu, in the distribution's packages unpacked below `.barometer/` without
 * root (once; later calls find it there, and two processes at once do it once). With PROGRAMS_FROM=distribution, which
 * the compatibility run sets, PATH is not looked at.
 * @throws {UserError} where it can be had in neither way.
 */
export async function findProgram(name: ProgramName, say: (line: string) => void = () => {}): Promise<ProgramFile> {
  const program: Known = known[name]
  const from = process.env.PROGRAMS_FROM ?? ''
  if (from !== '' && from !== 'distribution')
    throw new UserError(`PROGRAMS_FROM is ${from}; expected distribution, or nothing for PATH before it`)
  const onPath = from === 'distribution' ? undefined : findOnPath(program.names)
  if (onPath !== undefined) return { path: onPath, environment: {} }
  return unpackedProgram(name, say)
}

/** As `findProgram`, from the distribution's packages whether the program is on PATH or not. */
export async function unpackedProgram(name: ProgramName, say: (line: string) => void = () => {}): Promise<ProgramFile> {
  const program: Known = known[name]
  if (!isUnpacked()) await unpackOnce(program, say)
  const unpacked = search(
    program.names,
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

/** The first program of one of the names on PATH, or on what is given in its place. */
export function findOnPath(names: readonly string[], path = process.env.PATH ?? ''): string | undefined {
  return search(names, path.split(delimiter))
}

/** An environment in which the program is the first of its name on PATH, for what starts it by its name. */
export function withOnPath({ path, environment }: ProgramFile): Record<string, string> {
  return { ...environment, PATH: [dirname(path), process.env.PATH].join(delimiter) }
}

function search(names: readonly string[], folders: readonly string[]): string | undefined {
  for (const folder of folders.filter((path) => path !== '')) {
    for (const name of names) {
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

function isUnpacked(): boolean {
  return existsSync(markerIn(root)) && readFileSync(markerIn(root), 'utf8') === distribution()
}

/**
 * A checkout may be used by several machines or containers, whose packages do not fit one another, and an earlier version
 * of it may have unpacked fewer.
 */
function distribution(): string {
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : process.platform
  return `${process.arch}\n${release}\n${packages.join(' ')}`
}

async function unpackOnce(program: Known, say: (line: string) => void): Promise<void> {
  try {
    await run('apt-get', ['--version'])
    await run('dpkg', ['--version'])
  } catch {
    throw new UserError(
      `${program.names[0]} is not on PATH, and this is no Debian or Ubuntu to take it from; expected it to be installed`,
      { exitCode: 1 },
    )
  }
  const work = join(directory, `work-${process.pid}`)
  try {
    mkdirSync(directory, { recursive: true })
    await withLock(join(directory, 'lock'), async () => {
      if (isUnpacked()) return
      await unpackAll(work, say)
      rmSync(root, { recursive: true, force: true })
      renameSync(join(work, 'root'), root)
    })
  } catch (error) {
    throw new UserError(
      `${program.names[0]} is not on PATH and cannot be fetched from the distribution: ${lastWord(error)}`,
      { exitCode: 1 },
    )
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** What the program that failed said, without its command line. */
function lastWord(error: unknown): string {
  const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : ''
  return complaintIn(said) ?? messageOf(error)
}

/** apt's first error, or where it has none its first warning; what comes after these only follows from them. */
function complaintIn(said: string): string | undefined {
  const lines = said.split('\n').map((line) => line.trim())
  const line = lines.find((text) => text.startsWith('E: ')) ?? lines.find((text) => text !== '')
  return line?.replace(/^[EW]: /, '')
}

async function unpackAll(work: string, say: (line: string) => void): Promise<void> {
  rmSync(work, { recursive: true, force: true })
  for (const folder of ['state/lists/partial', 'cache/archives/partial', 'archives', 'root']) {
    mkdirSync(join(work, folder), { recursive: true })
  }
  configureApt(work)
  say("reading the distribution's package lists")
  // One list of several that cannot be had (a company's own, say) is no reason to stop; what is missing is named below.
  const complaint = await apt(work, ['update']).then(({ stderr }) => complaintIn(stderr), lastWord)
  const wanted = await missingPackages(work).catch((error: unknown) => {
    throw complaint === undefined ? error : new Error(complaint)
  })
  say(`fetching ${wanted.length} packages of the distribution`)
  await apt(work, ['download', ...wanted])
  const archives = readdirSync(join(work, 'archives')).filter((file) => file.endsWith('.deb'))
  for (const archive of archives) await run('dpkg', ['-x', join(work, 'archives', archive), join(work, 'root')])
  for (const name of ['prometheus', 'prometheus-alertmanager']) findFilesBesideRoot(join(work, 'root/usr/bin', name))
  writeFileSync(markerIn(join(work, 'root')), distribution())
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

/** apt with the machine's sources and keys but a state of its own, so that it needs no root and changes nothing outside. */
function configureApt(work: string): void {
  const parts = join(work, 'apt.conf.d')
  mkdirSync(parts)
  const given = '/etc/apt/apt.conf.d'
  for (const file of existsSync(given) ? readdirSync(given) : []) symlinkSync(join(given, file), join(parts, file))
  // Hooks of the machine's administrator are for the machine's own state.
  writeFileSync(join(parts, 'zz-clear'), '#clear APT::Update;\n')
  const settings = {
    'Dir::Etc::Parts': parts,
    'Dir::State': join(work, 'state'),
    'Dir::State::status': '/var/lib/dpkg/status',
    'Dir::Cache': join(work, 'cache'),
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";\n`)
  writeFileSync(join(work, 'apt.conf'), lines.join(''))
}

async function apt(work: string, words: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  return run('apt-get', ['-qq', ...words], {
    cwd: join(work, 'archives'),
    maxBuffer: 16_777_216,
    env: { ...process.env, LC_ALL: 'C', APT_CONFIG: join(work, 'apt.conf') },
  })
}

/**
 * The packages and those they depend on that this machine lacks; not what only serves a web page or an installation, and
 * not what the machine has in another version: a library of the system is not to be mixed with another of its kind.
 */
async function missingPackages(work: string): Promise<string[]> {
  const { stdout: printed } = await apt(work, ['install', '--simulate', '--no-install-recommends', ...packages])
  // "Inst name (new …)", or "Inst name [old] (new …)" for an upgrade.
  const names = [...printed.matchAll(/^Inst (\S+) \(/gm)].map((match) => match[1]).filter((name) => name !== undefined)
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
