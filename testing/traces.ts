import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** In every secret that a test plants; nobody writes it by chance. */
export const canary = 'k4n4ry'

/** The ways in which a text that has the canary in it may be written: as it is, in hex, and in base64 at each of its three places. */
const spellings = [
  canary,
  Buffer.from(canary).toString('hex'),
  ...[0, 1, 2].map((before) => {
    const whole = Buffer.from(`${'-'.repeat(before)}${canary}`)
      .toString('base64')
      .replace(/=+$/, '')
    // The characters at either end depend on what stands beside.
    return whole.slice(Math.ceil((before * 8) / 6), Math.floor(((before + canary.length) * 8) / 6))
  }),
]

/** The lines in which the canary stands, cut, for a message that says where. */
export function tracesIn(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => spellings.some((spelling) => line.includes(spelling)))
    .map((line) => line.slice(0, 300))
}

/** Every file below a directory whose content has the canary in it, but the named ones. */
export function filesWithTraces(directory: string, except: readonly string[] = []): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !except.includes(path) && tracesIn(readFileSync(path, 'latin1')).length > 0)
}

/** What any user of the machine reads of its processes: their command lines. Of those that have just ended there is nothing. */
export function commandLines(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => ofProcess(Number(pid), 'cmdline'))
}

/** What its own user reads of a process. */
export function ofProcess(pid: number, what: 'cmdline' | 'environ'): string {
  try {
    return readFileSync(`/proc/${pid}/${what}`, 'latin1').replaceAll('\0', '\n')
  } catch {
    return ''
  }
}

/** Whether others than the owner may read a file. */
export const othersMayRead = (path: string): boolean => (statSync(path).mode & 0o077) !== 0

/** The secrets of a running demo: what its secret files hold, and the passwords that its services were given. */
export function secretsOfDemo(directory: string): string[] {
  const folder = join(directory, 'secrets')
  const files = [...readdirSync(folder).map((name) => join(folder, name)), join(directory, 'postgres', 'password')]
  const inFiles = files.map((path) => readFileSync(path, 'utf8').trim()).filter((text) => /^[\w-]{20,}$/.test(text))
  const main = resolve(import.meta.dirname, '..', 'cli', 'main.ts')
  const given = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && ofProcess(Number(name), 'cmdline').includes(main))
    .flatMap((pid) => [...ofProcess(Number(pid), 'environ').matchAll(/^\w+_URL=postgres:\/\/[^:]+:([^@]+)@/gm)])
    .map((match) => match[1] ?? '')
  return [...new Set([...inFiles, ...given])].filter((secret) => secret.length >= 20)
}

/** Which files below a directory have one of these texts in them; not the folders named, nor what only their owner reads. */
export function filesWith(directory: string, texts: readonly string[], foldersLeftOut: readonly string[]): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !foldersLeftOut.some((folder) => path.startsWith(join(directory, folder))) && othersMayRead(path))
    .filter((path) => {
      const content = readFileSync(path, 'latin1')
      return texts.some((text) => content.includes(text))
    })
}
