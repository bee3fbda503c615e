import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { addToken } from '../../../audit-api/tokens/tokens.ts'
import { testDirectory } from '../../database.ts'
import { createPlatformDatabase, type PlatformDatabase } from '../../platform.ts'
import { sampleEvent } from '../testbed.ts'

let database: PlatformDatabase
let file: string
let token: string
let grafana: string

beforeAll(async () => {
  database = await createPlatformDatabase()
  file = join(testDirectory('canaries'), 'tokens.json')
  token = addToken(file, { name: 'all', scopes: ['ingest', 'read', 'export', 'admin'] }).token
  grafana = addToken(file, { name: 'grafana', scopes: ['read'], grafana: true, auditReaders: ['*'] }).token
})
afterAll(() => database.drop())

/** Whatever is sent has this in it, and no line of the log may. */
const canary = 'k4n4ry'

/** The service as its own process at level trace, as its operator would see it. */
async function start() {
  const url = new URL(database.auditUrl)
  url.password = `${canary}-password`
  const child = spawn(
    process.execPath,
    [resolve(import.meta.dirname, '../../../cli/main.ts'), 'audit-api', '--listen', '127.0.0.1:0'],
    {
      env: { PATH: process.env.PATH ?? '', AUDIT_DATABASE_URL: url.href, AUDIT_TOKENS_FILE: file, LOG_LEVEL: 'trace' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const log = { text: '' }
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log.text += text
    })
  }
  while (!log.text.includes('listening at')) {
    await Promise.race([once(child.stderr, 'data'), once(child, 'exit')])
    if (child.exitCode !== null) throw new Error(log.text)
  }
  const address = /http:\/\/127\.0\.0\.1:\d+/.exec(log.text)?.[0] ?? ''
  const stop = async () => {
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  return { address, log, stop }
}

const personal = { type: 'admin', id: 'ada', name: `Ada ${canary}`, email: `${canary}@example.com` }
const secretEvent = (changes: Record<string, unknown> = {}) =>
  JSON.stringify(
    sampleEvent({
      actor: personal,
      target: { type: 'user', id: '7', name: canary },
      context: { user_agent: canary, request_id: canary },
      metadata: { [canary]: canary },
      changes: { before: canary },
      ...changes,
    }),
  )

const headers = (given: string): Record<string, string> => ({
  authorization: given,
  'content-type': 'application/json',
  cookie: `session=${canary}`,
  'x-api-key': canary,
  'user-agent': canary,
  referer: `https://example.com/?${canary}`,
  'x-request-id': `${canary}@example.com`,
  traceparent: canary,
})

/** What was answered, by status and id of the request. */
interface Answers {
  statuses: number[]
  ids: string[]
}

function client(address: string, { statuses, ids }: Answers) {
  const send = async (path: string, init: RequestInit = {}, given = `Bearer ${token}`) => {
    const answer = await fetch(`${address}${path}`, { headers: headers(given), ...init })
    statuses.push(answer.status)
    ids.push(answer.headers.get('x-request-id') ?? 'none')
    await answer.body?.cancel()
  }
  const post = (body: string, init: RequestInit = {}) => send('/v1/audit/events', { method: 'POST', body, ...init })
  return { send, post }
}
type Client = ReturnType<typeof client>

async function askRightAndWrong({ send, post }: Client): Promise<void> {
  await post(secretEvent())
  await send(`/v1/audit/events?q=${canary}&actor=${canary}&target_id=${canary}@example.com`)
  await send(`/v1/audit/events.csv?q=${canary}`)
  for (const given of [`Bearer bar_${canary}`, `Basic ${btoa(`ada:${canary}`)}`, `Bearer ${token}x`, canary]) {
    await send('/v1/audit/events', {}, given)
  }
  const asGrafana = { ...headers(`Bearer ${grafana}`), 'x-panel-user': `ada-${canary}` }
  await send('/v1/audit/events', { headers: asGrafana })
  await send('/v1/audit/events', { headers: { ...asGrafana, 'x-grafana-user': `${canary}, b` } })
  for (const path of [canary, `v1/audit/events?${canary}=1`, `${canary}%`, `readyz?${canary}`, `docs/${canary}`]) {
    await send(`/${path}`)
  }
  for (const body of [
    `{"${canary}`,
    `{"${canary}": 1}`,
    secretEvent({ outcome: canary }),
    secretEvent({ id: canary }),
  ]) {
    await post(body)
  }
  await post(canary, { headers: { ...headers(`Bearer ${token}`), 'content-type': `text/${canary}` } })
}

/** With the row, or a value, in the words of Postgres. */
async function failInside({ send, post }: Client): Promise<void> {
  const run = (sql: string) => database.pool.query(sql)
  await run(`ALTER TABLE barometer_audit.event ADD CONSTRAINT nobody CHECK (actor_id <> 'ada') NOT VALID`)
  await post(secretEvent())
  await run(`ALTER TABLE barometer_audit.event DROP CONSTRAINT nobody;
    CREATE FUNCTION public.tell() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'no % here', NEW.actor_email; END $$;
    CREATE TRIGGER tell BEFORE INSERT ON barometer_audit.event FOR EACH ROW EXECUTE FUNCTION public.tell()`)
  await post(secretEvent())
  await run(`CREATE OR REPLACE FUNCTION public.tell() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM NEW.actor_email::int; RETURN NEW; END $$`)
  await post(secretEvent())
  await run(`DROP TRIGGER tell ON barometer_audit.event; REVOKE SELECT ON barometer_audit.event FROM barometer_audit`)
  await send(`/v1/audit/events?q=${canary}`)
  await send('/readyz')
  writeFileSync(file, `{"tokens": [{"hash": "${canary}"}]}`)
  await send('/v1/audit/events?limit=1')
}

test('no secret and nothing of people that was sent is in the log at level trace, whatever goes wrong', {
  timeout: 60_000,
}, async () => {
  const { address, log, stop } = await start()
  const answers: Answers = { statuses: [], ids: [] }
  await askRightAndWrong(client(address, answers))
  const socket = connect(Number(new URL(address).port), '127.0.0.1')
  socket.write(`${canary} ${canary}\r\n\r\n`)
  await once(socket.resume(), 'close')
  await failInside(client(address, answers))
  await stop()

  for (const status of [200, 201, 400, 401, 404, 415, 500, 503]) expect(answers.statuses).toContain(status)
  const secrets = [canary, token.slice(4), grafana.slice(4), 'bar_', '@example.com', 'Lovelace']
  expect(log.text.split('\n').filter((line) => secrets.some((secret) => line.includes(secret)))).toEqual([])

  // It did write: each request is a line with the id that its answer had, and failures say enough to find them.
  const lines = log.text.split('\n').filter((line) => line.startsWith('{'))
  const entries = lines.map((line): Record<string, unknown> => JSON.parse(line))
  const answered = entries.filter(({ msg }) => msg === 'answered').map(({ request_id }) => request_id)
  const unheard = answers.ids.filter((id) => !answered.includes(id))
  expect(unheard.length, 'only the path that could not be decoded').toBeLessThanOrEqual(1)
  const failed = entries.filter(({ msg, code }) => msg === 'request failed' && code !== undefined)
  expect(failed.map(({ code }) => code)).toEqual(['23514', 'P0001', '22P02', '42501', '42501'])
  expect(failed[0]).toMatchObject({ constraint: 'nobody', level: 'error', route: '/v1/audit/events' })
  for (const line of failed) expect(line.request_id).toMatch(/^[0-9a-f-]{36}$/)
  expect(log.text).toContain('the tokens before it stay')
})
