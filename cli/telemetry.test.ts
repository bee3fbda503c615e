import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import getPort from 'get-port'
import { expect, onTestFinished, test } from 'vitest'
import { addToken } from '../audit-api/tokens/tokens.ts'
import { exporterRefreshDurationSeconds } from '../catalogue/exporter.ts'
import { httpServerRequestDurationSeconds } from '../catalogue/infrastructure.ts'
import { findProgram } from '../demo/stack/debian-packages.ts'
import { startProgram } from '../demo/stack/process.ts'
import { startPrometheus } from '../demo/stack/prometheus.ts'
import { sampleEvent } from '../testing/audit-api/testbed.ts'
import { testDirectory } from '../testing/directory.ts'
import { type ReceivedSpan, startOtlpReceiver } from '../testing/otlp.ts'
import { createPlatformDatabase, type PlatformDatabase } from '../testing/platform.ts'

async function platform(): Promise<PlatformDatabase> {
  const database = await createPlatformDatabase()
  onTestFinished(() => database.drop())
  return database
}

async function receiver() {
  const otlp = await startOtlpReceiver()
  onTestFinished(otlp.close)
  return otlp
}

/** A service as its command starts it; `stop` asks it to end and resolves with its exit code. */
function start(command: string, environment: Record<string, string>) {
  const child = spawn(process.execPath, [resolve(import.meta.dirname, 'main.ts'), command], {
    env: { ...process.env, LOG_LEVEL: 'debug', ...environment },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let text = ''
  child.stderr.on('data', (chunk) => {
    text += String(chunk)
  })
  const lines = () =>
    text
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line): Record<string, unknown> => JSON.parse(line))
  return {
    lines,
    text: () => text,
    line: async (message: string) => {
      for (;;) {
        const found = lines().find(({ msg }) => msg === message)
        if (found !== undefined) return found
        if (child.exitCode !== null) throw new Error(text)
        await sleep(50)
      }
    },
    ready: async (url: string) => {
      while (!(await fetch(url).catch(() => undefined))?.ok) {
        if (child.exitCode !== null) throw new Error(text)
        await sleep(50)
      }
    },
    stop: async () => {
      child.kill('SIGTERM')
      const [exitCode] = await once(child, 'exit')
      return exitCode
    },
  }
}

/** Breaks one view, so that one collector fails and there is something to log. */
const breakView = (database: PlatformDatabase) =>
  database.pool.query(
    `DROP VIEW barometer_source.bug_reports;
     CREATE VIEW barometer_source.bug_reports AS SELECT 1::bigint AS bug_report_id, now()::text AS created_at, now() AS updated_at, 'open' AS status, 'low' AS severity;
     GRANT SELECT ON barometer_source.bug_reports TO barometer_exporter`,
  )

const within = (spans: readonly ReceivedSpan[], parent: ReceivedSpan | undefined) =>
  spans.filter((span) => span.parentSpanId === parent?.spanId)

test('a refresh, its collectors, their statements and the probes are traced, failures with their reason', async () => {
  const database = await platform()
  await breakView(database)
  const otlp = await receiver()
  const exporter = start('exporter', {
    ...{ DATABASE_URL: database.exporterUrl, EXPORTER_LISTEN: '127.0.0.1:0', S3_BUCKET: 'x' },
    ...{ S3_ENDPOINT: 'http://127.0.0.1:1', S3_ACCESS_KEY_ID: 'key', S3_SECRET_ACCESS_KEY: 'canary-s3' },
    OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url,
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test%2Cing',
  })
  const failed = await exporter.line('a collector failed')
  await exporter.line('refreshed')
  await exporter.line('a probe fails')
  expect(await exporter.stop(), exporter.text()).toBe(0)
  const { spans } = otlp
  expect(new Set(otlp.requests.map(({ path, contentType }) => `${path} ${contentType}`))).toEqual(
    new Set(['/v1/traces application/x-protobuf']),
  )
  const refresh = spans.find(({ name }) => name === 'refresh')
  expect(refresh).toMatchObject({
    parentSpanId: '',
    attributes: { 'barometer.collectors.failed': 1 },
    resource: { 'service.name': 'barometer-exporter', 'deployment.environment.name': 'test,ing' },
  })
  const users = within(spans, refresh).find(({ name }) => name === 'collector users')
  const statement = within(spans, users).find(({ attributes }) => String(attributes['db.query.text']).includes('$1::'))
  expect(statement).toMatchObject({
    kind: 'SPAN_KIND_CLIENT',
    traceId: refresh?.traceId,
    attributes: {
      ...{ 'db.system.name': 'postgresql', 'db.operation.name': 'SELECT', 'db.namespace': database.name },
      ...{ 'db.query.text': expect.stringContaining('$1::'), 'server.address': expect.any(String) },
    },
  })
  expect(within(spans, refresh).map(({ name }) => name)).toContain('store feed users')
  const reason = 'view bug_reports: column created_at is text; expected timestamptz'
  const broken = within(spans, refresh).find(({ name }) => name === 'collector bug-reports')
  expect(broken).toMatchObject({
    status: { code: 'STATUS_CODE_ERROR', message: reason },
    events: [{ name: 'exception', attributes: { 'exception.message': reason } }],
  })
  expect(failed).toMatchObject({ collector: 'bug-reports', error: reason, trace_id: refresh?.traceId })
  expect(spans.map(({ spanId }) => spanId)).toContain(failed.span_id)
  const probe = spans.find(({ name }) => name === 'probe postgres')
  expect(within(spans, probe).map(({ name }) => name)).toEqual([`SELECT ${database.name}`])
  expect(spans.find(({ name }) => name === 'probe s3')?.status.code).toBe('STATUS_CODE_ERROR')
  // Every statement belongs to something.
  const known = new Set(spans.map(({ spanId }) => spanId))
  expect(
    spans.filter(({ attributes, parentSpanId }) => 'db.system.name' in attributes && !known.has(parentSpanId)),
  ).toEqual([])
  const password = new URL(database.exporterUrl).password || 'canary-s3'
  for (const secret of [password, 'canary-s3']) expect(JSON.stringify(spans)).not.toContain(secret)
})

test('a request is traced from its client on, and neither who nor what was asked for is in it', async () => {
  const database = await platform()
  const otlp = await receiver()
  const tokensFile = join(testDirectory('tokens'), 'tokens.json')
  const { token } = addToken(tokensFile, { name: 'all', scopes: ['ingest', 'read', 'export'] })
  const port = await getPort({ host: '127.0.0.1' })
  const headersFile = join(testDirectory('headers'), 'headers')
  writeFileSync(headersFile, 'x-key=canary%20key\n')
  const api = start('audit-api', {
    ...{ AUDIT_DATABASE_URL: database.auditUrl, AUDIT_TOKENS_FILE: tokensFile, AUDIT_LISTEN: `127.0.0.1:${port}` },
    ...{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${otlp.url}/elsewhere`, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
    ...{
      OTEL_EXPORTER_OTLP_HEADERS_FILE: headersFile,
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_SERVICE_NAME: 'log',
    },
  })
  await api.ready(`http://127.0.0.1:${port}/readyz`)
  const [traceId, spanId] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331']
  const headers = {
    ...{ authorization: `Bearer ${token}`, 'content-type': 'application/json', 'user-agent': 'canary-agent' },
    ...{ traceparent: `00-${traceId}-${spanId}-01`, 'x-request-id': 'r-77' },
  }
  const url = `http://127.0.0.1:${port}/v1/audit/events`
  const event = { ...sampleEvent(), actor: { type: 'admin', id: 'canary-actor', name: 'Canary' } }
  expect((await fetch(url, { method: 'POST', headers, body: JSON.stringify(event) })).status).toBe(201)
  expect((await fetch(`${url}?actor=canary-actor`, { headers })).status).toBe(200)
  expect(await (await fetch(`${url}.csv?actor=canary-actor`, { headers })).text()).toContain('canary-actor')
  expect((await fetch(`${url}/canary-path`, { headers })).status).toBe(404)
  await api.line('answered')
  for (const answer of [200, 201]) while (!api.lines().some(({ status }) => status === answer)) await sleep(20)
  expect(await api.stop(), api.text()).toBe(0)
  const { spans } = otlp
  const [first] = otlp.requests
  expect(first).toMatchObject({ path: '/elsewhere', contentType: 'application/json' })
  expect(first?.headers).toMatchObject({ 'x-key': 'canary key', 'content-encoding': 'gzip' })
  const post = spans.find(({ name }) => name === 'POST /v1/audit/events')
  expect(post).toMatchObject({
    ...{ traceId, parentSpanId: spanId, kind: 'SPAN_KIND_SERVER', resource: { 'service.name': 'log' } },
    attributes: {
      ...{ 'http.request.method': 'POST', 'http.route': '/v1/audit/events', 'http.response.status_code': 201 },
      ...{ 'url.scheme': 'http', 'http.response.header.x-request-id': ['r-77'] },
    },
  })
  const names = (parent: string) =>
    within(
      spans,
      spans.find(({ name, traceId: of }) => name === parent && of === traceId),
    ).map(({ name }) => name)
  // The body was read in between.
  expect(names('POST /v1/audit/events')).toContainEqual(expect.stringMatching(/^(INSERT|WITH|SELECT) /))
  expect(names('GET /v1/audit/events').length).toBeGreaterThan(0)
  const answered = api.lines().find(({ msg, status }) => msg === 'answered' && status === 201)
  expect(answered).toMatchObject({ request_id: 'r-77', trace_id: traceId, span_id: post?.spanId })
  expect(names('GET').length).toBe(0)
  expect(spans.find(({ name }) => name === 'seal')).toMatchObject({ parentSpanId: '' })
  expect(
    within(
      spans,
      spans.find(({ name }) => name === 'seal'),
    ).length,
  ).toBeGreaterThan(0)
  expect(JSON.stringify(spans)).not.toMatch(/canary|Canary|127\.0\.0\.1:\d+\/v1|Bearer/)
})

test('Prometheus stores exemplars by which a slow refresh or request leads to its trace; the text format has none', async () => {
  const database = await platform()
  const otlp = await receiver()
  const directory = testDirectory('exemplars')
  const ports = [await getPort({ host: '127.0.0.1' }), await getPort({ host: '127.0.0.1' })]
  const [exporterTarget, apiTarget] = ports.map((port) => `127.0.0.1:${port}`)
  const tokensFile = join(directory, 'tokens.json')
  addToken(tokensFile, { name: 'all', scopes: ['read'] })
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url }
  const services = [
    start('exporter', { ...endpoint, DATABASE_URL: database.exporterUrl, EXPORTER_LISTEN: exporterTarget ?? '' }),
    start('audit-api', {
      ...{ ...endpoint, AUDIT_DATABASE_URL: database.auditUrl, AUDIT_TOKENS_FILE: tokensFile },
      AUDIT_LISTEN: apiTarget ?? '',
    }),
  ]
  for (const [index, service] of services.entries()) await service.ready(`http://127.0.0.1:${ports[index]}/readyz`)
  const configFile = join(directory, 'prometheus.yml')
  const scrape_configs = [{ job_name: 'barometer', static_configs: [{ targets: [exporterTarget, apiTarget] }] }]
  writeFileSync(configFile, JSON.stringify({ global: { scrape_interval: '1s' }, scrape_configs }))
  const prometheus = await startPrometheus({ directory, configFile, flags: ['--enable-feature=exemplar-storage'] })
  onTestFinished(() => prometheus.stop())
  const exemplars = async (metric: string) => {
    const query = `${metric}_bucket`
    const start = Math.floor(Date.now() / 1_000) - 600
    const url = `${prometheus.url}/api/v1/query_exemplars?query=${query}&start=${start}&end=${start + 1_200}`
    const { data } = (await (await fetch(url)).json()) as {
      data: { seriesLabels: Record<string, string>; exemplars: { labels: Record<string, string>; value: string }[] }[]
    }
    return data.flatMap((series) => series.exemplars.map((one) => ({ ...one, instance: series.seriesLabels.instance })))
  }
  const untilStored = async (metric: string, instance = '') => {
    for (;;) {
      const found = (await exemplars(metric)).find((one) => one.instance === instance)
      if (found !== undefined) return found
      await sleep(200)
    }
  }
  const ofRefresh = await untilStored(exporterRefreshDurationSeconds.name, exporterTarget)
  const ofScrape = await untilStored(httpServerRequestDurationSeconds.name, exporterTarget)
  const ofRequest = await untilStored(httpServerRequestDurationSeconds.name, apiTarget)
  for (const target of [exporterTarget, apiTarget]) {
    const text = await (await fetch(`http://${target}/metrics`)).text()
    expect(text).not.toContain('# {')
    expect(text).not.toContain('# EOF')
    expect(await check(text)).toBe('')
  }
  const up = await fetch(`${prometheus.url}/api/v1/query?query=${encodeURIComponent('sum(up)')}`)
  expect(await up.json()).toMatchObject({ data: { result: [{ value: [expect.any(Number), '2'] }] } })
  for (const service of services) expect(await service.stop(), service.text()).toBe(0)
  const nameOf = ({ labels }: { labels: Record<string, string> }) =>
    otlp.spans.find(({ traceId, spanId }) => traceId === labels.trace_id && spanId === labels.span_id)?.name
  expect([nameOf(ofRefresh), nameOf(ofScrape), nameOf(ofRequest)]).toEqual([
    'refresh',
    expect.stringMatching(/^GET \/(metrics|readyz)$/),
    expect.stringMatching(/^GET \/(metrics|readyz)$/),
  ])
})

/** What promtool has to say of a page in the text format. */
async function check(text: string): Promise<string> {
  const { path, environment } = await findProgram('promtool')
  const run = spawnSync(path, ['check', 'metrics'], {
    ...{ input: text, encoding: 'utf8', env: { ...process.env, ...environment } },
  })
  return run.stdout + run.stderr
}

const otelcol = process.env.BAROMETER_OTELCOL ?? 'otelcol'
const hasCollector = spawnSync(otelcol, ['components']).status === 0
test.skipIf(!hasCollector)(
  'an OpenTelemetry Collector takes the traces (skipped where no otelcol is on PATH)',
  async () => {
    const database = await platform()
    const directory = testDirectory('otelcol')
    const port = await getPort({ host: '127.0.0.1' })
    const configuration = {
      receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
      exporters: { debug: { verbosity: 'detailed', sampling_initial: 10_000 } },
      service: {
        pipelines: { traces: { receivers: ['otlp'], exporters: ['debug'] } },
        telemetry: { metrics: { level: 'none' } },
      },
    }
    const configFile = join(directory, 'otelcol.yaml')
    // JSON is YAML too.
    writeFileSync(configFile, JSON.stringify(configuration))
    const logFile = join(directory, 'otelcol.log')
    const collector = await startProgram({
      ...{ name: 'OpenTelemetry Collector', command: otelcol, arguments: [`--config=${configFile}`], logFile },
      ready: async () => readFileSync(logFile, 'utf8').includes('Everything is ready'),
    })
    onTestFinished(() => collector.stop())
    const exporter = start('exporter', {
      ...{ DATABASE_URL: database.exporterUrl, EXPORTER_LISTEN: '127.0.0.1:0' },
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    })
    await exporter.line('refreshed')
    expect(await exporter.stop()).toBe(0)
    const text = readFileSync(logFile, 'utf8')
    const spans = text.split(/^Span #\d+$/m).map((part) => {
      const field = (name: string) => new RegExp(`^ +${name} +: ?(.*)$`, 'm').exec(part)?.[1]
      return { id: field('ID'), parent: field('Parent ID'), trace: field('Trace ID'), name: field('Name') }
    })
    const refresh = spans.find(({ name }) => name === 'refresh')
    const users = spans.find(({ name, parent }) => name === 'collector users' && parent === refresh?.id)
    expect(users).toMatchObject({ trace: refresh?.trace })
    expect(
      spans.find(({ name, parent }) => name?.startsWith('SELECT ') && parent === users?.id),
      text,
    ).toBeDefined()
    expect(text).toContain('service.name: Str(barometer-exporter)')
  },
)
