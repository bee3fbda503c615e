import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { type ProgramName, unpackedProgram } from './debian-packages.ts'

const run = promisify(execFile)

test.each<[ProgramName, RegExp]>([
  ['redis', /^Redis server v=\d/],
  ['prometheus', /^prometheus, version \d/],
  ['promtool', /^promtool, version \d/],
  ['alertmanager', /^alertmanager, version \d/],
  ['pgbouncer', /^PgBouncer \d/],
  ['amtool', /^amtool, version \d/],
])('%s runs from the unpacked packages of the distribution', async (name, version) => {
  const { path, environment, workingDirectory } = await unpackedProgram(name)
  expect(path).toMatch(/\.barometer\/packages\/root\/usr\/s?bin\//)
  const { stdout, stderr } = await run(path, ['--version'], {
    env: { ...process.env, ...environment },
    cwd: workingDirectory,
  })
  expect(stdout || stderr).toMatch(version)
})
