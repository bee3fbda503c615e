import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { createPlatformDatabase } from '../testing/platform.ts'

test('a refresh is traced to the collector that is configured, and a log line of it carries the trace', async () => {
  const database = await createPlatformDatabase()
  onTestFinished(() => database.drop())
  // A view with a wrong type, so that there is something to log.
  await database.pool.query(
    `DROP VIEW barometer_source.bug_reports;
     CREATE VIEW barometer_source.bug_reports AS SELECT 1::bigint AS bug_report_id, now()::text AS created_at, now() AS updated_at, 'open' AS status, 'low' AS severity;
     GRANT SELECT ON barometer_source.bug_reports TO barometer_exporter`,
  )
  let received = ''
  const otlp = createServer(async (request, response) => {
    for await (const chunk of request) received += chunk.toString('latin1')
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  }).listen(0, '127.0.0.1')
  await once(otlp, 'listening')
  onTestFinished(() => void otlp.close())

  const child = spawn(process.execPath, [resolve(import.meta.dirname, 'main.ts'), 'exporter'], {
    env: {
      ...process.env,
      DATABASE_URL: database.exporterUrl,
      EXPORTER_LISTEN: '127.0.0.1:0',
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(otlp.address() as AddressInfo).port}`,
    },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let log = ''
  child.stderr.on('data', (chunk) => {
    log += String(chunk)
  })
  const failed = () => log.split('\n').find((line) => line.includes('a collector failed'))
  for (let attempt = 0; attempt < 100 && failed() === undefined; attempt += 1) await sleep(100)
  child.kill('SIGTERM')
  const [exitCode] = await once(child, 'exit')
  expect(exitCode, log).toBe(0)
  expect(JSON.parse(failed() ?? '{}')).toMatchObject({
    collector: 'bug-reports',
    error: 'view bug_reports: column created_at is text; expected timestamptz',
    trace_id: expect.stringMatching(/^[0-9a-f]{32}$/),
  })
  for (const span of ['refresh', 'collector users', 'barometer-exporter']) expect(received).toContain(span)
})
