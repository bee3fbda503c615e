import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { get } from 'node:https'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { hashSync } from 'bcryptjs'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { generationDurationSeconds } from '../../catalogue/content.ts'
import { queueJobsFinishedTotal } from '../../catalogue/infrastructure.ts'
import { mrr } from '../../catalogue/revenue.ts'
import { findProgram } from '../../demo/stack/debian-packages.ts'
import { startPrometheus } from '../../demo/stack/prometheus.ts'
import { negotiate, render } from '../../lib/exposition.ts'
import { readSettings } from '../../lib/settings.ts'
import { createAuthority, writeCertificate } from '../../testing/certificates.ts'
import { testDirectory } from '../../testing/database.ts'
import { createPlatformDatabase, type PlatformDatabase } from '../../testing/platform.ts'
import { type RunningExporter, startExporter } from '../main.ts'
import type { Family } from '../store/figure.ts'
import { written } from '../store/written.ts'
import { landingPage } from './landing-page.ts'

const ofPrometheus2 =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'
const ofPrometheus3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1'

const families: Family[] = [
  { metric: mrr, samples: [{ labels: { currency: 'JPY', tier: 'a "pro" \\ plan\n' }, value: 1234 }] },
  {
    metric: generationDurationSeconds,
    samples: [
      { labels: { type: 'studio', quality: 'hq' }, buckets: [0, 1, 1, 2, 2, 3, 3, 3, 3, 3], sum: 41.5, count: 4 },
    ],
  },
  { metric: queueJobsFinishedTotal, samples: [{ labels: { queue: 'generation', result: 'failed' }, value: 7 }] },
]

test.each(['text', 'openmetrics'] as const)('the exposition in the format %s is the golden one', (format) => {
  const golden = readFileSync(resolve(import.meta.dirname, 'golden', `exposition.${format}.txt`), 'utf8')
  expect(render(families.map(written), format)).toBe(golden)
})

test('each Prometheus gets OpenMetrics, and whoever asks for nothing or for text gets text', () => {
  expect([ofPrometheus2, ofPrometheus3].map(negotiate)).toEqual(['openmetrics', 'openmetrics'])
  expect(
    [
      undefined,
      '*/*',
      'text/plain',
      'application/openmetrics-text;version=2.0.0',
      'application/openmetrics-text;q=0',
    ].map(negotiate),
  ).toEqual(['text', 'text', 'text', 'text', 'text'])
})

test('nothing on the landing page can be markup of somebody else', () => {
  const state = { enabled: true, success: true, durationSeconds: 1, asOf: '<b>', families: [] }
  const page = landingPage({
    version: '1',
    snapshot: { id: '1', asOf: '<i>', backlog: new Map(), collectors: new Map([['<script>', state]]) },
    leads: true,
    cutOff: '<u>',
  })
  for (const tag of ['<b>', '<i>', '<script>', '<u>']) expect(page).not.toContain(tag)
})

describe('an exporter on a platform', () => {
  let database: PlatformDatabase
  let exporter: RunningExporter
  const log = pino({ level: 'silent' })
  const settings = (url: string) => readSettings({ DATABASE_URL: url }, ['DATABASE_URL'])
  const listen = { host: '127.0.0.1', port: 0 }

  beforeAll(async () => {
    database = await createPlatformDatabase()
    await database.pool.query(`INSERT INTO platform.users (country) VALUES ('DE')`)
    exporter = await startExporter({ settings: settings(database.exporterUrl), serving: { listen }, log })
    while ((await fetch(new URL('/readyz', exporter.address))).status !== 200) await sleep(50)
    while (!(await (await fetch(new URL('/metrics/probes', exporter.address))).text()).includes('# HELP'))
      await sleep(50)
  })
  afterAll(async () => {
    await exporter.stop()
    await database.drop()
  })

  test.each(['/metrics', '/metrics/probes'])(
    'promtool has nothing to say of %s, and OpenMetrics ends as it must',
    async (path) => {
      const answer = await fetch(new URL(path, exporter.address))
      expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
      const { path: promtool, environment } = await findProgram('promtool')
      const run = promisify(execFile)(promtool, ['check', 'metrics'], { env: { ...process.env, ...environment } })
      run.child.stdin?.end(await answer.text())
      const { stdout, stderr } = await run
      expect(stdout + stderr).toBe('')
      const open = await fetch(new URL(path, exporter.address), { headers: { accept: ofPrometheus3 } })
      expect(open.headers.get('content-type')).toContain('application/openmetrics-text; version=1.0.0')
      expect((await open.text()).endsWith('\n# EOF\n')).toBe(true)
    },
  )

  test('who can read gzip gets gzip, and who refuses it does not', async () => {
    const ask = (encoding: string) =>
      new Promise<{ encoding: string | undefined; body: Buffer }>((done, fail) => {
        request(new URL('/metrics', exporter.address), { headers: { 'accept-encoding': encoding } }, (answer) => {
          const chunks: Buffer[] = []
          answer.on('data', (chunk) => chunks.push(chunk))
          answer.on('end', () => done({ encoding: answer.headers['content-encoding'], body: Buffer.concat(chunks) }))
        })
          .on('error', fail)
          .end()
      })
    const compressed = await ask('gzip')
    expect(compressed.encoding).toBe('gzip')
    expect(gunzipSync(compressed.body).toString()).toContain('platform_characters 0\n')
    expect((await ask('gzip;q=0, identity')).encoding).toBeUndefined()
  })

  test('Prometheus scrapes both pages', async () => {
    const directory = testDirectory('prometheus')
    const target = new URL(exporter.address).host
    const job = (job_name: string, metrics_path: string) => ({
      job_name,
      metrics_path,
      static_configs: [{ targets: [target] }],
    })
    const configFile = join(directory, 'prometheus.yml')
    const configuration = {
      global: { scrape_interval: '1s' },
      scrape_configs: [job('figures', '/metrics'), job('probes', '/metrics/probes')],
    }
    // JSON is YAML too.
    writeFileSync(configFile, JSON.stringify(configuration))
    const prometheus = await startPrometheus({ directory, configFile })
    onTestFinished(() => prometheus.stop())
    const ask = async (query: string) => {
      const answer = await fetch(`${prometheus.url}/api/v1/query?query=${encodeURIComponent(query)}`)
      const body = (await answer.json()) as { data: { result: { value: [number, string] }[] } }
      return body.data.result.map((result) => Number(result.value[1]))
    }
    for (let attempt = 0; attempt < 80 && (await ask('sum(up) == 2')).length === 0; attempt += 1) await sleep(100)
    expect(await ask('up')).toEqual([1, 1])
    expect(await ask('sum(platform_users)')).toEqual([1])
    expect(await ask('platform_dependency_up{dependency="postgres"}')).toEqual([1])
    expect(await ask('count(platform_generation_duration_seconds_bucket{le="10.0"})')).toEqual([6])
  })

  test('TLS and basic authentication guard all but the health checks', async () => {
    const directory = testDirectory('tls')
    const files = writeCertificate(directory, 'server', createAuthority('authority').issue('server'))
    const basicAuthFile = join(directory, 'password')
    writeFileSync(basicAuthFile, `scraper:${hashSync('open sesame', 4)}\n`)
    const guarded = await startExporter({
      settings: settings(database.exporterUrl),
      serving: { listen, ...files, basicAuthFile },
      log,
    })
    onTestFinished(() => guarded.stop())
    const status = (path: string, auth?: string) =>
      new Promise<number | undefined>((done, fail) => {
        const options = { rejectUnauthorized: false, ...(auth === undefined ? {} : { auth }) }
        get(new URL(path, guarded.address), options, (answer) => {
          answer.resume()
          done(answer.statusCode)
        }).on('error', fail)
      })
    expect(guarded.address).toMatch(/^https:/)
    expect(await status('/livez')).toBe(200)
    expect([await status('/metrics'), await status('/'), await status('/metrics', 'scraper:wrong')]).toEqual([
      401, 401, 401,
    ])
    expect(await status('/metrics', 'scraper:open sesame')).toBe(200)
  })

  test('Prometheus scrapes by a client certificate with a password or a token, and nobody without one', async () => {
    const directory = testDirectory('guarded')
    const put = (name: string, content: string) => {
      writeFileSync(join(directory, name), content)
      return join(directory, name)
    }
    const authority = createAuthority('authority')
    const authorityFile = put('authority.pem', authority.certificate)
    const client = writeCertificate(directory, 'prometheus', authority.issue('prometheus'))
    const bearerTokenFile = put('token', 'a'.repeat(32))
    const guarded = await startExporter({
      settings: settings(database.exporterUrl),
      serving: {
        listen,
        ...writeCertificate(directory, 'server', authority.issue('server')),
        tlsClientCaFile: authorityFile,
        basicAuthFile: put('users', `scraper:${hashSync('open sesame', 10)}\n`),
        bearerTokenFile,
      },
      log,
    })
    onTestFinished(() => guarded.stop())
    const certified = {
      ...{ ca_file: authorityFile, cert_file: client.tlsCertificateFile, key_file: client.tlsKeyFile },
    }
    const password = { username: 'scraper', password_file: put('password', 'open sesame') }
    const job = (job_name: string, tls_config: object, credentials: object) => ({
      ...{ job_name, scheme: 'https', tls_config, ...credentials },
      static_configs: [{ targets: [new URL(guarded.address).host] }],
    })
    const configuration = {
      global: { scrape_interval: '1s' },
      scrape_configs: [
        job('password', certified, { basic_auth: password }),
        job('token', certified, { authorization: { credentials_file: bearerTokenFile } }),
        job('neither', certified, {}),
        job('no certificate', { ca_file: authorityFile }, { basic_auth: password }),
      ],
    }
    const configFile = put('prometheus.yml', JSON.stringify(configuration))
    const prometheus = await startPrometheus({ directory, configFile })
    onTestFinished(() => prometheus.stop())
    const targets = async () => {
      const answer = await fetch(`${prometheus.url}/api/v1/targets`)
      const { data } = (await answer.json()) as {
        data: { activeTargets: { scrapePool: string; health: string; lastError: string }[] }
      }
      return data.activeTargets.toSorted((a, b) => a.scrapePool.localeCompare(b.scrapePool))
    }
    const known = async () => (await targets()).filter(({ health }) => health !== 'unknown').length
    for (let attempt = 0; attempt < 100 && (await known()) < 4; attempt += 1) await sleep(100)
    expect((await targets()).map(({ scrapePool, health }) => [scrapePool, health])).toEqual([
      ['neither', 'down'],
      ['no certificate', 'down'],
      ['password', 'up'],
      ['token', 'up'],
    ])
    const [neither, uncertified] = (await targets()).map(({ lastError }) => lastError)
    expect(neither).toContain('401')
    expect(uncertified).toMatch(/certificate/)
  })
})
