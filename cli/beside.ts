import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Context } from './context.ts'

/**
 * Runs a script of the demo, which stands beside the product, in a process of its own to its end; its exit code is ours.
 * @param script below `demo/`
 */
export async function runBeside(script: string, words: readonly string[], context: Context): Promise<void> {
  const child = spawn(process.execPath, [fileURLToPath(new URL(`../demo/${script}`, import.meta.url)), ...words], {
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
