import { execFile } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import getPort from 'get-port'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { images } from '../catalogue/content.ts'
import { value } from '../catalogue/promql.ts'
import { users } from '../catalogue/users.ts'
import { startScript } from '../demo/launcher/processes.ts'
import { seed } from '../demo/simulator/seed.ts'
import { findOnPath, findProgram, withOnPath } from '../demo/stack/debian-packages.ts'
import { answers, type Program } from '../demo/stack/process.ts'
import { type RunningRedis, startRedis } from '../demo/stack/redis.ts'
import { type RunningS3, startS3 } from '../demo/stack/s3.ts'
import { barometer } from './cli.ts'
import { testDirectory } from './directory.ts'
import { type Pair, type PrometheusOfPair, type Received, sentBy, startPair } from './pair.ts'
import { createPlatformDatabase, type PlatformDatabase } from './platform.ts'
import { blockFlags, commandOf, type RunningThanos, startThanos } from './thanos.ts'

/**
 * The scale profile with its real programs on this machine: two exporters on one Postgres, a pair of Prometheis, Thanos
 * over both with the past in S3, and a cluster of three Alertmanagers. One of each is killed while something is paged.
 */
const thanos = findOnPath(['thanos'])
const scrapeSeconds = 5
const dayMs = 86_400_000
const stops: (() => Promise<unknown>)[] = []
const kept = <Running extends { stop(): Promise<void> }>(running: Running): Running => {
  stops.push(() => running.stop())
  return running
}
const freePort = () => getPort({ host: '127.0.0.1' })

let platform: PlatformDatabase
let redis: RunningRedis
let s3: RunningS3
let exporters: { url: string; program: Program }[]
let pair: Pair
let first: PrometheusOfPair
/** Where everything that is asked is asked: the front of Thanos. */
let front: RunningThanos
let query: RunningThanos
let bucketFile: string
let began: number

beforeAll(async () => {
  if (thanos === undefined) return
  platform = await createPlatformDatabase()
  await seed(platform.url, { now: new Date(), users: 400, days: 20 })
  redis = kept(await startRedis({ directory: testDirectory('redis') }))
  s3 = kept(await startS3({ directory: testDirectory('s3'), bucket: 'thanos', tls: await certificate() }))
  exporters = await Promise.all([startExporter(1), startExporter(2)])
  pair = kept(
    await startPair({
      exporters: exporters.map(({ url }) => url),
      changePrometheus: ({ global }) =>
        Object.assign(global, { scrape_interval: `${scrapeSeconds}s`, scrape_timeout: '4s' }),
      prometheusFlags: blockFlags,
    }),
  )
  first = pair.prometheis[0] as PrometheusOfPair
  bucketFile = join(testDirectory('bucket'), 'bucket.json')
  const { bucket, accessKeyId: access_key, secretAccessKey: secret_key } = s3
  const config = {
    ...{ bucket, access_key, secret_key, endpoint: new URL(s3.url).host, region: 'us-east-1' },
    http_config: { insecure_skip_verify: true },
  }
  writeFileSync(bucketFile, JSON.stringify({ type: 'S3', config }))
  await startThanosOver(thanos)
  began = Date.now() / 1_000
}, 600_000)
afterAll(async () => {
  for (const stop of stops.toReversed()) await stop()
  await platform?.drop()
})

/** For HTTPS: over plain HTTP the client signs each piece of an object, and s3rver would keep the signatures in it. */
async function certificate(): Promise<{ keyFile: string; certificateFile: string }> {
  const [keyFile, certificateFile] = ['key.pem', 'certificate.pem'].map((name) => join(testDirectory('tls'), name))
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'],
    ...['-subj', '/CN=localhost', '-keyout', keyFile ?? '', '-out', certificateFile ?? ''],
  ])
  return { keyFile: keyFile ?? '', certificateFile: certificateFile ?? '' }
}

async function startExporter(number: number, port?: number): Promise<{ url: string; program: Program }> {
  const listen = `127.0.0.1:${port ?? (await freePort())}`
  const program = await startScript({
    ...{ name: `exporter ${number}`, script: 'cli/main.ts', words: ['exporter'], logs: testDirectory('exporter') },
    environment: {
      ...{ DATABASE_URL: platform.exporterUrl, REDIS_URL: redis.url, EXPORTER_LISTEN: listen, REFRESH_INTERVAL: '10s' },
    },
    ready: () => answers(`http://${listen}/readyz`),
    readyTimeoutMs: 240_000,
  })
  return { url: `http://${listen}`, program: kept(program) }
}

/** The parts as the profile has them; the store begins once there is something in the bucket. */
async function startThanosOver(path: string): Promise<void> {
  const [one, other] = pair.prometheis as [PrometheusOfPair, PrometheusOfPair]
  const placeOf = ({ directory }: PrometheusOfPair) => ({
    '/run/secrets/thanos_s3': bucketFile,
    '=/prometheus': `=${join(directory, 'data')}`,
  })
  const [sidecar, sidecarB] = await Promise.all([
    startThanos(path, 'thanos-sidecar', { ...placeOf(one), 'http://prometheus:9090': one.url }),
    startThanos(path, 'thanos-sidecar-b', { ...placeOf(other), 'http://prometheus-b:9090': other.url }),
  ])
  kept(sidecar)
  kept(sidecarB)
  await uploadPast(one, sidecar)
  const store = kept(
    await startThanos(path, 'thanos-store', {
      '/run/secrets/thanos_s3': bucketFile,
      '=/data': `=${testDirectory('store')}`,
    }),
  )
  storeAddress = store.grpc
  query = kept(
    await startThanos(path, 'thanos-query', {
      'thanos-sidecar:10901': sidecar.grpc,
      'thanos-sidecar-b:10901': sidecarB.grpc,
      'thanos-store:10901': store.grpc,
    }),
  )
  front = kept(await startThanos(path, 'thanos-query-frontend', { 'thanos-query:10902': query.http }))
}
let storeAddress: string

/** Backfills what was before Prometheus, and waits until the sidecar has brought it to the bucket. */
async function uploadPast({ directory }: PrometheusOfPair, sidecar: RunningThanos): Promise<void> {
  const from = new Date(Math.floor(Date.now() / dayMs) * dayMs - 10 * dayMs).toISOString()
  const to = new Date(Math.floor(Date.now() / dayMs) * dayMs - 8 * dayMs).toISOString()
  const instance = new URL(exporters[0]?.url ?? '').host
  const labels = ['--label', 'job=barometer-exporter', '--label', `instance=${instance}`]
  const words = ['backfill', '--from', from, '--to', to, '--blocks', join(directory, 'data'), ...labels]
  const promtool = await findProgram('promtool')
  const done = await barometer(words, { DATABASE_URL: platform.exporterUrl, ...withOnPath(promtool) })
  expect(done.exitCode, done.stderr).toBe(0)
  const blocks = readdirSync(join(directory, 'data')).filter((name) => /^[0-9A-Z]{26}$/.test(name))
  expect(blocks.length).toBeGreaterThan(0)
  await vi.waitFor(
    async () => {
      const page = await (await fetch(`http://${sidecar.http}/metrics`)).text()
      expect(Number(/^thanos_shipper_uploads_total (\d+)$/m.exec(page)?.[1])).toBe(blocks.length)
      expect(Number(/^thanos_shipper_upload_failures_total (\d+)$/m.exec(page)?.[1])).toBe(0)
    },
    { timeout: 120_000, interval: 1_000 },
  )
}

interface Series {
  metric: Record<string, string>
  value?: [number, string]
  values?: [number, string][]
}

async function ask(url: string, path: string, parameters: Record<string, string>): Promise<Series[]> {
  const response = await fetch(`${url}/api/v1/${path}`, { method: 'POST', body: new URLSearchParams(parameters) })
  const { data, error } = (await response.json()) as { data?: { result: Series[] }; error?: string }
  if (data === undefined) throw new Error(`${url} answers ${error} to ${parameters.query}`)
  return data.result
}

const now = async (expression: string, more: Record<string, string> = {}): Promise<number[]> =>
  (await ask(`http://${front.http}`, 'query', { query: expression, ...more })).map((series) =>
    Number(series.value?.[1]),
  )

/** The longest time between two samples of one series, from a moment until now, in seconds. */
async function longestGap(
  url: string,
  selector: string,
  since: number,
  more: Record<string, string> = {},
): Promise<number> {
  const time = Math.floor(Date.now() / 1_000)
  const range = Math.floor(time - since)
  const [series, ...others] = await ask(url, 'query', { query: `${selector}[${range}s]`, time: String(time), ...more })
  expect(others, 'one series and no double').toEqual([])
  const times = [since, ...(series?.values ?? []).map(([at]) => at), time]
  return Math.max(...times.slice(1).map((at, index) => at - (times[index] ?? 0)))
}

/** Each figure, and the same by plain SQL. */
const figures = {
  users: {
    expression: `sum(${value(users)})`,
    sql: `SELECT count(*) AS n FROM users WHERE NOT is_internal AND created_at <= now() AND (deleted_at IS NULL OR deleted_at > now())`,
  },
  images: {
    expression: `sum(${value(images, { window: 'ever' })})`,
    sql: `SELECT sum(image_count) AS n FROM generations LEFT JOIN users u USING (user_id)
      WHERE status = 'succeeded' AND finished_at <= now() AND u.is_internal IS NOT TRUE`,
  },
}

async function bySql(sql: string): Promise<number> {
  const client = await platform.pool.connect()
  try {
    await client.query(`BEGIN; SET LOCAL search_path = barometer_source`)
    return Number((await client.query<{ n: string }>(sql)).rows[0]?.n)
  } finally {
    await client.query('ROLLBACK')
    client.release()
  }
}

const titled = (messages: readonly Received[], title: RegExp) =>
  messages.filter(({ body }) => title.test(body.attachments?.[0]?.title ?? ''))
const pages = async () => titled(await pair.slack(), /^CRITICAL RedisDown:/).length
const triggers = async () =>
  (await pair.pagerduty()).filter(
    ({ body }) => body.event_action === 'trigger' && body.payload?.summary.includes('RedisDown'),
  ).length
const patience = (seconds: number) => ({ timeout: seconds * 1_000, interval: 500 })
const unlessMissing = (name: string, body: () => Promise<void>, timeoutMs: number) =>
  test(name, { timeout: timeoutMs }, async (context) => {
    context.skip(thanos === undefined, 'thanos is not on PATH')
    await body()
  })

unlessMissing(
  'each figure is there once, as plain SQL has it, though two exporters and two Prometheis have it',
  async () => {
    for (const { expression, sql } of Object.values(figures)) {
      const expected = await bySql(sql)
      expect(expected).toBeGreaterThan(100)
      await vi.waitFor(async () => expect(await now(expression)).toEqual([expected]), patience(60))
    }
    await vi.waitFor(async () => expect(await now('count(up{job="barometer-probes"})')).toEqual([2]), patience(60))
    // What it would be without the label by which Thanos puts the pair together.
    const doubled = () => now('count(up{job="barometer-probes"})', { dedup: 'false' })
    await vi.waitFor(async () => expect(await doubled()).toEqual([4]), patience(60))
  },
  200_000,
)

unlessMissing(
  'what is older than Prometheus is read from the bucket, and one run of the compactor leaves it right',
  async () => {
    const time = String(Math.floor(Date.now() / dayMs) * (dayMs / 1_000) - 9 * 86_400)
    const fromBucket = { time, 'storeMatch[]': `{__address__="${storeAddress}"}` }
    const whole = 'sum(max without (instance, pod) (last_over_time(platform_users[1h])))'
    // The front asks all stores.
    const inBucket = async () =>
      (await ask(`http://${query.http}`, 'query', { query: whole, ...fromBucket })).map((series) =>
        Number(series.value?.[1]),
      )
    const before = await inBucket()
    expect(before[0]).toBeGreaterThan(10)
    expect(await now(whole, { time })).toEqual(before)
    const words = commandOf('thanos-compact', {
      '/run/secrets/thanos_s3': bucketFile,
      '=/data': `=${testDirectory('compact')}`,
    }).filter((word) => word !== '--wait')
    await promisify(execFile)(thanos ?? '', [...words, `--http-address=127.0.0.1:${await freePort()}`], {
      timeout: 90_000,
    })
    expect(await inBucket()).toEqual(before)
  },
  200_000,
)

unlessMissing(
  'one of each is killed while Redis is down: one page, one end of it, no gap, no doubled figure',
  async () => {
    await redis.signal('SIGKILL')
    await vi.waitFor(async () => expect(await pages()).toBe(1), patience(100))
    // Until the others of the cluster have heard of it: who dies before that has its page sent again, as it must be.
    await sleep(5_000)

    // Who sent it is the one whose memory of it is lost; the exporter is the one that leads.
    const sender = (await sentBy(pair.alertmanagers, 'slack')).findIndex((count) => count > 0)
    const leaders = await Promise.all(
      exporters.map(async ({ url }) =>
        /^platform_exporter_leader 1$/m.test(await (await fetch(`${url}/metrics`)).text()),
      ),
    )
    const leader = exporters[Math.max(0, leaders.indexOf(true))]
    const killed = Date.now() / 1_000
    await Promise.all([
      pair.alertmanagers[sender]?.signal('SIGKILL'),
      first.signal('SIGKILL'),
      leader?.program.signal('SIGKILL'),
    ])
    // Past the minute between two messages of a group, and that between two of Prometheus's own.
    await sleep(80_000)
    expect([await pages(), await triggers()]).toEqual([1, 1])

    await redis.start()
    const ends = async () => titled(await pair.slack(), /^RESOLVED RedisDown:/).length
    await vi.waitFor(async () => expect(await ends()).toBe(1), patience(240))

    await pair.alertmanagers[sender]?.start()
    await first.start()
    const back = await startExporter(3, Number(new URL(leader?.url ?? '').port))
    await vi.waitFor(async () => expect(await now('sum(up{job="barometer-probes"})')).toEqual([2]), patience(60))
    await vi.waitFor(
      async () => expect(await ask(first.url, 'query', { query: 'up{job="barometer-probes"} == 1' })).toHaveLength(2),
      patience(60),
    )
    await sleep(15_000)
    expect([await pages(), await triggers(), await ends()]).toEqual([1, 1, 1])

    const survivor = exporters.find(({ url }) => url !== back.url)
    const selector = `up{job="barometer-probes", instance="${new URL(survivor?.url ?? '').host}"}`
    expect(await longestGap(first.url, selector, killed), 'the one that was killed has the gap').toBeGreaterThan(60)
    expect(await longestGap(`http://${query.http}`, selector, killed)).toBeLessThanOrEqual(4 * scrapeSeconds)

    for (const { expression, sql } of Object.values(figures)) {
      // On whole steps, on which the front lays each range.
      const [start, end] = [began + 30, Date.now() / 1_000 - scrapeSeconds].map(
        (at) => Math.ceil(at / scrapeSeconds) * scrapeSeconds,
      ) as [number, number]
      const span = { start: String(start), end: String(end), step: String(scrapeSeconds) }
      const [line, ...others] = await ask(`http://${front.http}`, 'query_range', { query: expression, ...span })
      expect(others).toEqual([])
      expect(line?.values).toHaveLength(Math.floor((end - start) / scrapeSeconds) + 1)
      expect([...new Set(line?.values?.map(([, number]) => Number(number)))]).toEqual([await bySql(sql)])
    }
  },
  900_000,
)
