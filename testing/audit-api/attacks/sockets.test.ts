import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { scopes } from '../../../audit-api/tokens/tokens.ts'
import { createDatabase } from '../../database.ts'
import { type AuditTestbed, openAuditTestbed, sampleEvent } from '../testbed.ts'

let database: Awaited<ReturnType<typeof createDatabase>>
let bed: AuditTestbed
let token: string
let port: number
/** The service's side of each connection, by the port of the client's. */
const accepted = new Map<number, Socket>()

beforeAll(async () => {
  database = await createDatabase()
  bed = await openAuditTestbed(database.url)
  token = bed.token({ scopes: [...scopes] })
  bed.server.server.on('connection', (socket: Socket) => accepted.set(socket.remotePort ?? 0, socket))
  await bed.server.listen({ host: '127.0.0.1', port: 0 })
  port = (bed.server.server.address() as AddressInfo).port
})
afterAll(async () => {
  bed.server.server.closeAllConnections()
  await bed.close()
  await database.drop()
})

async function open(): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** Sends bytes as they are and reads until the service closes the connection. */
async function exchange(text: string): Promise<{ status: number; head: string; body: string }> {
  const socket = await open()
  let answer = ''
  socket.setEncoding('latin1').on('data', (chunk) => {
    answer += chunk
  })
  socket.write(text, 'latin1')
  if (!socket.closed) await once(socket, 'close')
  const [head = '', body = ''] = answer.split(/\r\n\r\n(.*)/s)
  return { status: Number(head.split(' ')[1]), head: head.toLowerCase(), body }
}

const request = (line: string, ...headers: string[]) =>
  `${[`${line} HTTP/1.1`, 'Host: x', 'Connection: close', `Authorization: Bearer ${token}`, ...headers].join('\r\n')}\r\n\r\n`

describe('requests that no client makes', () => {
  test.each<[string, string, number]>([
    ['a head over 16 KiB', `GET /livez HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
    ['a path over 16 KiB', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
    ['no HTTP at all', 'hello\r\n\r\n', 400],
    ['TLS to the plain port', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['two lengths', 'POST /v1/audit/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
    ],
    ['a header with NUL', 'GET /livez HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n', 400],
    ['a folded header', 'GET /livez HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n', 400],
  ])('%s', async (_what, text, status) => {
    const answer = await exchange(text)
    expect([answer.status, JSON.parse(answer.body).status], answer.head).toEqual([status, status])
    expect(answer.head).toContain('content-type: application/problem+json')
    expect(answer.head).toContain(`x-request-id: ${JSON.parse(answer.body).request_id}`)
    expect(answer.head).toContain('connection: close')
  })
})

describe('paths and methods', () => {
  test.each([
    ['GET //v1/audit/events', 404],
    ['GET /v1//audit/events', 404],
    ['GET /v1/audit/events/', 404],
    ['GET /v1/audit/../audit/events', 404],
    ['GET /v1/audit/%2e%2e/audit/events', 404],
    ['GET /v1/audit%2fevents', 404],
    ['GET /V1/audit/events', 404],
    ['GET /v1/audit/events%00', 404],
    ['GET /v1/audit/events;x=1', 404],
    ['GET /v1/audit/events%', 400],
    ['GET /%ff', 400],
    ['GET /docs/../v1/audit/events', 404],
    ['GET /docs/static/..%2f..%2f..%2f..%2f..%2fetc%2fpasswd', 404],
    ['GET /docs/static/%2e%2e/%2e%2e/package.json', 403],
    ['GET http://elsewhere/v1/audit/events', 200],
    ['OPTIONS /v1/audit/events', 405],
    ['OPTIONS *', 404],
    ['TRACE /v1/audit/events', 405],
    ['DELETE /v1/audit/events', 405],
    ['PUT /v1/audit/events', 405],
    ['PROPFIND /v1/audit/events', 405],
    ['HEAD /v1/audit/events.csv', 405],
    ['HEAD /v1/audit/events', 200],
  ])('%s', async (line, status) => {
    const answer = await exchange(request(line))
    expect(answer.status, answer.head + answer.body).toBe(status)
    expect(answer.head).toMatch(/^x-request-id: /m)
    expect(answer.body).not.toMatch(/root:|barometer_audit|"dependencies"/)
    if (status !== 200 && !line.startsWith('HEAD')) expect(JSON.parse(answer.body).status).toBe(status)
    if (status === 405) expect(answer.head).toMatch(/^allow: /m)
  })

  test('whatever the path is written as, it opens nothing without a token', async () => {
    for (const path of [
      '/v1/audit/events',
      '/%761/audit/events',
      '/v1/audit/%65vents',
      '/v1/audit/events.csv?x',
      '/v1/audit/events?/livez',
    ]) {
      const answer = await exchange(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
      expect(answer.status, path).toBe(401)
    }
  })

  test('a method in a header or a parameter is none', async () => {
    const answer = await exchange(request('GET /v1/audit/events?_method=DELETE', 'X-HTTP-Method-Override: DELETE'))
    expect(answer.status).toBe(400)
  })
})

describe('a body of 10 MB', () => {
  const tenMegabytes = 10_000_000
  async function send(head: string, part: string): Promise<{ answer: string; read: number }> {
    const socket = await open()
    let answer = ''
    socket.setEncoding('latin1').on('data', (chunk) => {
      answer += chunk
    })
    const side = accepted.get(socket.localPort ?? 0)
    socket.write(head)
    for (let sent = 0; sent < tenMegabytes && !socket.destroyed; sent += part.length) {
      if (!socket.write(part)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {})
    }
    if (!socket.closed) await once(socket, 'close')
    return { answer, read: side?.bytesRead ?? Number.NaN }
  }
  const head = (length: string) =>
    `POST /v1/audit/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n${length}\r\n\r\n`

  test('whose length is given is refused by its length', async () => {
    const { answer, read } = await send(head(`Content-Length: ${tenMegabytes}`), ' '.repeat(65_536))
    expect(answer).toMatch(/^HTTP\/1\.1 413 .*"field":"body"/s)
    expect(read).toBeLessThan(2_000_000)
  })

  test('that comes in chunks is cut where it is too much', async () => {
    const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`
    const { answer, read } = await send(head('Transfer-Encoding: chunked'), chunk)
    expect(answer).toMatch(/^HTTP\/1\.1 413 .*"field":"body"/s)
    expect(read).toBeLessThan(3_000_000)
  })

  test('without a token is refused before it is read', async () => {
    const { answer, read } = await send(head(`Content-Length: ${tenMegabytes}`).replace(token, 'x'), ' '.repeat(65_536))
    expect(answer).toMatch(/^HTTP\/1\.1 401 /)
    expect(read).toBeLessThan(2_000_000)
  })
})

describe('slow loris', () => {
  /** Opens connections that send a byte a second, and resolves with the seconds until each is cut. */
  async function drip(count: number, begin: string): Promise<{ seconds: number[]; answers: string[] }> {
    const answers: string[] = []
    const lives = Array.from({ length: count }, async () => {
      const socket = await open()
      let answer = ''
      socket.setEncoding('latin1').on('data', (chunk) => {
        answer += chunk
      })
      const begun = performance.now()
      socket.write(begin)
      const dripping = setInterval(() => socket.write('a'), 1_000)
      await once(socket, 'close')
      clearInterval(dripping)
      answers.push(answer)
      return (performance.now() - begun) / 1_000
    })
    return { seconds: await Promise.all(lives), answers }
  }

  test('200 slow heads and 200 slow bodies are cut in time, and others are served meanwhile', {
    timeout: 60_000,
  }, async () => {
    const heads = drip(200, 'GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ')
    const bodies = drip(
      200,
      `POST /v1/audit/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"x": "`,
    )
    await sleep(2_000)
    const waits: number[] = []
    for (let index = 0; index < 50; index += 1) {
      const begun = performance.now()
      const answer = await fetch(`http://127.0.0.1:${port}/v1/audit/events`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(sampleEvent()),
      })
      expect(answer.status).toBe(201)
      waits.push(performance.now() - begun)
    }
    expect(waits.sort((one, other) => one - other)[25]).toBeLessThan(200)
    const [slowHeads, slowBodies] = await Promise.all([heads, bodies])
    expect(Math.max(...slowHeads.seconds)).toBeLessThan(15)
    expect(Math.max(...slowBodies.seconds)).toBeLessThan(35)
    for (const answer of [...slowHeads.answers, ...slowBodies.answers]) expect(answer).toMatch(/^HTTP\/1\.1 408 /)
  })
})
