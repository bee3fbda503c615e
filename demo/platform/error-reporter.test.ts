import { setTimeout as sleep } from 'node:timers/promises'
import getPort from 'get-port'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openAuditTestbed } from '../../testing/audit-api/testbed.ts'
import { createDatabase } from '../../testing/database.ts'
import { createErrorReporter } from './error-reporter.ts'

test("a service's errors reach the error log, also those of the time when it was away, each once", async () => {
  const database = await createDatabase()
  const bed = await openAuditTestbed(database.url)
  onTestFinished(async () => {
    await bed.close()
    await database.drop()
  })
  // A port that is known before anybody listens on it.
  const port = await getPort({ host: '127.0.0.1' })
  vi.stubEnv('AUDIT_API_URL', `http://127.0.0.1:${port}`)
  vi.stubEnv('AUDIT_API_TOKEN', bed.token({ scopes: ['ingest'] }))
  onTestFinished(() => void vi.unstubAllEnvs())
  const errors = createErrorReporter('worker')
  errors.report(new TypeError('while it was away'), { route: '/users/:id', status: 400 })
  errors.report(Object.assign(new Error('by the driver'), { name: 'error' }))
  await sleep(1_500)
  await bed.server.listen({ host: '127.0.0.1', port })
  errors.report('text with \ud800 and ada@example.com')
  const read = async () =>
    (
      await bed.owner.query(
        'SELECT service, type, message, route, status FROM barometer_audit.error ORDER BY occurred_at, type DESC',
      )
    ).rows
  await vi.waitUntil(async () => (await read()).length >= 3, { timeout: 10_000, interval: 100 })
  await sleep(1_200)
  expect(await read()).toEqual([
    { service: 'worker', type: 'TypeError', message: 'while it was away', route: '/users/:id', status: 400 },
    { service: 'worker', type: 'DatabaseError', message: 'by the driver', route: null, status: null },
    { service: 'worker', type: 'Error', message: 'text with \ufffd and [masked e-mail]', route: null, status: null },
  ])
})
