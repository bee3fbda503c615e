import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'

const main = fileURLToPath(new URL('../cli/main.ts', import.meta.url))

export interface Ran {
  exitCode: number | null
  stdout: string
  stderr: string
}

/** Runs the real command line as a process, with nothing in its environment but what is given. */
export async function barometer(
  parameters: readonly string[],
  environment: Record<string, string> = {},
  timeoutMs = 30_000,
): Promise<Ran> {
  const child = spawn(process.execPath, [main, ...parameters], {
    env: { PATH: process.env.PATH ?? '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
  })
  const ran: Ran = { exitCode: null, stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    ran.stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    ran.stderr += text
  })
  const [exitCode] = await once(child, 'close')
  return { ...ran, exitCode: typeof exitCode === 'number' ? exitCode : null }
}

/** Asserts that a run failed with one line on standard error, without a stack, and returns that line. */
export function oneLine(ran: Ran, exitCode: number): string {
  expect(ran.stderr.trimEnd().split('\n'), ran.stderr).toHaveLength(1)
  expect(ran.stderr).toMatch(/^barometer: /)
  expect(ran.stderr).not.toMatch(/\n\s+at /)
  expect(ran.exitCode).toBe(exitCode)
  return ran.stderr.trimEnd().replace(/^barometer: /, '')
}
