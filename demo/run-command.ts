import { execFile } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { nodeEnvironment, nodeFlags } from '../lib/node-runtime.js'
import { messageOf, UserError } from '../lib/user-error.ts'

const root = resolve(import.meta.dirname, '..')
const run = promisify(execFile)

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
