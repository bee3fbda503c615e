import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { UserError } from '../../lib/user-error.ts'

const usual = resolve(import.meta.dirname, '..', '..', '.barometer', 'demo')

export interface RunDirectory {
  path: string
  /** A folder of it, made when it is not there. */
  folder(name: string): string
  release(options: { keep: boolean }): void
}

/**
 * Takes the demo's directory for this process.
 * @param options.keep go on with the data of an earlier kept run, where there is one
 * @param options.path another directory than the checkout's own
 * @throws {UserError} where another demo runs in it
 */
export function takeRunDirectory(options: { keep: boolean; path?: string | undefined }): RunDirectory {
  const directory = options.path === undefined ? usual : resolve(options.path)
  const lock = join(directory, 'pid')
  const owner = readOwner(lock)
  if (owner !== undefined && alive(owner)) {
    throw new UserError(`a demo is already running (process ${owner}); expected one at a time in a checkout`, {
      exitCode: 1,
    })
  }
  if (!options.keep) rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  writeFileSync(lock, String(process.pid))
  return {
    path: directory,
    folder: (name) => {
      const path = join(directory, name)
      mkdirSync(path, { recursive: true })
      return path
    },
    release: ({ keep }) => {
      if (keep) rmSync(lock, { force: true })
      else rmSync(directory, { recursive: true, force: true })
    },
  }
}

function readOwner(lock: string): number | undefined {
  try {
    const pid = Number(readFileSync(lock, 'utf8'))
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined
  } catch {
    return undefined
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
