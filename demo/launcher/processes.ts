import { execFile } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { nodeEnvironment, nodeFlags } from '../../lib/node-runtime.js'
import { messageOf, UserError } from '../../lib/user-error.ts'
import {
  type Program,
  type ProgramOptions,
  type Restartable,
  startProgram,
  startRestartable,
} from '../stack/process.ts'

const root = resolve(import.meta.dirname, '..', '..')
const run = promisify(execFile)

type ScriptOptions = Omit<ProgramOptions, 'command' | 'logFile' | 'arguments' | 'workingDirectory'> & {
  /** The script below the checkout's root, and its words. */
  script: string
  words?: readonly string[]
  logs: string
}

/** Starts one of our scripts as a process of its own, with the Node that runs this one. */
export function startScript({ script, words = [], logs, ...options }: ScriptOptions): Promise<Program> {
  return startProgram({
    ...options,
    command: process.execPath,
    arguments: [...nodeFlags, join(root, script), ...words],
    environment: { ...nodeEnvironment, ...options.environment },
    logFile: join(logs, `${options.name.toLowerCase().replaceAll(' ', '-')}.log`),
    workingDirectory: root,
  })
}

/** The same, as a service that can be started again. */
export const startService = (options: ScriptOptions): Promise<Restartable> =>
  startRestartable(() => startScript(options))

/**
 * Runs `barometer …` to its end.
 * @returns what it printed
 * @throws {UserError} with its last line where it fails
 */
export async function runCommand(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  logs: string,
): Promise<string> {
  try {
    const { stdout, stderr } = await run(process.execPath, [...nodeFlags, join(root, 'cli', 'main.ts'), ...words], {
      cwd: root,
      env: { ...process.env, ...nodeEnvironment, ...environment },
    })
    appendFileSync(join(logs, 'commands.log'), stderr)
    return stdout
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
    throw new UserError(`barometer ${words[0]} failed: ${said || messageOf(error)}`, { exitCode: 1, cause: error })
  }
}
