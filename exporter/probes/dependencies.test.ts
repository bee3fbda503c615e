import { setTimeout as sleep } from 'node:timers/promises'
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  dependencyLastProbeTimestampSeconds,
  dependencyLatencySeconds,
  dependencyUp,
} from '../../catalogue/infrastructure.ts'
import { type Postgres, startPostgres } from '../../demo/stack/postgres.ts'
import { type RunningS3, startS3 } from '../../demo/stack/s3.ts'
import { readSettings } from '../../lib/settings.ts'
import { UserError } from '../../lib/user-error.ts'
import { testDirectory } from '../../testing/database.ts'
import { json, recordingLog, startServer, type TestProbes, type TestServer, testProbes } from '../../testing/probes.ts'
import { checkDependencies, startProbes } from './index.ts'
import { type Probe, ProbeError } from './probe.ts'
import { createExplain } from './reason.ts'
import { Runner } from './runner.ts'

let postgres: Postgres
let s3: RunningS3
let server: TestServer
const running: TestProbes[] = []

beforeAll(async () => {
  ;[postgres, s3, server] = await Promise.all([
    startPostgres({ directory: testDirectory('postgres') }),
    startS3({ directory: testDirectory('s3'), bucket: 'images' }),
    startServer(),
  ])
})

afterEach(async () => {
  for (const probes of running.splice(0)) await probes.stop()
})

afterAll(async () => {
  await Promise.all([postgres.stop(), s3.stop(), server.close()])
})

async function probing(environment: Record<string, string>, options: { timeoutMs?: number } = {}) {
  const probes = testProbes(environment, { timeoutMs: 1_500, ...options })
  running.push(probes)
  await probes.tick()
  return probes
}

const s3Environment = () => ({
  S3_ENDPOINT: s3.url,
  S3_BUCKET: s3.bucket,
  S3_ACCESS_KEY_ID: s3.accessKeyId,
  S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
})

test('Postgres is up, down while it is frozen or gone, and up again by itself', async () => {
  const of = { dependency: 'postgres', target: `127.0.0.1:${postgres.port}` } as const
  const probes = await probing({ DATABASE_URL: postgres.url })
  expect(probes.value(dependencyUp, of)).toBe(1)
  await postgres.signal('SIGSTOP')
  await probes.tick()
  expect(probes.value(dependencyUp, of)).toBe(0)
  expect(probes.lines).toHaveLength(1)
  await probes.tick()
  expect(probes.lines).toHaveLength(1)
  await postgres.signal('SIGCONT')
  await probes.tick()
  expect(probes.value(dependencyUp, of)).toBe(1)
  await postgres.signal('SIGKILL')
  await probes.tick()
  expect(probes.value(dependencyUp, of)).toBe(0)
  await postgres.start()
  await probes.tick()
  expect(probes.value(dependencyUp, of)).toBe(1)
  expect(probes.lines).toHaveLength(4)
})

test('a wrong password is down, and neither it nor the address is told', async () => {
  const { port } = postgres
  const probes = await probing({ DATABASE_URL: `postgres://nobody:pa55-word@127.0.0.1:${port}/no_such_database` })
  expect(probes.value(dependencyUp, { dependency: 'postgres', target: `127.0.0.1:${port}` })).toBe(0)
  expect(probes.everything()).not.toContain('pa55-word')
  expect(probes.everything()).not.toContain('postgres://')
})

test('S3 is up when the canary came back, and leaves nothing behind', async () => {
  const of = { dependency: 's3', target: `127.0.0.1:${new URL(s3.url).port}` } as const
  const probes = await probing(s3Environment())
  expect(probes.lines).toEqual([])
  expect(probes.value(dependencyUp, of)).toBe(1)
  const client = new S3Client({
    endpoint: s3.url,
    forcePathStyle: true,
    region: 'us-east-1',
    credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey },
  })
  expect((await client.send(new ListObjectsV2Command({ Bucket: s3.bucket }))).KeyCount).toBe(0)
  client.destroy()
  await s3.signal('SIGSTOP')
  await probes.tick()
  expect(probes.value(dependencyUp, of)).toBe(0)
  await s3.signal('SIGCONT')
  // The request that was cut off needs a moment to end, and no second one is begun before.
  await sleep(50)
  await probes.tick()
  expect(probes.value(dependencyUp, of)).toBe(1)
})

test('a bucket that is not there is down, by its name and status', async () => {
  const probes = await probing({ ...s3Environment(), S3_BUCKET: 'no-such-bucket' })
  expect(probes.value(dependencyUp, { dependency: 's3', target: `127.0.0.1:${new URL(s3.url).port}` })).toBe(0)
  expect(probes.lines.join('')).toMatch(/HEAD of the bucket failed: \w+ \(status 404\)/)
})

test('the canary is written once a minute under the key of the replica, and again at once after it failed', async () => {
  let content = ''
  let broken = true
  const steps: string[] = []
  server.answer((request, response) => {
    steps.push(`${request.method} ${request.url?.split('?')[0]}`)
    request.on('data', (chunk) => {
      content += String(chunk)
    })
    request.on('end', () => {
      if (request.method === 'GET' && broken) response.end('what somebody else wrote')
      else if (request.method === 'GET') response.end(content)
      else response.writeHead(request.method === 'DELETE' ? 204 : 200).end()
      if (request.method === 'DELETE') content = ''
    })
  })
  const of = { dependency: 's3', target: `127.0.0.1:${server.port}` } as const
  const probes = await probing({ ...s3Environment(), S3_ENDPOINT: server.url })
  expect(probes.value(dependencyUp, of)).toBe(0)
  expect(probes.lines.join('')).toContain('not the one that was written')
  broken = false
  await probes.tick()
  expect(probes.value(dependencyUp, of)).toBe(1)
  for (let tick = 0; tick < 11; tick += 1) await probes.tick()
  const key = '/images/barometer-canary/replica-1'
  expect(steps.filter((step) => step === `PUT ${key}`)).toHaveLength(2)
  await probes.tick()
  expect(steps.filter((step) => step === `PUT ${key}`)).toHaveLength(3)
  expect(steps.filter((step) => step === `DELETE ${key}`)).toHaveLength(3)
  expect(steps.filter((step) => step.startsWith('HEAD /images'))).toHaveLength(14)
  expect(probes.value(dependencyUp, of)).toBe(1)
})

test('the API is up for every answer below 500 in time, and a redirect is not followed', async () => {
  const of = { dependency: 'api', target: 'main' } as const
  const url = new URL('/healthz?key=url-secret', server.url)
  url.username = 'someone'
  url.password = 'pa55-word'
  const probes = await probing({ API_PROBE_URLS: `main=${url.href}` })
  for (const [status, up] of [
    [200, 1],
    [404, 1],
    [500, 0],
    [503, 0],
  ] as const) {
    server.answer(json('{}', status))
    await probes.tick()
    expect(probes.value(dependencyUp, of), String(status)).toBe(up)
  }
  const before = server.requests.length
  server.answer((_request, response) => response.writeHead(302, { location: '/elsewhere' }).end())
  await probes.tick()
  expect(probes.value(dependencyUp, of)).toBe(1)
  expect(server.requests).toHaveLength(before + 1)
  expect(server.requests.at(-1)?.headers.authorization).toBe(
    `Basic ${Buffer.from('someone:pa55-word').toString('base64')}`,
  )
  server.answer(() => {})
  await probes.tick()
  expect(probes.value(dependencyUp, of)).toBe(0)
  server.answer((_request, response) => response.socket?.destroy())
  await probes.tick()
  expect(probes.value(dependencyUp, of)).toBe(0)
  expect(probes.everything()).not.toMatch(/secret|pa55|someone|healthz/)
})

test('a body without end does not keep the API from being up', async () => {
  server.answer((_request, response) => {
    const timer = setInterval(() => response.write('x'.repeat(10_000)), 5)
    response.on('close', () => clearInterval(timer))
  })
  const probes = await probing({ API_PROBE_URLS: server.url })
  expect(probes.value(dependencyUp, { dependency: 'api', target: `127.0.0.1:${server.port}` })).toBe(1)
})

const apiTarget = (target: string) => ({ dependency: 'api', target }) as const

function runnerOf(probes: readonly Probe[], now: { ms: number } = { ms: 1_000_000 }) {
  const { log, lines } = recordingLog()
  const explain = createExplain(readSettings({}))
  return { runner: new Runner({ probes, clock: () => now.ms, log, explain, timeoutMs: 100 }), lines }
}

test('a probe that hangs is down by its time-out, is never run twice at once, and its last time stands still', async () => {
  let runs = 0
  const now = { ms: 1_000_000 }
  const hanging: Probe = {
    of: apiTarget('hanging'),
    everyTicks: 1,
    run: () => {
      runs += 1
      return new Promise(() => {})
    },
  }
  const { runner } = runnerOf([hanging, { of: apiTarget('fine'), everyTicks: 1, run: async () => [] }], now)
  await runner.tick()
  now.ms += 5_000
  await runner.tick()
  expect(runs).toBe(1)
  const values = (metric: object) => runner.families().find((family) => family.metric === metric)?.samples
  expect(values(dependencyUp)?.map((sample) => 'value' in sample && sample.value)).toEqual([0, 1])
  const times = values(dependencyLastProbeTimestampSeconds)?.map((sample) => 'value' in sample && sample.value)
  expect(times).toEqual([1_000, 1_005])
  expect(values(dependencyLatencySeconds)?.map((sample) => 'count' in sample && sample.count)).toEqual([1, 2])
  await runner.stop()
})

test('nothing of a tick is seen before all of it is', async () => {
  let slow = Promise.withResolvers<void>()
  let ups = 1
  const probe = (name: string, wait: () => Promise<void>): Probe => ({
    of: apiTarget(name),
    everyTicks: 1,
    run: async () => {
      await wait()
      if (ups === 0) throw new ProbeError('down')
      return []
    },
  })
  const { runner } = runnerOf([probe('quick', async () => {}), probe('slow', () => slow.promise)])
  slow.resolve()
  await runner.tick()
  const shown = () => JSON.stringify(runner.families().find((family) => family.metric === dependencyUp)?.samples)
  const before = shown()
  ups = 0
  slow = Promise.withResolvers<void>()
  const tick = runner.tick()
  await sleep(30)
  expect(shown()).toBe(before)
  slow.resolve()
  await tick
  expect(shown()).not.toBe(before)
  await runner.stop()
})

test('whatever a probe throws is one line of bounded length and no crash', async () => {
  const probe: Probe = {
    of: apiTarget('odd'),
    everyTicks: 1,
    run: () => {
      throw `first\nsecond ${'x'.repeat(100_000)}`
    },
  }
  const { runner, lines } = runnerOf([probe])
  await runner.tick()
  expect(lines).toHaveLength(1)
  expect(lines[0]?.length).toBeLessThan(500)
  await runner.stop()
})

test('what is not configured is not probed', async () => {
  const probes = await probing({})
  expect(probes.families()).toEqual([])
})

test('more targets than the label has room for are refused', () => {
  const urls = Array.from({ length: 41 }, (_, index) => `http://127.0.0.1:${10_000 + index}`).join(',')
  const settings = readSettings({ COMFYUI_URLS: urls })
  const { log } = recordingLog()
  expect(() => startProbes({ settings, clock: Date.now, log, replicaId: 'r' })).toThrow(UserError)
})

test('a check probes everything once and says why what is down is down', async () => {
  server.answer(json('{}', 500))
  const settings = readSettings({
    ...s3Environment(),
    DATABASE_URL: postgres.url,
    API_PROBE_URLS: `main=${server.url}`,
  })
  const checks = await checkDependencies(settings, { replicaId: 'check' })
  expect(checks.map(({ dependency, up, reason }) => ({ dependency, up, reason }))).toEqual([
    { dependency: 'postgres', up: true, reason: undefined },
    { dependency: 's3', up: true, reason: undefined },
    { dependency: 'api', up: false, reason: 'the API answered with status 500; expected below 500' },
  ])
})
