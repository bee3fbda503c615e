import { writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPrometheus } from '../../demo/stack/prometheus.ts'
import { type AuditTestbed, openAuditTestbed } from '../../testing/audit-api/testbed.ts'
import { createDatabase, type TestDatabase, testDirectory } from '../../testing/database.ts'

let database: TestDatabase
let bed: AuditTestbed
let exposition: Server
let prometheus: Awaited<ReturnType<typeof startPrometheus>>
let requests = 100

/** What the exporter, the platform's API and the audit API would expose. */
const page = () => `
platform_dependency_up{dependency="postgres",target="db:5432"} 1
platform_dependency_up{dependency="redis",target="cache:6379"} 0
platform_dependency_up{dependency="comfyui",target="gpu-1"} 1
platform_dependency_up{dependency="comfyui",target="gpu-2"} 0
platform_dependency_last_probe_timestamp_seconds{dependency="postgres",target="db:5432"} ${Date.now() / 1_000}
platform_queue_jobs{queue="generation",state="waiting"} 7
platform_queue_jobs{queue="generation",state="active"} 2
platform_queue_jobs{queue="thumbnail",state="waiting"} 0
platform_queue_workers{queue="generation"} 3
platform_jobs_failed{queue="generation",window="1d"} 5
http_server_request_duration_seconds_count{http_response_status_code="200"} ${requests}
http_server_request_duration_seconds_count{http_response_status_code="503"} ${requests / 10}
platform_errors_total{service="platform-api",error_type="TimeoutError"} ${requests / 20}
`

beforeAll(async () => {
  exposition = createServer((_request, response) => {
    requests += 100
    response.setHeader('content-type', 'text/plain; version=0.0.4').end(page())
  })
  await new Promise<void>((done) => exposition.listen(0, '127.0.0.1', done))
  const directory = testDirectory('prometheus')
  const configFile = join(directory, 'prometheus.yml')
  const target = `127.0.0.1:${(exposition.address() as AddressInfo).port}`
  writeFileSync(
    configFile,
    `global: { scrape_interval: 1s }
scrape_configs: [{ job_name: platform-api, static_configs: [{ targets: ["${target}"] }] }]
`,
  )
  prometheus = await startPrometheus({ directory, configFile })
  database = await createDatabase()
  bed = await openAuditTestbed(database.url, {
    analytics: { prometheusUrl: prometheus.url, timezone: 'Europe/Berlin' },
  })
}, 60_000)
afterAll(async () => {
  await bed.close()
  await prometheus.stop()
  exposition.close()
  await database.drop()
})

async function get(path: string) {
  const token = bed.token({ scopes: ['read'] })
  const answer = await bed.server.inject({
    method: 'GET',
    url: `/v1/${path}`,
    headers: { authorization: `Bearer ${token}` },
  })
  expect(answer.statusCode, answer.body).toBe(200)
  return answer.json()
}

test('system/health: a dependency is healthy when all its targets are, and unknown where none is watched', async () => {
  await expect.poll(async () => (await get('analytics/system/health')).overall, { timeout: 20_000 }).toBe('degraded')
  const health = await get('analytics/system/health')
  expect(health).toMatchObject({
    database: { healthy: true, latency: null },
    redis: { healthy: false },
    storage: { healthy: null, latency: null },
    comfyui: { healthy: false },
  })
  expect(health.items).toContainEqual({
    name: 'comfyui',
    targets: 2,
    targets_up: 1,
    healthy: false,
    latency_seconds: null,
  })
})

test('system/jobs: a row a queue', async () => {
  const { items } = await get('analytics/system/jobs')
  expect(items).toHaveLength(2)
  expect(items[0]).toMatchObject({
    queue: 'generation',
    waiting: 7,
    active: 2,
    workers: 3,
    failed_24h: 5,
    completed: null,
  })
})

test('system/errors: the periods of the time zone, the share of answers that are errors, and the types', async () => {
  // Two scrapes at least, or nothing has grown.
  await expect
    .poll(async () => (await get('analytics/system/errors?period=month')).items.at(-1).requests, { timeout: 20_000 })
    .toBeGreaterThan(0)
  const { items, types } = await get('analytics/system/errors?period=month')
  expect(items).toHaveLength(12)
  expect(items[0]).toMatchObject({ requests: null, errors: null, error_rate: null, complete: true })
  expect(items[0].from).toMatch(/T2[23]:00:00\.000000Z$/)
  expect(items.at(-1).error_rate).toBeCloseTo(1 / 11, 2)
  expect(types).toEqual([expect.objectContaining({ service: 'platform-api', error_type: 'TimeoutError' })])
})

test('the health board is as old as its last probe', async () => {
  const [item] = (await get('dashboards/barometer-health/freshness')).items
  expect(item.age_seconds).toBeLessThan(10)
})
