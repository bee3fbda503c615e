import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { get } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { addToken } from '../audit-api/tokens/tokens.ts'
import { type RunningRedis, startRedis } from '../demo/stack/redis.ts'
import { type RunningS3, startS3 } from '../demo/stack/s3.ts'
import { readSettings, type VariableName, variables } from '../lib/settings.ts'
import { createAuthority, writeCertificate } from '../testing/certificates.ts'
import { barometer } from '../testing/cli.ts'
import { testDirectory } from '../testing/directory.ts'
import { createPlatformDatabase, type PlatformDatabase } from '../testing/platform.ts'
import { canary, commandLines, ofProcess, tracesIn } from '../testing/traces.ts'

let database: PlatformDatabase
let redis: RunningRedis
let s3: RunningS3
/** Answers whatever it is asked with what it was sent, as a badly made service would. */
let echo: number
/** Nothing listens there. */
let closed: number
const stops: (() => unknown)[] = []
const authority = createAuthority('authority')

beforeAll(async () => {
  database = await createPlatformDatabase()
  stops.push(() => database.drop())
  redis = await startRedis({ directory: testDirectory('redis') })
  stops.push(() => redis.stop())
  s3 = await startS3({ directory: testDirectory('s3'), bucket: 'images' })
  stops.push(() => s3.stop())
  const client = new Redis(redis.url)
  await client.config('SET', 'requirepass', `${canary}-redis/1`)
  client.disconnect()
  const server = createServer((request, response) => {
    response.writeHead(request.url?.startsWith('/v2') ? 200 : 500, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ path: request.url, headers: request.headers }))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  echo = (server.address() as AddressInfo).port
  stops.push(() => server.close())
  const gone = createServer()
  await once(gone.listen(0, '127.0.0.1'), 'listening')
  closed = (gone.address() as AddressInfo).port
  gone.close()
})
afterAll(async () => {
  for (const stop of stops.toReversed()) await stop()
})

/** Where each thing is; every one of them has a secret in it. */
interface World {
  database: string
  audit: string
  redis: string
  s3: string
  /** Of what is asked over HTTP, with user and password. */
  http: string
}

const withPassword = (url: string, role: string | undefined, password: string, query = ''): string => {
  const changed = new URL(url)
  if (role !== undefined) changed.username = role
  changed.password = password
  if (query !== '') changed.search = query
  return changed.href
}

const names = ['all that answers', 'wrong passwords', 'nothing that listens', 'TLS where there is none'] as const

function worlds(): Record<(typeof names)[number], World> {
  const http = `http://ada:${canary}-http@127.0.0.1:${echo}`
  const nobody = `127.0.0.1:${closed}`
  const here = new URL(redis.url).host
  return {
    'all that answers': {
      database: withPassword(database.exporterUrl, undefined, `${canary}-db/1`),
      audit: withPassword(database.auditUrl, undefined, `${canary}-audit/1`),
      redis: `redis://:${canary}-redis%2F1@${here}`,
      s3: s3.url,
      http,
    },
    'wrong passwords': {
      // The superuser's is asked for on this server.
      database: withPassword(database.url, 'postgres', `${canary}-db/1`),
      audit: withPassword(database.url, 'postgres', `${canary}-audit/1`),
      redis: `redis://:${canary}-wrong@${here}`,
      s3: s3.url,
      http,
    },
    'nothing that listens': {
      database: `postgres://barometer:${canary}-db@${nobody}/platform`,
      audit: `postgres://barometer:${canary}-audit@${nobody}/platform`,
      redis: `redis://:${canary}-redis@${nobody}`,
      s3: `http://${nobody}`,
      http: `http://ada:${canary}-http@${nobody}`,
    },
    'TLS where there is none': {
      database: withPassword(database.exporterUrl, undefined, `${canary}-db`, 'sslmode=require'),
      audit: withPassword(database.auditUrl, undefined, `${canary}-audit`, 'sslmode=require'),
      redis: `rediss://:${canary}-redis@${here}`,
      s3: s3.url.replace('http:', 'https:'),
      http: http.replace('http:', 'https:'),
    },
  }
}

/** The environment of such a world: what may come by a file does. */
function environmentOf(world: World, directory: string): Record<string, string> {
  const file = (name: string, content: string): string => {
    const path = join(directory, name)
    writeFileSync(path, content, { mode: 0o600 })
    return path
  }
  return {
    DATABASE_URL_FILE: file('database-url', world.database),
    AUDIT_DATABASE_URL_FILE: file('audit-url', world.audit),
    REDIS_URL_FILE: file('redis-url', world.redis),
    QUEUES: 'generation',
    S3_ENDPOINT: world.s3,
    S3_BUCKET: 'images',
    S3_ACCESS_KEY_ID_FILE: file('s3-id', `${canary}ID`),
    S3_SECRET_ACCESS_KEY_FILE: file('s3-secret', `${canary}/s3+secret`),
    RUNPOD_API_KEY_FILE: file('runpod', `${canary}-runpod`),
    RUNPOD_ENDPOINT_IDS: 'images=abc',
    RUNPOD_SERVERLESS_URL: `${world.http}/v2`,
    RUNPOD_API_URL: `${world.http}/v1`,
    API_PROBE_URLS: `main=${world.http}/healthz?key=${canary}-query`,
    COMFYUI_URLS: `gpu-1=${world.http}`,
    PROMETHEUS_URL: world.http,
    ALERTMANAGER_URL: world.http,
    OTEL_EXPORTER_OTLP_ENDPOINT: world.http,
    AUDIT_TOKENS_FILE: join(directory, 'tokens.json'),
    LOG_LEVEL: 'trace',
  }
}

interface Service {
  pid: number
  address: string
  written: () => string
  stop(): Promise<void>
}

async function start(words: readonly string[], environment: Record<string, string>, cwd: string): Promise<Service> {
  const main = resolve(import.meta.dirname, 'main.ts')
  const child = spawn(process.execPath, [main, ...words, '--listen', '127.0.0.1:0'], {
    env: { PATH: process.env.PATH ?? '', ...environment },
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let written = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (written += text))
  const addressOf = () => /https:\/\/127\.0\.0\.1:\d+/.exec(written)?.[0]
  while (addressOf() === undefined) {
    await Promise.race([once(child.stderr, 'data'), once(child, 'exit')])
    if (child.exitCode !== null) throw new Error(written)
  }
  return {
    pid: child.pid ?? 0,
    address: addressOf() ?? '',
    written: () => written,
    stop: async () => {
      child.kill('SIGTERM')
      await once(child, 'close')
    },
  }
}

function answerOf(url: string, headers: Record<string, string>): Promise<string> {
  return new Promise((done, fail) => {
    const asked = get(url, { ca: authority.certificate, headers }, (answer) => {
      let text = JSON.stringify(answer.headers)
      answer.setEncoding('utf8').on('data', (chunk) => (text += chunk))
      answer.on('end', () => done(text))
    })
    asked.on('error', fail)
  })
}

/** What is answered to the right and to the wrong, and to what is no request. */
async function answersOf(address: string, token: string): Promise<string> {
  const paths = [
    '/metrics',
    '/metrics/probes',
    '/',
    '/readyz',
    '/livez',
    '/nothing',
    '/openapi.json',
    '/v1/audit/events',
  ]
  const asked = [...paths, '/v1/analytics/system/health', '/v1/analytics/dashboard/overview', '/%']
  const given = [`Bearer ${token}`, `Basic ${btoa('ada:wrong')}`, `Basic ${btoa('nobody:x')}`, 'Bearer x', undefined]
  const texts: string[] = []
  await Promise.all(
    asked.flatMap((path) =>
      given.map(async (authorization) => {
        const headers: Record<string, string> = authorization === undefined ? {} : { authorization }
        texts.push(await answerOf(`${address}${path}`, headers))
      }),
    ),
  )
  const socket = connect(Number(new URL(address).port), '127.0.0.1').on('error', () => {})
  socket.end('no TLS at all\r\n\r\n')
  socket.on('data', (chunk) => texts.push(String(chunk)))
  await once(socket, 'close')
  return texts.join('\n')
}

test.each(names)(
  'with %s, no secret is in what the services write, answer and run by',
  async (name) => {
    const world = worlds()[name]
    const secrets = testDirectory('secrets')
    const place = join(secrets, 'place')
    mkdirSync(place)
    const environment = environmentOf(world, secrets)
    const { token } = addToken(environment.AUDIT_TOKENS_FILE ?? '', {
      name: 'all',
      scopes: ['read', 'ingest', 'export'],
    })
    writeFileSync(join(secrets, 'users'), `ada:${canary}-password`)
    // Its own token, which is asked with below, is looked for by itself.
    const bearer = `${canary}-bearer-${'b'.repeat(32)}`
    writeFileSync(join(secrets, 'bearer'), bearer)
    const { tlsCertificateFile, tlsKeyFile } = writeCertificate(secrets, 'server', authority.issue('server'))
    const flags = [
      ...['--tls-cert-file', tlsCertificateFile, '--tls-key-file', tlsKeyFile],
      ...['--basic-auth-file', join(secrets, 'users'), '--bearer-token-file', join(secrets, 'bearer')],
    ]
    const [exporter, api] = await Promise.all([
      start(['exporter', ...flags], environment, place),
      start(['audit-api', ...flags], environment, place),
    ])
    const said = name === 'all that answers' ? /the exporter listens/ : /cannot be refreshed/
    await expect.poll(exporter.written, { timeout: 30_000 }).toMatch(said)
    await expect.poll(exporter.written, { timeout: 30_000 }).toContain('a probe fails')
    // The longest that a probe takes.
    await sleep(3_000)
    const shown: Record<string, string> = {
      'answers of the exporter': await answersOf(exporter.address, bearer),
      'answers of the audit API': await answersOf(api.address, token),
    }
    for (const { pid } of [exporter, api]) {
      const byFile = ofProcess(pid, 'environ')
        .split('\n')
        .filter(
          (line) =>
            !/^(API_PROBE_URLS|COMFYUI_URLS|PROMETHEUS_URL|ALERTMANAGER_URL|OTEL_\w+|RUNPOD_\w+_URL)=/.test(line),
        )
      shown[`environment of ${pid}`] = byFile.join('\n')
    }
    shown['command lines'] = commandLines().join('\n')
    await Promise.all([exporter.stop(), api.stop()])
    shown['log of the exporter'] = exporter.written()
    shown['log of the audit API'] = api.written()
    for (const [what, text] of Object.entries(shown)) {
      expect(tracesIn(text), what).toEqual([])
      expect(text, what).not.toContain(token.slice(4))
      expect(text, what).not.toContain('PRIVATE KEY')
    }
    // They did answer.
    expect(shown['answers of the exporter']).toContain('platform_dependency_up')
  },
  90_000,
)

test.each(names.slice(1))(
  'with %s, the commands by hand say what is wrong, with a stack too, and no secret',
  async (name) => {
    const environment = environmentOf(worlds()[name], testDirectory('secrets'))
    const commands = [['check'], ['migrate'], ['metrics'], ['overview']]
    for (const words of commands) {
      const { exitCode, stdout, stderr } = await barometer(words, environment)
      expect(exitCode, words.join(' ')).toBeGreaterThan(0)
      expect(stdout + stderr, words.join(' ')).not.toBe('')
      expect(tracesIn(stdout + stderr), words.join(' ')).toEqual([])
    }
  },
  120_000,
)

describe('a setting that is not right', () => {
  const bad = [`${canary}`, `postgres://${canary}`, `:${canary}@`, `ftp://ada:${canary}@host`, `http://a:${canary}@h:x`]
  test.each(Object.keys(variables) as VariableName[])('%s does not show its secret', (name) => {
    for (const value of bad.filter((one) => variables[name].secret || one.includes('@host'))) {
      let message = ''
      try {
        readSettings({ [name]: value })
      } catch (error) {
        message = String(error)
      }
      expect(tracesIn(message)).toEqual([])
    }
  })
})

test('a secret in a file of a test is found however it is written', () => {
  for (const text of [
    canary,
    btoa(`user:${canary}`),
    btoa(`u:${canary}x`),
    btoa(`us:${canary}`),
    encodeURIComponent(`${canary}/`),
  ]) {
    expect(tracesIn(`a\nb ${text} c`)).toHaveLength(1)
  }
  expect(tracesIn(inject('postgresUrl'))).toEqual([])
})
