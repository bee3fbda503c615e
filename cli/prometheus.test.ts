import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningPrometheus, startPrometheus } from '../demo/stack/prometheus.ts'
import { readSettings } from '../lib/settings.ts'
import { barometer } from '../testing/cli.ts'
import { testDirectory } from '../testing/directory.ts'
import { checkServices } from './check/services.ts'
import { queryPrometheus } from './prometheus.ts'

let prometheus: RunningPrometheus
const replicas: Server[] = []

/** Two replicas that show the same snapshot, as Prometheus sees them. */
beforeAll(async () => {
  const targets: string[] = []
  for (const rows of ['platform_images{window="ever"} 9000', 'platform_images{window="ever"} 9000']) {
    const server = createServer((_, response) => {
      response.setHeader('content-type', 'text/plain; version=0.0.4')
      response.end(`${rows}\nplatform_dependency_up{dependency="redis",target="cache"} 1\n`)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    replicas.push(server)
    targets.push(`127.0.0.1:${(server.address() as AddressInfo).port}`)
  }
  const directory = testDirectory('cli-prometheus')
  const configFile = join(directory, 'prometheus.yml')
  const job = { job_name: 'barometer-exporter', static_configs: [{ targets }] }
  writeFileSync(
    configFile,
    JSON.stringify({ global: { scrape_interval: '1s', scrape_timeout: '1s' }, scrape_configs: [job] }),
  )
  prometheus = await startPrometheus({ directory, configFile })
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const up = await queryPrometheus(prometheus.url, 'PROMETHEUS_URL', 'sum(up)')
    if (up[0]?.value === 2) return
    await wait(200)
  }
  throw new Error('Prometheus did not scrape both replicas within 20 s')
})
afterAll(async () => {
  await prometheus.stop()
  for (const replica of replicas) replica.close()
})

test('the overview from Prometheus counts replicas once', async () => {
  const ran = await barometer(['overview', '--json'], { PROMETHEUS_URL: prometheus.url })
  expect(ran).toMatchObject({ exitCode: 0, stderr: '' })
  const overview = JSON.parse(ran.stdout)
  expect(overview.content.images).toBe(9000)
  expect(overview.health).toEqual({
    overall: 'healthy',
    dependencies: [{ dependency: 'redis', target: 'cache', healthy: true }],
  })
})

test('check finds the jobs that are there, warns of those that are not, and names the dead alerts', async () => {
  const settings = readSettings({ PROMETHEUS_URL: prometheus.url })
  const reports = await checkServices(settings, ['ApiDown', 'ApiErrorRateHigh'])
  const byTarget = Object.fromEntries(reports.map((report) => [`${report.service} ${report.target}`, report]))
  expect(byTarget['Prometheus job barometer-exporter']).toMatchObject({ status: 'ok' })
  expect(byTarget['Prometheus job barometer-probes']).toMatchObject({ status: 'warning' })
  expect(byTarget['Prometheus job platform-api']).toMatchObject({
    status: 'warning',
    detail: 'no such job; without it these cannot fire: ApiDown, ApiErrorRateHigh',
  })
  expect(byTarget['Alertmanager –']).toEqual({
    service: 'Alertmanager',
    target: '–',
    status: 'off',
    detail: 'ALERTMANAGER_URL is not set',
  })
})

test('a Prometheus that does not answer is broken, and its password is not shown', async () => {
  const settings = readSettings({ PROMETHEUS_URL: 'http://admin:hunter2@127.0.0.1:9/prometheus' })
  const [report] = (await checkServices(settings, [])).filter(({ service }) => service === 'Prometheus')
  expect(report?.status).toBe('broken')
  expect(JSON.stringify(report)).not.toContain('hunter2')
})
