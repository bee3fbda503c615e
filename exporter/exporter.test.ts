import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findProgram } from '../demo/stack/debian-packages.ts'
import { readSettings } from '../lib/settings.ts'
import { createPlatformDatabase, type PlatformDatabase } from '../testing/platform.ts'
import { refreshOnce } from './main.ts'

let database: PlatformDatabase

beforeAll(async () => {
  database = await createPlatformDatabase()
})
afterAll(() => database.drop())

test('every collector runs on an empty platform', async () => {
  const settings = readSettings({ DATABASE_URL: database.exporterUrl }, ['DATABASE_URL'])
  const { failures, text } = await refreshOnce({ settings, log: pino({ level: 'silent' }) })
  expect([...failures]).toEqual([])
  expect(text).toContain('platform_characters 0\n')
  const { path, environment, workingDirectory } = await findProgram('promtool')
  const run = promisify(execFile)(path, ['check', 'metrics'], {
    env: { ...process.env, ...environment },
    cwd: workingDirectory,
  })
  run.child.stdin?.end(text)
  expect((await run).stdout).toBe('')
})
