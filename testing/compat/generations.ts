import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { findOnPath, type ProgramFile, type ProgramName, unpackedProgram } from '../../demo/stack/debian-packages.ts'
import { UserError } from '../../lib/user-error.ts'
import { testsOfPrograms } from './tests.ts'

/** Programs of one age, the environment in which everything takes these and no others, and the tests that need them. */
export interface Generation {
  /** With their versions. */
  programs: string
  environment: Readonly<Record<string, string>>
  tests: readonly string[]
}

/** Major and minor version that the newer generation has at least. */
const newerFrom = { prometheus: [3, 0], alertmanager: [0, 28] } as const
/**
 * What Go builds where PATH has nothing newer. Alertmanager from 0.32 on embeds pages that are not in its module, so that
 * `go install` has no way to them; Prometheus without its 25 ways of finding targets in clouds compiles in half the time.
 */
const built = [
  {
    module: 'github.com/prometheus/prometheus',
    version: 'v0.316.0',
    programs: ['prometheus', 'promtool'],
    flags: ['-tags', 'remove_all_sd'],
  },
  {
    module: 'github.com/prometheus/alertmanager',
    version: 'v0.31.1',
    programs: ['alertmanager', 'amtool'],
    flags: [],
  },
] as const
/** Where programs of other versions are kept. */
export const compatFolder = resolve(import.meta.dirname, '..', '..', '.barometer', 'compat')
const all: readonly ProgramName[] = ['prometheus', 'promtool', 'alertmanager', 'amtool']

/** That of the distribution: the oldest that is supported on Debian 12. */
export async function distributionGeneration(say: (line: string) => void): Promise<Generation> {
  const version = async (name: ProgramName) => (await versionOf(await unpackedProgram(name, say))).text
  return generationOf('of the distribution', version, { PROGRAMS_FROM: 'distribution' })
}

/** The newer one, from PATH or built by Go; where there is neither, the reason. */
export async function newerGeneration(say: (line: string) => void): Promise<Generation | { missing: string }> {
  const onPath = await fromPath()
  if (typeof onPath !== 'string') return onPath
  const go = findOnPath(['go']) ?? findIn('/usr/local/go/bin', 'go')
  if (go === undefined) return { missing: `${onPath}, and there is no Go to build them` }
  const folder = await build(go, say)
  return generationIn(folder)
}

/** What PATH has, or why it is not what is looked for. */
async function fromPath(): Promise<Generation | string> {
  const lacking = all.filter((name) => findOnPath([name]) === undefined)
  if (lacking.length > 0) return `${lacking.join(', ')} not on PATH`
  for (const [name, [major, minor]] of Object.entries(newerFrom)) {
    const { text, parts } = await versionOf({ path: findOnPath([name]) ?? name, environment: {} })
    if (!isAtLeast(parts, [major, minor])) return `${name} on PATH is ${text}, older than ${major}.${minor}`
  }
  return generationIn(undefined)
}

async function generationIn(folder: string | undefined): Promise<Generation> {
  const path = [folder, process.env.PATH].filter((part) => part !== undefined).join(delimiter)
  const version = async (name: ProgramName) => {
    const found = folder === undefined ? findOnPath([name]) : findIn(folder, name)
    return (await versionOf({ path: found ?? name, environment: {} })).text
  }
  return generationOf(folder === undefined ? 'on PATH' : 'built by Go', version, { PATH: path })
}

async function generationOf(
  from: string,
  version: (name: ProgramName) => Promise<string>,
  environment: Readonly<Record<string, string>>,
): Promise<Generation> {
  const programs = `Prometheus ${await version('prometheus')} and Alertmanager ${await version('alertmanager')} (${from})`
  return { programs, environment, tests: testsOfPrograms }
}

/** Builds what is not there yet, each version in a folder of its own. */
async function build(go: string, say: (line: string) => void): Promise<string> {
  const folder = join(compatFolder, built.map(({ version }) => version).join('-'))
  mkdirSync(folder, { recursive: true })
  for (const { module, version, programs, flags } of built) {
    if (programs.every((name) => findIn(folder, name) !== undefined)) continue
    say(`building ${programs.join(' and ')} ${version} with Go, which takes minutes`)
    const packages = programs.map((name) => `${module}/cmd/${name}@${version}`)
    const child = spawn(go, ['install', ...flags, ...packages], {
      cwd: compatFolder,
      env: { ...process.env, GOBIN: folder, CGO_ENABLED: '0' },
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    const [exitCode] = await once(child, 'exit')
    if (exitCode !== 0)
      throw new UserError(`go install ${module}@${version} ended with ${exitCode}; expected it to build`, {
        exitCode: 1,
      })
  }
  return folder
}

function findIn(folder: string, name: string): string | undefined {
  return findOnPath([name], folder)
}

async function versionOf(program: ProgramFile): Promise<{ text: string; parts: number[] }> {
  const { stdout, stderr } = await promisify(execFile)(program.path, ['--version'], {
    env: { ...process.env, ...program.environment },
    cwd: program.workingDirectory,
  })
  const text = /version (\d[\w.+~-]*)/.exec(stdout || stderr)?.[1] ?? versionInBuild(program.path)
  if (text === undefined)
    throw new UserError(`${program.path} --version says ${stdout || stderr}; expected a version`, { exitCode: 1 })
  return { text, parts: text.split(/[.+~-]/).map(Number) }
}

/** `go install` names no version to the program, but Go notes the module's in it: of Prometheus 3.16.0 that is v0.316.0. */
function versionInBuild(path: string): string | undefined {
  const build = readFileSync(path, 'latin1')
  const [, name, version] = /mod\tgithub\.com\/prometheus\/(\w+)\tv([\w.+-]+)/.exec(build) ?? []
  return name === 'prometheus' ? version?.replace(/^0\.3(\d\d)\./, (_, minor) => `3.${Number(minor)}.`) : version
}

function isAtLeast(
  [major = 0, minor = 0]: readonly number[],
  [wanted, wantedMinor]: readonly [number, number],
): boolean {
  return major > wanted || (major === wanted && minor >= wantedMinor)
}
