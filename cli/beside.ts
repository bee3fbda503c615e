import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { UserError } from '../lib/user-error.ts'
import type { Context } from './context.ts'

/**
 * Runs a script of the demo, which stands beside the product, in a process of its own to its end; its exit code is ours.
 * @param script below `demo/`
 * @throws {UserError} in the image, which has no such script
 */
export async function runBeside(script: string, words: readonly string[], context: Context): Promise<void> {
  const path = fileURLToPath(new URL(`../demo/${script}`, import.meta.url))
  if (!existsSync(path)) {
    throw new UserError(`demo/${script} is not in this image; expected a checkout after \`npm ci\``, { exitCode: 1 })
  }
  const child = spawn(process.execPath, [path, ...words], {
    stdio: 'inherit',
    env: { ...context.environment },
  })
  // The terminal sends Ctrl-C to the child as well; a SIGTERM for this process alone has to be passed on.
  void context.untilAskedToStop().then(() => child.kill('SIGTERM'))
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
  context.setExitCode(exitCode)
}
