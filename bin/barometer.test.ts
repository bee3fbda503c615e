import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)
const launcher = fileURLToPath(new URL('barometer.js', import.meta.url))

test('the launcher runs the command line from any folder', async () => {
  const { stdout } = await run(process.execPath, [launcher, '--version'], { cwd: tmpdir() })
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
})

test('the launcher passes the exit code and the one line of an error on', async () => {
  const failed = run(process.execPath, [launcher, 'nonsense'])
  await expect(failed).rejects.toMatchObject({ code: 2, stderr: "barometer: unknown command 'nonsense'\n" })
})
