import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { describeStatement } from './statement-spans.ts'
import { withoutQuoted } from './tracing.ts'

/** Makes spans for two seconds, and prints how its memory grew and how late its timers were. */
const program = `
import { startTelemetry } from './telemetry.ts'
import { readSettings } from './settings.ts'
import { createLogger } from './log.ts'
const telemetry = await startTelemetry({
  settings: readSettings(process.env), serviceName: 'test', version: '1',
  log: createLogger({ name: 'test', level: 'info' }),
})
const { traced } = await import('./tracing.ts')
const make = async () => { for (let n = 0; n < 2000; n++) await traced('work', { text: 'x'.repeat(1000) }, async () => {}) }
await make()
globalThis.gc()
const before = process.memoryUsage().heapUsed
for (let n = 0; n < Number(process.env.ROUNDS); n++) { await make(); await new Promise((done) => setTimeout(done, 100)) }
globalThis.gc()
const grownMb = (process.memoryUsage().heapUsed - before) / 1e6
const began = performance.now()
await telemetry.stop()
console.log(JSON.stringify({ grownMb, stopMs: performance.now() - began }))
`

async function run(environment: Record<string, string>) {
  const child = spawn(process.execPath, ['--expose-gc', '--input-type=module-typescript', '-e', program], {
    cwd: resolve(import.meta.dirname),
    env: {
      PATH: process.env.PATH ?? '',
      ROUNDS: '20',
      OTEL_BSP_SCHEDULE_DELAY: '50',
      OTEL_EXPORTER_OTLP_TIMEOUT: '300',
      ...environment,
    },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [out, log]: [string[], string[]] = [[], []]
  child.stdout.on('data', (chunk) => out.push(String(chunk)))
  child.stderr.on('data', (chunk) => log.push(String(chunk)))
  const [exitCode] = await once(child, 'close')
  expect(exitCode, log.join('')).toBe(0)
  const lines = log
    .join('')
    .trim()
    .split('\n')
    .filter((line) => line !== '')
  const result: { grownMb: number; stopMs: number } = JSON.parse(out.join(''))
  return { ...result, lines: lines.map((line): Record<string, unknown> => JSON.parse(line)) }
}

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const arrives = 'traces do not arrive; they are lost, and nothing else is'
const receivers: [string, RequestListener | undefined, RegExp, string][] = [
  ['is down', undefined, /ECONNREFUSED/, arrives],
  ['never answers', () => {}, /timed out|no whole answer/, arrives],
  ['answers a byte at a time', (_, answer) => void drip(answer), /no whole answer within 1300 ms/, arrives],
  ['answers without an end', (_, answer) => void flood(answer), /exceeded size limit|no whole answer/, arrives],
  ['hangs up', (request) => void request.socket.destroy(), /socket hang up|ECONNRESET/, arrives],
  [
    'is broken',
    (_, answer) => void answer.writeHead(500).end('<b>secret of the other side</b>'),
    /status 500/,
    arrives,
  ],
  [
    'asks for patience',
    (_, answer) => void answer.writeHead(429, { 'retry-after': '3600' }).end(),
    /retryable/,
    arrives,
  ],
  [
    'is no receiver',
    (request, answer) => void request.resume().on('end', () => answer.end('<html>secret of the other side</html>')),
    /could not deserialize response/,
    'OpenTelemetry has something to say',
  ],
]

function drip(answer: Parameters<RequestListener>[1]): void {
  answer.writeHead(200)
  const timer = setInterval(() => answer.write('a'), 50)
  answer.on('close', () => clearInterval(timer))
}

function flood(answer: Parameters<RequestListener>[1]): void {
  answer.writeHead(200)
  const more = (): void => {
    while (!answer.destroyed && answer.write(Buffer.alloc(65_536, 'a')));
  }
  answer.on('drain', more)
  more()
}

test.for(receivers)(
  'a receiver that %s is said once, and costs neither memory nor the end',
  async ([name, answer, reason, message]) => {
    const url = answer === undefined ? 'http://127.0.0.1:1' : await serve(answer)
    const { lines, grownMb, stopMs } = await run({ OTEL_EXPORTER_OTLP_ENDPOINT: url })
    const warnings = lines.filter(({ level }) => level === 'warn')
    const ours = warnings.filter((line) => line.msg === message && reason.test(String(line.reason)))
    expect(ours, `${name}: ${JSON.stringify(warnings)}`).toHaveLength(1)
    // Of 40,000 spans of 1 kB; the SDK says once, too, that its queue is full.
    expect(warnings.length).toBeLessThanOrEqual(3)
    expect(JSON.stringify(lines)).not.toContain('secret')
    expect(grownMb).toBeLessThan(20)
    expect(stopMs).toBeLessThan(3_500)
  },
)

test('it is off without an endpoint, and by the words that OpenTelemetry has for it', async () => {
  let asked = 0
  const url = await serve((request, answer) => {
    asked += 1
    request.resume().on('end', () => answer.end())
  })
  const [rounds, endpoint] = [{ ROUNDS: '1' }, { OTEL_EXPORTER_OTLP_ENDPOINT: url }]
  await run(rounds)
  await run({ ...rounds, ...endpoint, OTEL_SDK_DISABLED: 'true' })
  await run({ ...rounds, ...endpoint, OTEL_TRACES_EXPORTER: 'none' })
  await run({ ...rounds, ...endpoint, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' })
  expect(asked).toBe(0)
  await run({ ...rounds, ...endpoint })
  expect(asked).toBeGreaterThan(0)
})

test('what is quoted in a statement without parameters, and in what Postgres says, is left out', () => {
  const text = (sql: string, given = false) => describeStatement(sql, given).text
  expect(text(`SELECT 'a''b', E'c\\'d', $x$e'f$x$, "column", 1`)).toBe('SELECT ?, ?, ?, "column", 1')
  // A backslash ends nothing and begins nothing in a plain text.
  expect(text(`SELECT '\\', 'secret', 'never ends`)).toBe('SELECT ?, ?, ?')
  expect(text(`SELECT $1 WHERE kind = 'mail'`, true)).toBe(`SELECT $1 WHERE kind = 'mail'`)
  expect(describeStatement('\n  -- why\n  /* and how */ with x AS (SELECT 1) SELECT 2', true).operation).toBe('WITH')
  expect(withoutQuoted('invalid input syntax for type uuid: "a@b.example"')).toBe(
    'invalid input syntax for type uuid: "…"',
  )
})
