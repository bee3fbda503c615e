import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test, vi } from 'vitest'
import { testDirectory } from '../../testing/directory.ts'
import { startProgram } from './process.ts'

const run = promisify(execFile)

test('a program ends with the process that started it, even when that one is killed', async () => {
  const log = join(testDirectory('process'), 'log')
  const starter = `
    import { startProgram } from './process.ts'
    const program = await startProgram({
      name: 'sleeper', command: 'sleep', arguments: ['300'], logFile: '${log}', ready: async () => true
    })
    console.log(program.pid)
    process.kill(process.pid, 'SIGKILL')`
  const ended = await run(process.execPath, ['--input-type=module', '--eval', starter], {
    cwd: import.meta.dirname,
  }).catch((error: { stdout: string }) => error)
  const pid = Number(ended.stdout)
  expect(pid).toBeGreaterThan(1)
  await vi.waitFor(() => expect(lives(pid)).toBe(false), { timeout: 5_000 })
})

test('a signal of death reaches the children of a program', async () => {
  const directory = testDirectory('process')
  const program = await startProgram({
    name: 'family',
    command: 'sh',
    arguments: ['-c', `sleep 300 & echo $! > ${directory}/child; wait`],
    logFile: join(directory, 'log'),
    ready: async () => existsSync(join(directory, 'child')),
  })
  onTestFinished(() => program.stop())
  const child = Number(readFileSync(join(directory, 'child'), 'utf8'))
  await program.signal('SIGKILL')
  await vi.waitFor(() => expect(lives(child)).toBe(false), { timeout: 5_000 })
})

test('a program that ends at once gives its last word in one line', async () => {
  const options = { arguments: ['-c', 'echo first; echo the port is taken; exit 3'], ready: async () => false }
  const starting = startProgram({
    name: 'Store',
    command: 'sh',
    ...options,
    logFile: join(testDirectory('process'), 'log'),
  })
  await expect(starting).rejects.toThrow('Store ended while it started: the port is taken')
})

test('a program that never gets ready is stopped and said so', async () => {
  const starting = startProgram({
    name: 'Store',
    command: 'sleep',
    arguments: ['300'],
    ready: async () => Promise.reject(new Error('connection refused')),
    readyTimeoutMs: 200,
    logFile: join(testDirectory('process'), 'log'),
  })
  await expect(starting).rejects.toThrow('Store was not ready in 200 ms: connection refused')
})

function lives(pid: number): boolean {
  try {
    // One that has ended and waits for its parent to look is no process any more.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
