import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { images } from '../catalogue/content.ts'
import { snapshotTimestampSeconds } from '../catalogue/exporter.ts'
import { change, overTime, sum, value } from '../catalogue/promql.ts'
import { mrrMovement } from '../catalogue/revenue.ts'
import { activeUsers, signups, users } from '../catalogue/users.ts'
import { seed } from '../demo/simulator/seed.ts'
import { findProgram, type ProgramFile, withOnPath } from '../demo/stack/debian-packages.ts'
import { startPrometheus } from '../demo/stack/prometheus.ts'
import { nothingKept, readKept } from '../exporter/store/labels.ts'
import { runFigure } from '../exporter/store/run-figure.ts'
import { barometer, oneLine } from '../testing/cli.ts'
import { testDirectory } from '../testing/directory.ts'
import { figureOf } from '../testing/figures/samples.ts'
import { createPlatformDatabase, type PlatformDatabase } from '../testing/platform.ts'
import { inputsAt } from '../testing/second-implementation/history.ts'

const run = promisify(execFile)
const hour = (back: number): Date => new Date((Math.floor(Date.now() / 3_600_000) - back) * 3_600_000)
const labels = ['--label', 'job=barometer-exporter', '--label', 'instance=exporter:9464']

let platform: PlatformDatabase
let promtool: ProgramFile
let environment: Record<string, string>
beforeAll(async () => {
  platform = await createPlatformDatabase()
  await seed(platform.url, { now: new Date(), users: 300, days: 25 })
  promtool = await findProgram('promtool')
  environment = { DATABASE_URL: platform.exporterUrl, ...withOnPath(promtool) }
})
afterAll(() => platform.drop())

/** The samples of a text, each on a line. */
const samplesIn = (text: string): string[] => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))

/** `name{labels} value seconds` as promtool dumps it: `{__name__="name", labels} value milliseconds`. */
function asDumped(line: string): string {
  const [, name, inner = '', number, seconds] = /^([\w:]+)(?:\{(.*)\})? (\S+) (\d+)$/.exec(line) ?? []
  const pairs = [`__name__="${name}"`, ...(inner.match(/\w+="(?:[^"\\]|\\.)*"/g) ?? []).sort()]
  return `{${pairs.join(', ')}} ${number} ${seconds}000`
}

/** promtool writes large numbers with an exponent. */
const asWhole = (line: string): string =>
  line.replace(/ (\S+) (\d+)$/, (_, number: string, time: string) => ` ${Number(number)} ${time}`)

test('before an exporter has run the text has every hour, and stdout is the file', async () => {
  const file = join(testDirectory('backfill'), 'past.txt')
  const words = ['backfill', '--from', hour(5).toISOString(), '--to', hour(2).toISOString()]
  const printed = await barometer(words, environment)
  expect(printed.exitCode, printed.stderr).toBe(0)
  expect(await barometer([...words, '--output', file], environment)).toMatchObject({ exitCode: 0, stdout: '' })
  expect(readFileSync(file, 'utf8')).toBe(printed.stdout)
  expect(printed.stdout).toMatch(/\n# EOF\n$/)
  const times = samplesIn(printed.stdout).map((line) => Number(line.split(' ').at(-1)))
  expect([...new Set(times)]).toEqual([5, 4, 3].map((back) => hour(back).getTime() / 1_000))
  expect(printed.stderr).toContain(`${users.name}: `)
})

test('Prometheus reads the blocks: each sample of the text, and changes over the past by the builder', async () => {
  expect(await barometer(['metrics'], environment)).toMatchObject({ exitCode: 0 })
  const directory = testDirectory('backfill')
  const data = join(directory, 'data')
  const file = join(directory, 'past.txt')
  const words = ['backfill', '--from', hour(24 * 10).toISOString(), '--blocks', data, '--output', file, ...labels]
  const ran = await barometer(words, environment)
  expect(ran.exitCode, ran.stderr).toBe(0)
  expect(
    readdirSync(data).every((name) => /^[0-9A-Z]{26}$/.test(name)),
    'nothing but blocks',
  ).toBe(true)

  // promtool dumps what a Prometheus has written to; its log is there then, if empty.
  mkdirSync(join(data, 'wal'))
  const dumped = await run(promtool.path, ['tsdb', 'dump', data], {
    env: { ...process.env, ...promtool.environment },
    maxBuffer: 1 << 30,
  })
  const lines = samplesIn(readFileSync(file, 'utf8'))
  const found = dumped.stdout.trimEnd().split('\n').map(asWhole).sort()
  expect(found.length).toBe(lines.length)
  const written = lines.map(asDumped).sort()
  expect(written.filter((line, index) => line !== found[index]).slice(0, 5)).toEqual([])

  writeFileSync(join(directory, 'prometheus.yml'), '')
  const prometheus = await startPrometheus({
    ...{ directory, configFile: join(directory, 'prometheus.yml') },
    flags: ['--storage.tsdb.retention.time=100d'],
  })
  onTestFinished(() => prometheus.stop())
  const ask = async (query: string, at: Date): Promise<{ labels: Record<string, string>; value: number }[]> => {
    const response = await fetch(
      `${prometheus.url}/api/v1/query?query=${encodeURIComponent(query)}&time=${at.getTime() / 1_000}`,
    )
    const { data: answer } = (await response.json()) as {
      data: { result: { metric: Record<string, string>; value: [number, string] }[] }
    }
    return answer.result.map(({ metric, value: [, text] }) => ({ labels: metric, value: Number(text) }))
  }
  const client = await platform.pool.connect()
  onTestFinished(() => client.release())
  const kept = { ...nothingKept, ...(await readKept(client, 'barometer')) }
  await client.query('SET search_path = barometer_source')
  const wanted = async (metric: Parameters<typeof figureOf>[0], at: Date, of: Record<string, string>) => {
    const { samples } = await runFigure(client, figureOf(metric), inputsAt(at.toISOString(), { kept }))
    const ours = samples.filter((sample) => Object.entries(of).every(([label, text]) => sample.labels[label] === text))
    return ours.reduce((sum, sample) => sum + ('value' in sample ? sample.value : 0), 0)
  }
  const [at, before] = [hour(50), hour(50 + 7 * 24)]
  expect(await ask(value(snapshotTimestampSeconds), at)).toMatchObject([{ value: at.getTime() / 1_000 }])
  const dau = { window: '1d' } as const
  expect(await ask(`sum(${value(activeUsers, dau)})`, at)).toMatchObject([
    { value: await wanted(activeUsers, at, dau) },
  ])
  // What the rules would have recorded then, as if every replica had been one.
  const recorded = await ask(value(overTime(users)), at)
  expect(recorded.every(({ labels: of }) => of.job === 'barometer-exporter' && of.instance === undefined)).toBe(true)
  expect(await ask(sum(value(overTime(users))), at)).toMatchObject([{ value: await wanted(users, at, {}) }])
  const ever = await ask(value(overTime(signups)), at)
  expect(new Set(ever.map(({ labels: of }) => of.window))).toEqual(new Set(['ever']))
  const made = { window: 'ever' } as const
  const more = (await wanted(images, at, made)) - (await wanted(images, before, made))
  expect(more).toBeGreaterThan(0)
  expect(await ask(change(images, made, '7d'), at)).toMatchObject([
    { labels: { job: 'barometer-exporter' }, value: more },
  ])
  const gained = { movement: 'new', currency: 'USD' } as const
  const [growth] = await ask(change(mrrMovement, gained, '7d'), at)
  expect(growth?.value).toBeCloseTo(
    (await wanted(mrrMovement, at, gained)) - (await wanted(mrrMovement, before, gained)),
  )
  // Before the history begins there is no answer, rather than one that starts at 0.
  expect(await ask(change(images, made, '7d'), hour(24 * 9))).toEqual([])
})

test('asked to stop it leaves nothing behind', async () => {
  const data = join(testDirectory('backfill'), 'data')
  const main = fileURLToPath(new URL('./main.ts', import.meta.url))
  const words = ['backfill', '--from', hour(24 * 10).toISOString(), '--blocks', data]
  const child = spawn(process.execPath, [main, ...words], { env: environment, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    // It is at work on the first figures then.
    if (said === '') child.kill('SIGTERM')
    said += text
  })
  expect((await once(child, 'close'))[0]).toBe(1)
  expect(said).toMatch(/\nbarometer: stopped before it was done; nothing is left of it\n$/)
  expect(readdirSync(data)).toEqual([])
})

test('what is left out and what is wrong is said, and nothing half-written stays', async () => {
  const directory = testDirectory('backfill')
  await platform.pool.query('ALTER VIEW barometer_source.visits RENAME TO visits_away')
  await platform.pool.query('ALTER VIEW barometer_source.refunds RENAME COLUMN amount_minor TO amount')
  const file = join(directory, 'past.txt')
  const ran = await barometer(['backfill', '--from', hour(3).toISOString(), '--output', file], environment)
  await platform.pool.query('ALTER VIEW barometer_source.visits_away RENAME TO visits')
  await platform.pool.query('ALTER VIEW barometer_source.refunds RENAME COLUMN amount TO amount_minor')
  expect(ran.stderr).toContain('platform_funnel_users: left out, the view visits is absent\n')
  expect(ran.stderr).toContain('barometer: platform_refunds: view refunds: column amount_minor is missing')
  expect(ran.exitCode).toBe(1)
  expect(readdirSync(directory)).toEqual(['past.txt'])

  const words = ['backfill', '--from', hour(3).toISOString(), '--blocks', join(directory, 'data')]
  const line = oneLine(await barometer(words, { ...environment, PATH: dirname(process.execPath) }), 1)
  expect(line).toMatch(/^--blocks: promtool cannot be run \(.*\); expected it on PATH/)
  expect(existsSync(join(directory, 'data'))).toBe(false)
})

test.each([
  [['--from', 'yesterday'], '--from: yesterday; expected a date such as 2026-07-01 or an instant such as'],
  [['--from', '2026-02-31'], '--from: 2026-02-31; expected a date'],
  [['--from', '2026-07-01T06:00'], '--from: 2026-07-01T06:00; expected a date'],
  [['--from', '2026-07-01', '--to', '2026-07-01'], '--from, --to: no full hour that has come lies in'],
  [['--from', '2096-07-01'], '--from, --to: no full hour that has come lies in'],
  [['--from', '1990-01-01'], 'hours; expected at most 100000'],
  [['--from', '2026-07-01', '--label', 'job'], '--label: job; expected a name and a value such as'],
  [['--from', '2026-07-01', '--label', '__name__=x'], '--label: __name__=x; expected a name and a value such as'],
  [
    ['--from', '2026-07-01', '--label', 'tier=x'],
    '--label: tier is a label of platform_active_users; expected another name',
  ],
  [[], "required option '--from <date>' not specified"],
])('%s is refused in one line', async (words, expected) => {
  expect(
    oneLine(await barometer(['backfill', ...words], { DATABASE_URL: environment.DATABASE_URL ?? '' }), 2),
  ).toContain(expected)
})
