import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { images } from '../catalogue/content.ts'
import { barometer } from '../testing/cli.ts'
import { createPlatformDatabase, type PlatformDatabase } from '../testing/platform.ts'
import { parseExposition } from './exposition.ts'

let platform: PlatformDatabase
beforeAll(async () => {
  platform = await createPlatformDatabase()
})
afterAll(() => platform.drop())

test('migrate makes the schemas, and a second time leaves them alone', async () => {
  const environment = { DATABASE_URL: platform.exporterUrl, AUDIT_DATABASE_URL: platform.url }
  for (let run = 0; run < 2; run += 1) {
    expect(await barometer(['migrate'], environment)).toEqual({
      exitCode: 0,
      stderr: '',
      stdout: 'store: the schema barometer is up to date\naudit log: the schema barometer_audit is up to date\n',
    })
  }
})

test('metrics computes once and prints an exposition that can be read', async () => {
  const ran = await barometer(['metrics'], { DATABASE_URL: platform.exporterUrl })
  expect(ran).toMatchObject({ exitCode: 0, stderr: '' })
  expect(parseExposition(ran.stdout).length).toBeGreaterThan(50)
})

test('the overview of a running exporter is read from the exporter itself', async () => {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url))
  const environment = { PATH: process.env.PATH ?? '', DATABASE_URL: platform.exporterUrl }
  const child = spawn(process.execPath, [main, 'exporter', '--listen', '127.0.0.1:0'], { env: environment })
  const closed = once(child, 'close')
  try {
    const address = await new Promise<string>((resolve) => {
      let log = ''
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        log += text
        const found = /"address":"(http:[^"]+)"/.exec(log)?.[1]
        if (found !== undefined) resolve(found)
      })
    })
    const ready = async (): Promise<boolean> => (await fetch(new URL('/readyz', address))).ok
    while (!(await ready())) await new Promise((done) => setTimeout(done, 200))
    const ran = await barometer(['overview', '--json', '--from', address])
    expect(ran).toMatchObject({ exitCode: 0, stderr: '' })
    const overview = JSON.parse(ran.stdout)
    expect(overview.asOf).toMatch(/^\d{4}-/)
    expect(overview.health.dependencies).toMatchObject([{ dependency: 'postgres', healthy: true }])
    expect((await barometer(['overview', '--from', address])).stdout).toMatch(/^Barometer, as of /)
  } finally {
    child.kill('SIGTERM')
    await closed
  }
})

test('a view that does not fit is one line that names it, exit 1, and the other figures are printed', async () => {
  await platform.pool.query(`ALTER VIEW barometer_source.visits RENAME TO visits_before;
    CREATE VIEW barometer_source.visits AS SELECT visit_id, visitor_id, visited_at::text AS visited_at, source
    FROM barometer_source.visits_before;
    GRANT SELECT ON barometer_source.visits TO barometer_exporter`)
  const ran = await barometer(['metrics'], { DATABASE_URL: platform.exporterUrl })
  expect(ran.exitCode).toBe(1)
  expect(ran.stderr).toMatch(/^barometer: collector funnel: .*visits.*visited_at.*text.*timestamptz.*\n$/)
  expect(ran.stdout).toContain(`# TYPE ${images.name} gauge`)
})
