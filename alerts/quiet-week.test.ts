import { once } from 'node:events'
import { createWriteStream, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { catalogue } from '../catalogue/index.ts'
import { seed } from '../demo/simulator/seed.ts'
import { findProgram, withOnPath } from '../demo/stack/debian-packages.ts'
import { type RunningPrometheus, startPrometheus } from '../demo/stack/prometheus.ts'
import { barometer } from '../testing/cli.ts'
import { parse } from '../testing/dashboards.ts'
import { testDirectory } from '../testing/directory.ts'
import { faultFreeWeek, sampleSeconds } from '../testing/fault-free-week.ts'
import { createPlatformDatabase, type PlatformDatabase } from '../testing/platform.ts'
import { run } from '../testing/programs.ts'
import type { Recording } from './define.ts'
import { ruleGroups } from './index.ts'
import { secondsOf } from './words.ts'

/**
 * All rules over seven days without faults, in a real Prometheus. Business figures are those of the simulator's platform,
 * backfilled hour by hour, with the weeks before them that rules compare with. What is scraped live has no history and is
 * modelled: testing/fault-free-week.ts. An alert fires where its expression has an answer for as long as its `for`.
 */
const weekSeconds = 7 * 86_400
const toSeconds = Math.floor(Date.now() / 3_600_000) * 3_600
const fromSeconds = toSeconds - weekSeconds
const alerts = ruleGroups.flatMap((group) => group.alerts.map((alert) => ({ ...alert, group })))
/** Those that alerts use. */
const recordings = ruleGroups.flatMap((group): readonly Recording[] =>
  group.alerts.length > 0 ? (group.recordings ?? []) : [],
)
let platform: PlatformDatabase
let prometheus: RunningPrometheus

/** The same numbers each time. */
function seeded(): () => number {
  let state = 1
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

beforeAll(async () => {
  const directory = testDirectory('quiet-week')
  const data = join(directory, 'data')
  mkdirSync(data)
  await Promise.all([backfill(data), writeLive(directory, data)])
  writeFileSync(join(directory, 'prometheus.yml'), '{}')
  prometheus = await startPrometheus({
    directory,
    configFile: join(directory, 'prometheus.yml'),
    // Figures of the past have a sample an hour; blocks stay as they are.
    flags: ['--query.lookback-delta=1h', '--storage.tsdb.retention.time=200d', '--query.max-samples=200000000'],
  })
  for (const level of levels()) await record(level, directory, data)
}, 600_000)
afterAll(async () => {
  await prometheus?.stop()
  await platform?.drop()
})

/** 8,000 users of 40 days, and the last 17 of these as they would have been scraped. */
async function backfill(data: string): Promise<void> {
  platform = await createPlatformDatabase()
  await seed(platform.url, { now: new Date(toSeconds * 1_000), users: 8_000, days: 40 })
  const promtool = await findProgram('promtool')
  const from = new Date((toSeconds - 17 * 86_400) * 1_000).toISOString()
  const words = [
    'backfill',
    '--from',
    from,
    '--blocks',
    data,
    '--label',
    'job=barometer-exporter',
    '--label',
    'instance=past',
  ]
  const done = await barometer(words, { DATABASE_URL: platform.exporterUrl, ...withOnPath(promtool) })
  expect(done.exitCode, done.stderr).toBe(0)
}

async function writeLive(directory: string, data: string): Promise<void> {
  const file = createWriteStream(join(directory, 'live.txt'))
  for (const part of faultFreeWeek({ fromSeconds, toSeconds, random: seeded() })) {
    if (!file.write(part)) await once(file, 'drain')
  }
  file.end('# EOF\n')
  await once(file, 'finish')
  const words = ['tsdb', 'create-blocks-from', 'openmetrics', '--quiet', '--max-block-duration=486h']
  await run('promtool', [...words, 'live.txt', 'live'], directory)
  moveBlocks(join(directory, 'live'), data)
}

function moveBlocks(from: string, to: string): void {
  for (const block of readdirSync(from)) renameSync(join(from, block), join(to, block))
}

/** Recordings that use none of the same level. */
function levels(): Recording[][] {
  const found: Recording[][] = []
  let left = recordings
  while (left.length > 0) {
    const names = left.map(({ name }) => name)
    const level = left.filter(({ recordedBy }) => !names.some((name) => recordedBy.includes(name)))
    found.push(level)
    left = left.filter((recording) => !level.includes(recording))
  }
  return found
}

const figures = new Set(catalogue.filter(({ exposition }) => exposition === 'figures').map(({ name }) => name))

/** Business figures have a sample an hour here; what reads them is asked every five minutes. */
const stepSecondsOf = (expression: string): number =>
  parse(expression).selectors.some(({ metric }) => figures.has(metric)) ? 300 : sampleSeconds

/**
 * Records the week as Prometheus would have, by promtool, and has Prometheus see it. When in its interval a group is
 * evaluated is made of its name and its file's: what is recorded in one rhythm is of one name, so that what is recorded
 * from a recording is of the same instants, as it is where one group has both.
 */
async function record(level: readonly Recording[], directory: string, data: string): Promise<void> {
  const rhythms = new Set(level.map(({ recordedBy }) => stepSecondsOf(recordedBy)))
  const groups = [...rhythms].map((step) => ({
    name: `every ${step} s`,
    interval: `${step}s`,
    rules: level
      .filter(({ recordedBy }) => stepSecondsOf(recordedBy) === step)
      .map(({ name, recordedBy }) => ({ record: name, expr: recordedBy })),
  }))
  writeFileSync(join(directory, 'level.yml'), stringify({ groups }))
  const words = [
    'tsdb',
    'create-blocks-from',
    'rules',
    `--url=${prometheus.url}`,
    `--start=${fromSeconds}`,
    `--end=${toSeconds}`,
  ]
  await run('promtool', [...words, '--output-dir=level', 'level.yml'], directory)
  moveBlocks(join(directory, 'level'), data)
  await prometheus.start()
}

interface Series {
  metric: Record<string, string>
  values: [seconds: number, value: string][]
}

/** A week by the minute is 10,081 points, of the 11,000 that Prometheus answers with. */
async function overWeek(expression: string): Promise<Series[]> {
  const step = stepSecondsOf(expression)
  const parameters = { query: expression, start: String(fromSeconds), end: String(toSeconds), step: String(step) }
  const response = await fetch(`${prometheus.url}/api/v1/query_range`, {
    method: 'POST',
    body: new URLSearchParams(parameters),
  })
  const { data, error } = (await response.json()) as { data?: { result: Series[] }; error?: string }
  if (data === undefined) throw new Error(`${expression}: ${error}`)
  return data.result
}

/** When an expression had an answer for as long as it must to fire. */
async function firings(expression: string, forSeconds: number): Promise<string[]> {
  const since = new Map<string, { began: number; last: number }>()
  const fired = new Set<string>()
  for (const { metric, values } of await overWeek(expression)) {
    const labels = JSON.stringify(metric)
    for (const [seconds] of values) {
      const known = since.get(labels)
      const began = known !== undefined && seconds - known.last <= stepSecondsOf(expression) ? known.began : seconds
      since.set(labels, { began, last: seconds })
      if (seconds - began >= forSeconds) fired.add(`${labels} since ${new Date(began * 1_000).toISOString()}`)
    }
  }
  return [...fired]
}

/** What the week cannot judge, and why. */
const notJudged: Readonly<Record<string, string>> = {
  MrrDoesNotAddUp: 'the past of MRR is made of subscriptions as they are now, that of its movements of events',
}

test.each(alerts)('$name is silent in a week without faults', async ({ name, expression, for: wait = '0s' }) => {
  if (name in notJudged) return
  const fired = await firings(expression, secondsOf(wait))
  if (name === 'Watchdog') expect(fired).toHaveLength(1)
  else expect(fired).toEqual([])
})

/** What the week has no series of, and why. */
const withoutHistory: Readonly<Record<string, string>> = {
  ALERTS: 'Prometheus writes it when it evaluates alerts; here none fires',
}

test('the week has every series that a rule reads', async () => {
  const missing = new Set<string>()
  const texts = [...alerts.map(({ expression }) => expression), ...recordings.map(({ recordedBy }) => recordedBy)]
  for (const expression of texts) {
    for (const { metric, matchers } of parse(expression).selectors) {
      if (metric in withoutHistory) continue
      const own = matchers.map(({ label, value }) => `${label}=~"${value}"`)
      const selector = `${metric}{${own.join(',')}}`
      const query = new URLSearchParams({ 'match[]': selector, start: String(fromSeconds), end: String(toSeconds) })
      const response = await fetch(`${prometheus.url}/api/v1/series?${query}`)
      const { data } = (await response.json()) as { data: unknown[] }
      if (data.length === 0) missing.add(selector)
    }
  }
  expect([...missing]).toEqual([])
})

test('what is not judged is there, and fires for the reason given', async () => {
  for (const { name, expression, for: wait = '0s' } of alerts.filter((alert) => alert.name in notJudged))
    expect(await firings(expression, secondsOf(wait)), notJudged[name]).not.toEqual([])
})

test('a fault in that week would have been seen', async () => {
  // The deploy at noon: gone for a minute, which is too short for the alert and no time at all is not.
  const targetMissing = alerts.find(({ name }) => name === 'TargetMissing')
  const noonsUntil = (seconds: number) => (seconds - 43_200) / 86_400
  // Seven, and eight of a week that begins and ends at noon.
  const noons = Math.floor(noonsUntil(toSeconds)) - Math.ceil(noonsUntil(fromSeconds)) + 1
  expect(await firings(targetMissing?.expression ?? '', 0)).toHaveLength(noons)
})
