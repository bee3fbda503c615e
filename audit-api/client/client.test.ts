import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import getPort from 'get-port'
import { afterAll, beforeAll, describe, expect, expectTypeOf, onTestFinished, test } from 'vitest'
import { type Program, startProgram } from '../../demo/stack/process.ts'
import { openBadWay } from '../../testing/audit-api/bad-way.ts'
import { withRole } from '../../testing/audit-api/testbed.ts'
import { createDatabase, type TestDatabase, testDirectory } from '../../testing/database.ts'
import type { AuditEvent as EventOfTheApi } from '../events/event-schema.ts'
import { migrateAudit } from '../migrations/migrate.ts'
import { addToken } from '../tokens/tokens.ts'
import { AuditClient, type AuditClientOptions, type AuditEvent } from './client.ts'

let database: TestDatabase
let token: string
let url: string
let api: Program
let start: () => Promise<Program>

beforeAll(async () => {
  database = await createDatabase()
  await migrateAudit(database.url)
  const directory = testDirectory('audit-client')
  const tokensFile = join(directory, 'tokens.json')
  token = addToken(tokensFile, { name: 'platform', scopes: ['ingest'] }).token
  const port = await getPort({ host: '127.0.0.1' })
  url = `http://127.0.0.1:${port}`
  start = () =>
    startProgram({
      name: 'audit API',
      command: process.execPath,
      arguments: [
        join(import.meta.dirname, '..', '..', 'cli', 'main.ts'),
        'audit-api',
        '--listen',
        `127.0.0.1:${port}`,
      ],
      environment: {
        AUDIT_DATABASE_URL: withRole(database.url, 'barometer_audit'),
        AUDIT_TOKENS_FILE: tokensFile,
        LOG_LEVEL: 'warn',
      },
      logFile: join(directory, 'audit-api.log'),
      ready: async () => (await fetch(`${url}/readyz`)).ok,
    })
  api = await start()
})
afterAll(async () => {
  await api.stop()
  await database.drop()
})

interface Told {
  client: AuditClient
  givenUp: [AuditEvent, string][]
  retries: string[]
}

/** Waits short, so that a test does. */
function open(options: Partial<AuditClientOptions> = {}): Told {
  const givenUp: Told['givenUp'] = []
  const retries: string[] = []
  const client = new AuditClient({
    url,
    token,
    backoffMinMs: 20,
    backoffMaxMs: 200,
    lingerMs: 5,
    onGivenUp: (event, reason) => givenUp.push([event, reason]),
    onRetry: ({ reason }) => retries.push(reason),
    ...options,
  })
  onTestFinished(async () => void (await client.close({ timeoutMs: 0 })))
  return { client, givenUp, retries }
}

/** Events of one test have a target type of their own. */
const event = (kind: string, number: number, changes: Partial<AuditEvent> = {}): AuditEvent => ({
  actor: { type: 'admin', id: 'ada', name: 'Ada Lovelace' },
  action: 'user.suspend',
  target: { type: kind, id: String(number) },
  outcome: 'success',
  ...changes,
})

async function stored(kind: string): Promise<number[]> {
  const { rows } = await database.pool.query<{ id: string }>(
    'SELECT target_id AS id FROM barometer_audit.event WHERE target_type = $1 ORDER BY target_id::int',
    [kind],
  )
  return rows.map((row) => Number(row.id))
}
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)

test('its events are those of the API', () => {
  expectTypeOf<EventOfTheApi>().toExtend<AuditEvent>()
  expectTypeOf<Required<Pick<AuditEvent, 'occurred_at'>> & AuditEvent>().toExtend<EventOfTheApi>()
})

describe('every event is stored exactly once', () => {
  test('while the API is killed and comes again, twice', async () => {
    const { client, givenUp, retries } = open({ batchEventsMax: 20, lingerMs: 0 })
    for (const number of upTo(1_500)) {
      await client.record(event('killed', number))
      if (number % 10 === 0) await sleep(2)
      if (number === 400 || number === 900) await api.signal('SIGKILL')
      if (number === 600 || number === 1_200) api = await start()
    }
    await client.flush()
    expect(await stored('killed')).toEqual(upTo(1_500))
    expect(retries.length).toBeGreaterThan(0)
    expect([givenUp, client.waiting]).toEqual([[], 0])
  })

  test('where answers are lost after the commit: the same ids come again', async () => {
    const way = await openBadWay(
      () => url,
      () => false,
      (number) => number % 2 === 1,
    )
    onTestFinished(() => way.close())
    const { client } = open({ url: way.url, batchEventsMax: 10 })
    for (const number of upTo(50)) await client.record(event('lost', number))
    await client.flush()
    expect(await stored('lost')).toEqual(upTo(50))
    expect(way.seen.length).toBeGreaterThanOrEqual(10)
    expect(way.seen[1]?.body).toBe(way.seen[0]?.body)
  })

  test('where the API is slow: the request is cut and tried again, and what comes late is stored once', async () => {
    const way = await openBadWay(
      () => url,
      async (_response, { number }) => {
        if (number <= 2) await sleep(300)
        return false
      },
    )
    onTestFinished(() => way.close())
    const { client, retries } = open({ url: way.url, timeoutMs: 100 })
    for (const number of upTo(20)) await client.record(event('slow', number))
    await client.flush()
    await sleep(400)
    expect(await stored('slow')).toEqual(upTo(20))
    expect(retries[0]).toMatch(/timeout/)
  })

  test('through a bad day of the way: 503, 429, a broken connection, a page of a proxy, a redirect, a 404, a 401', async () => {
    const page = { 'content-type': 'text/html' }
    const faults: ((response: import('node:http').ServerResponse) => void)[] = [
      (response) => void response.writeHead(503, { 'retry-after': '0' }).end(),
      (response) => void response.destroy(),
      (response) => void response.writeHead(200, page).end('<h1>Welcome</h1>'),
      (response) => void response.writeHead(301, { location: 'https://nowhere.invalid/' }).end(),
      (response) => void response.writeHead(400, page).end('Bad Request'),
      (response) => void response.writeHead(404, page).end('no such host'),
      (response) => void response.writeHead(401, { 'content-type': 'application/problem+json' }).end('{"status":401}'),
      (response) => void response.writeHead(502, page).end('Bad Gateway'),
      (response) => void response.writeHead(201, { 'content-type': 'application/json' }).end('{"stored":1,"duplic'),
    ]
    const way = await openBadWay(
      () => url,
      (response, { number }) => {
        faults[number - 1]?.(response)
        return number <= faults.length
      },
    )
    onTestFinished(() => way.close())
    const { client, givenUp, retries } = open({ url: way.url })
    for (const number of upTo(5)) await client.record(event('bad-day', number))
    await client.flush()
    expect(await stored('bad-day')).toEqual(upTo(5))
    expect([retries.length, givenUp]).toEqual([faults.length, []])
  })

  test('Retry-After is waited for, in seconds and as a date', async () => {
    const wanted = ['1', () => new Date(Date.now() + 2_000).toUTCString()]
    const way = await openBadWay(
      () => url,
      (response, { number }) => {
        const header = wanted[number - 1]
        if (header === undefined) return false
        const value = typeof header === 'string' ? header : header()
        response.writeHead(number === 1 ? 429 : 503, { 'retry-after': value }).end()
        return true
      },
    )
    onTestFinished(() => way.close())
    const { client } = open({ url: way.url })
    await client.record(event('asked-to-wait', 0))
    await client.flush()
    const [first = 0, second = 0, third = 0] = way.seen.map(({ atMs }) => atMs)
    expect(second - first).toBeGreaterThanOrEqual(990)
    // A date has whole seconds.
    expect(third - second).toBeGreaterThanOrEqual(950)
    expect(await stored('asked-to-wait')).toEqual([0])
  })

  test('a token that is put right counts at the next try', async () => {
    let current = 'not-yet-known'
    const { client, givenUp, retries } = open({ token: () => current })
    await client.record(event('token', 0))
    while (retries.length === 0) await sleep(5)
    expect(retries[0]).toMatch(/^401/)
    current = token
    await client.flush()
    expect([await stored('token'), givenUp]).toEqual([[0], []])
  })
})

describe('one bad event takes no other with it', () => {
  test('a malformed one, one whose id is taken, and a batch of only bad ones', async () => {
    const { client, givenUp } = open({ lingerMs: 50 })
    const id = randomUUID()
    await client.record(event('mixed', 100, { id }))
    await client.flush()
    const bad = [
      event('mixed', 200, { action: 'Not an action' }),
      event('mixed', 201, { id }),
      event('mixed', 202, { occurred_at: 'yesterday' }),
    ]
    for (const number of upTo(10)) {
      await client.record(event('mixed', number))
      const one = number % 3 === 1 ? bad[(number - 1) / 3] : undefined
      if (one !== undefined) await client.record(one)
    }
    await client.flush()
    expect(await stored('mixed')).toEqual([...upTo(10), 100])
    expect(givenUp.map(([given, reason]) => [given.target.id, reason.slice(0, 3)])).toEqual([
      ['200', '400'],
      ['202', '400'],
      // The content is looked at when all are well formed.
      ['201', '409'],
    ])
    for (const number of [300, 301]) await client.record(event('mixed', number, { outcome: 'maybe' as 'success' }))
    await client.flush()
    expect([givenUp.length, client.waiting]).toEqual([5, 0])
  })

  test('one that is too large, found by halves', async () => {
    const { client, givenUp } = open({ lingerMs: 50, batchBytesMax: 10_000_000 })
    for (const number of upTo(8)) {
      const large = number === 5 ? { metadata: { text: 'x'.repeat(1_100_000) } } : {}
      await client.record(event('too-large', number, large))
    }
    await client.flush()
    expect(await stored('too-large')).toEqual([0, 1, 2, 3, 4, 6, 7])
    expect(givenUp.map(([given, reason]) => [given.target.id, reason.slice(0, 3)])).toEqual([['5', '413']])
  })

  test('a callback that throws ends nothing', async () => {
    const client = open({
      onGivenUp: () => {
        throw new Error('the log is full')
      },
    }).client
    await client.record(event('thrown', 0, { action: 'bad' }))
    await client.record(event('thrown', 1))
    await client.flush()
    expect(await stored('thrown')).toEqual([1])
  })
})

describe('memory is bounded', () => {
  test('record() waits when the buffer is full, goes on when there is room, and nobody overtakes', async () => {
    let open503 = true
    const way = await openBadWay(
      () => url,
      (response) => {
        if (open503) response.writeHead(503).end()
        return open503
      },
    )
    onTestFinished(() => way.close())
    const { client } = open({ url: way.url, bufferEventsMax: 10, batchEventsMax: 4 })
    for (const number of upTo(10)) await client.record(event('full', number))
    const entered: number[] = []
    const waiting = [10, 11, 12].map(async (number) => {
      await client.record(event('full', number))
      entered.push(number)
    })
    await sleep(100)
    expect([entered, client.waiting]).toEqual([[], 13])
    open503 = false
    await client.flush()
    await Promise.all(waiting)
    expect(entered).toEqual([10, 11, 12])
    expect(await stored('full')).toEqual(upTo(13))
  })

  test('by bytes too, and who does not await is refused once as much waits as fits', async () => {
    const { client } = open({ url: 'http://127.0.0.1:1', bufferBytesMax: 2_000, bufferEventsMax: 5 })
    const outcomes = upTo(30).map((number) =>
      client.record(event('bytes', number, { metadata: { text: 'x'.repeat(400) } })).then(
        () => 'in',
        (error: Error) => (/wait for room/.test(error.message) ? 'refused' : 'closed'),
      ),
    )
    await sleep(20)
    expect(await client.close({ timeoutMs: 50 })).toHaveLength(3)
    const all = await Promise.all(outcomes)
    expect(all.filter((outcome) => outcome === 'in')).toHaveLength(3)
    expect(all.filter((outcome) => outcome === 'closed').length).toBeLessThanOrEqual(5)
    expect(all.filter((outcome) => outcome === 'refused').length).toBeGreaterThanOrEqual(20)
  })

  test('what cannot be written down is refused at once, and what the caller changes later changes nothing', async () => {
    const { client } = open()
    await expect(client.record(event('json', 0, { metadata: { n: 1n } }))).rejects.toThrow(TypeError)
    const mine = event('json', 1, { metadata: { n: 1 } })
    await client.record(mine)
    mine.target.id = '2'
    await client.flush()
    expect(await stored('json')).toEqual([1])
  })
})

describe('at the end', () => {
  test('close() sends what is left, and takes nothing more', async () => {
    const { client } = open({ lingerMs: 60_000 })
    for (const number of upTo(7)) void client.record(event('closed', number))
    expect(await client.close({ timeoutMs: 20_000 })).toEqual([])
    expect(await stored('closed')).toEqual(upTo(7))
    await expect(client.record(event('closed', 8))).rejects.toThrow(/closed/)
  })

  test('close() in the middle of a wait tries again at once', async () => {
    let fails = true
    const way = await openBadWay(
      () => url,
      (response) => {
        if (fails) response.writeHead(503).end()
        return fails
      },
    )
    onTestFinished(() => way.close())
    const { client, retries } = open({ url: way.url, backoffMinMs: 60_000, backoffMaxMs: 60_000 })
    await client.record(event('hurried', 0))
    while (retries.length === 0) await sleep(5)
    fails = false
    expect(await client.close()).toEqual([])
    expect(await stored('hurried')).toEqual([0])
  })

  test('with the API away close() gives back what is left, which can be recorded again', async () => {
    const { client } = open({ url: 'http://127.0.0.1:1' })
    for (const number of upTo(3)) await client.record(event('left', number))
    const left = await client.close({ timeoutMs: 100 })
    expect(left.map(({ target }) => target.id)).toEqual(['0', '1', '2'])
    const next = open().client
    for (const one of [...left, ...left]) await next.record(one)
    await next.flush()
    expect(await stored('left')).toEqual(upTo(3))
  })
})
