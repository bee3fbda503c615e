import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { findProgram, type ProgramName } from '../demo/stack/debian-packages.ts'

/**
 * Runs a program that npm does not bring to its end, in a directory where it matters in which.
 * @returns its standard output
 * @throws with what it said, where it fails
 */
export async function run(program: ProgramName, words: readonly string[], cwd?: string): Promise<string> {
  const { path, environment } = await findProgram(program)
  const { stdout } = await promisify(execFile)(path, words, {
    ...{ cwd, env: { ...process.env, ...environment } },
    // A dump of a database of a Prometheus is long.
    maxBuffer: 1 << 30,
  })
  return stdout
}
