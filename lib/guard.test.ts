import { randomBytes } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { hashSync } from 'bcryptjs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { testDirectory } from '../testing/directory.ts'
import { failuresPerMinute } from './failure-limit.ts'
import { createHttpServer, type HttpServer, type Serving } from './http-server.ts'
import { createLogger } from './log.ts'
import { parsePasswords, passwordStore, TooManyWaiting } from './passwords.ts'

let directory: string
let written: string[]
const servers: HttpServer[] = []
beforeEach(() => {
  directory = testDirectory('guard')
  written = []
})
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})

function start(serving: Partial<Serving>): HttpServer {
  const log = createLogger({ name: 'test', level: 'debug', destination: { write: (line) => void written.push(line) } })
  const server = createHttpServer({ serving: { listen: { host: '127.0.0.1', port: 0 }, ...serving }, log })
  servers.push(server)
  server.get('/metrics', async () => 'figures')
  server.get('/livez', async () => 'alive')
  return server
}

function file(name: string, content: string): string {
  const path = join(directory, name)
  writeFileSync(path, content)
  return path
}

const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`
const ask = (server: HttpServer, authorization?: string, url = '/metrics', remoteAddress = '192.0.2.1') =>
  server.inject({ url, remoteAddress, headers: authorization === undefined ? {} : { authorization } })
const status = async (...given: Parameters<typeof ask>) => (await ask(...given)).statusCode

/** The users of Prometheus' own tests of its web configuration. */
const carol = 'carol:$2y$10$qRTBuFoULoYNA7AQ/F3ck.trZBPyjV64.oA4ZsSBCIWvXuvQlQTuu'
const dave = 'dave:$2y$10$2UXri9cIDdgeKjBo4Rlpx.U3ZLDV8X1IxKmsfOvhcM5oXQt/mLmXq'
const quick = (user: string, password: string) => `${user}:${hashSync(password, 4)}`

describe('a password file', () => {
  test('has users with bcrypt hashes as Prometheus takes them; the health checks need none', async () => {
    const server = start({ basicAuthFile: file('users', `${carol}\n\n${dave}\r\n`) })
    expect(await status(server, basic('carol:carol123'))).toBe(200)
    expect(await status(server, basic('dave:dave123'))).toBe(200)
    for (const wrong of ['carol:dave123', 'carol:', 'nobody:carol123', ':carol123', carol]) {
      expect(await status(server, basic(wrong)), wrong).toBe(401)
    }
    for (const wrong of [undefined, 'Basic', 'Basic x', 'Bearer carol123', 'carol:carol123']) {
      const answer = await ask(server, wrong)
      expect([answer.statusCode, answer.headers['www-authenticate']], wrong).toEqual([
        401,
        ['Basic realm="Barometer", charset="UTF-8"'],
      ])
    }
    expect([await status(server, undefined, '/livez'), await status(server, undefined, '/livez?x=1')]).toEqual([
      200, 200,
    ])
    for (const url of ['/nothing', '/metrics?path=/livez', '/%6Detrics']) {
      expect(await status(server, undefined, url), url).toBe(401)
    }
    expect(written.join('')).not.toContain('carol')
  })

  test('may have passwords themselves, with a colon in them too, which the log warns of by the user alone', async () => {
    const server = start({ basicAuthFile: file('users', `prometheus:se:cret\n${quick('grafana', 'other')}\n`) })
    expect(await status(server, basic('prometheus:se:cret'))).toBe(200)
    expect(await status(server, basic('grafana:other'))).toBe(200)
    expect(await status(server, basic('prometheus:se'))).toBe(401)
    expect(written.filter((line) => line.includes('passwords themselves'))).toEqual([
      expect.stringContaining('"users":["prometheus"]'),
    ])
    expect(written.join('')).not.toContain('cret')
  })

  test('is read again when it changes: a user who is gone is out at once, also one who was let in before', async () => {
    const path = file('users', `${quick('old', 'one')}\n`)
    const server = start({ basicAuthFile: path })
    expect(await status(server, basic('old:one'))).toBe(200)
    file('users', `${quick('old', 'two')}\n`)
    expect([await status(server, basic('old:one')), await status(server, basic('old:two'))]).toEqual([401, 200])
    file('users', 'half a li')
    expect(await status(server, basic('old:two'))).toBe(200)
    expect(written.join('')).toContain('the passwords before it stay')
    rmSync(path)
    expect(await status(server, basic('old:two'))).toBe(401)
  })

  test.each([
    ['nothing in it', '', 'has no user; expected lines user:bcrypt hash'],
    ['no user', ':password', 'line 1: expected user:bcrypt hash'],
    ['no colon', `${dave}\nnouser`, 'line 2: expected user:bcrypt hash'],
    ['a user twice', `${dave}\ndave:canary`, 'line 2: the user dave is there twice'],
    ['a hash of MD5', 'ada:$apr1$c4n4ry$abcdefgh', 'the hash of ada is of another kind, or cut'],
    ['a hash of SHA', 'ada:{SHA}c4n4ry=', 'the hash of ada is of another kind, or cut'],
    ['half a hash', carol.slice(0, -1), 'the hash of carol is of another kind, or cut'],
    [
      'a hash that takes minutes',
      carol.replace('$10$', '$18$'),
      'the hash of carol has the cost 18; expected at most 14',
    ],
  ])('with %s is refused by its flag, and nothing of it is shown', (_, content, message) => {
    const basicAuthFile = file('users', content)
    expect(() => start({ basicAuthFile })).toThrow(message)
    expect(() => start({ basicAuthFile })).toThrow(`--basic-auth-file ${basicAuthFile}`)
    expect(() => start({ basicAuthFile })).not.toThrow(/c.n.ry|qRTBu/)
  })
})

describe('a hash is computed', () => {
  test('once for each right pair, and for a user who is not there as for one who is', async () => {
    const entries = parsePasswords(quick('ada', 'right'), 'test')
    const store = passwordStore(() => entries)
    expect(store.known('ada', 'right')).toBe(false)
    expect(await store.verify('ada', 'right')).toBe(true)
    expect([store.known('ada', 'right'), store.known('ada', 'wrong'), store.known('eve', 'right')]).toEqual([
      ...[true, false, false],
    ])
    expect([await store.verify('eve', 'right'), await store.verify('ada', 'wrong')]).toEqual([false, false])
  })

  test('one after the other, with a bound on who waits; who has a known pair never does', async () => {
    const entries = parsePasswords(`ada:${hashSync('right', 8)}`, 'test')
    const store = passwordStore(() => entries)
    await store.verify('ada', 'right')
    const flood = await Promise.allSettled(
      Array.from({ length: 40 }, (_, index) => store.verify('ada', `wrong ${index}`)),
    )
    const refused = flood.filter((one) => one.status === 'rejected')
    expect(refused).toHaveLength(40 - 16)
    expect(refused[0]?.reason).toBeInstanceOf(TooManyWaiting)
    expect(store.known('ada', 'right')).toBe(true)
  })

  test('and a flood of wrong ones is told to pause: a 429 for its address, or a 503 where too many wait', async () => {
    const server = start({ basicAuthFile: file('users', `ada:${hashSync('right', 8)}`) })
    expect(await status(server, basic('ada:right'))).toBe(200)
    const asked: ReturnType<typeof ask>[] = []
    for (let index = 0; index < 200; index += 1) {
      asked.push(ask(server, basic(`ada:${index}`)))
      // As by sockets: no two requests begin in one turn.
      await setImmediate()
    }
    const answers = await Promise.all(asked)
    for (const answer of answers) {
      expect([401, 429, 503]).toContain(answer.statusCode)
      if (answer.statusCode !== 401) expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    }
    expect(answers.filter(({ statusCode }) => statusCode === 429).length).toBeGreaterThan(200 - failuresPerMinute - 2)
    expect(await status(server, basic('ada:right')), 'the right one is let in from the same address').toBe(200)
    expect(await status(server, basic('ada:wrong'), '/metrics', '192.0.2.2'), 'another address').toBe(401)
    expect(await status(server, basic('ada:right'), '/livez')).toBe(200)
  })
})

describe('a bearer token file', () => {
  const token = () => randomBytes(24).toString('base64url')

  test('has tokens, one a line, any of which will do, and is read again when it changes', async () => {
    const [old, next] = [token(), token()]
    const path = file('tokens', `${old}\n`)
    const server = start({ bearerTokenFile: path })
    expect([await status(server, `Bearer ${old}`), await status(server, `Bearer ${next}`)]).toEqual([200, 401])
    file('tokens', `${old}\n${next}\n`)
    expect([await status(server, `Bearer ${old}`), await status(server, `bearer ${next}`)]).toEqual([200, 200])
    file('tokens', next)
    expect([await status(server, `Bearer ${old}`), await status(server, `Bearer ${next}`)]).toEqual([401, 200])
    for (const wrong of [undefined, 'Bearer', `Bearer ${next}x`, `Basic ${next}`, `Bearer ${next} ${next}`, next]) {
      const answer = await ask(server, wrong)
      expect([answer.statusCode, answer.headers['www-authenticate']], wrong).toEqual([
        401,
        ['Bearer realm="Barometer"'],
      ])
    }
    rmSync(path)
    expect(await status(server, `Bearer ${next}`)).toBe(401)
    expect(written.join('')).not.toContain(next)
  })

  test('beside a password file: either will do, and both are asked for', async () => {
    const right = token()
    const server = start({
      bearerTokenFile: file('tokens', right),
      basicAuthFile: file('users', quick('ada', 'right')),
    })
    expect([await status(server, `Bearer ${right}`), await status(server, basic('ada:right'))]).toEqual([200, 200])
    const refused = await ask(server)
    expect(refused.headers['www-authenticate']).toEqual([
      'Bearer realm="Barometer"',
      'Basic realm="Barometer", charset="UTF-8"',
    ])
    expect(await status(server, basic(`ada:${right}`))).toBe(401)
  })

  test.each([
    ['', 'has no token'],
    ['c4n4ry', 'line 1: expected a token of at least 32'],
    [`${'a'.repeat(32)}\nc4n4ry ${'a'.repeat(32)}`, 'line 2: expected a token of at least 32'],
  ])('with %j is refused by its flag, and nothing of it is shown', (content, message) => {
    const bearerTokenFile = file('tokens', content)
    expect(() => start({ bearerTokenFile })).toThrow(`--bearer-token-file ${bearerTokenFile}`)
    expect(() => start({ bearerTokenFile })).toThrow(message)
    expect(() => start({ bearerTokenFile })).not.toThrow('c4n4ry')
  })
})
