import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { startPrometheusOver } from '../../../testing/prometheus.ts'
import type { BenchOptions, BenchResult } from '../define.ts'
import { onServer } from '../on-server.ts'
import type { Server } from '../postgres.ts'
import { worldEnds } from '../store/world.ts'
import { figuresOfPlatform } from './figures.ts'
import { longestBlockHours, writeHistory } from './history.ts'
import { measureBoards } from './measure.ts'
import type { Span } from './movement.ts'
import { ask } from './prometheus.ts'
import { recordedIn } from './recorded.ts'
import { renderBoards } from './report.ts'
import type { BoardsResult, Plan } from './result.ts'
import { seriesOf } from './series.ts'

const fullPlan: Plan = { days: 30, passes: 5 }
const smallPlan: Plan = { days: 3, passes: 3 }

/** How long a Prometheus with a month of scrapes takes for all that a board asks when it is opened. */
export async function benchBoards({ small, say }: BenchOptions): Promise<BenchResult> {
  const plan = small ? smallPlan : fullPlan
  const result = await onServer('boards', (server, directory) => measure(server, directory, plan, say))
  return {
    report: renderBoards(result),
    figures: Object.fromEntries(result.boards.map(({ uid, totalMs }) => [`boards.${uid}.totalMs`, totalMs.median])),
  }
}

type Say = (line: string) => void

async function measure(server: Server, directory: string, plan: Plan, say: Say): Promise<BoardsResult> {
  const now = new Date(worldEnds)
  const ends = now.getTime() / 1_000
  // A day before the range: what is compared with its beginning reads the hour before.
  const span = { begins: ends - (plan.days + 1) * 86_400, ends }
  const world = await createWorld(server, directory, span, say)
  const prometheus = await startOver(world.directory)
  try {
    const { version } = await ask<{ version: string }>(prometheus.url, 'status/buildinfo', {})
    const rangeSeconds = plan.days * 86_400
    const boards = await measureBoards({ url: prometheus.url, now, rangeSeconds, passes: plan.passes, say })
    return { ...world.facts, plan, version, boards }
  } finally {
    await prometheus.stop()
  }
}

/** Blocks stay as they are written, as long as they are. */
const startOver = (directory: string) =>
  startPrometheusOver(directory, [
    '--storage.tsdb.retention.time=100y',
    `--storage.tsdb.min-block-duration=${longestBlockHours}h`,
    `--storage.tsdb.max-block-duration=${longestBlockHours}h`,
  ])

/** What was scraped is written twice: once for a Prometheus that finds what the rules record of it, then with what it found. */
async function createWorld(server: Server, directory: string, span: Span, say: Say) {
  const started = performance.now()
  const figures = await figuresOfPlatform(server.url)
  const families = seriesOf(figures, span)
  const history = (name: string) => {
    const blocks = join(directory, name, 'data')
    mkdirSync(blocks, { recursive: true })
    return { families, span, directory: blocks, say }
  }
  say('what was scraped')
  const scraped = await writeHistory(history('scraped'))
  const scrapedSeconds = secondsSince(started)
  say('and what rules recorded of it')
  const prometheus = await startOver(join(directory, 'scraped'))
  try {
    const whole = await writeHistory({
      ...history('whole'),
      recordedIn: (part) => recordedIn(prometheus.url, part),
    })
    const wholeSeconds = secondsSince(started)
    const megabytes = bytesIn(join(directory, 'whole')) / 1_048_576
    return { directory: join(directory, 'whole'), facts: { scraped, scrapedSeconds, whole, wholeSeconds, megabytes } }
  } finally {
    await prometheus.stop()
    rmSync(join(directory, 'scraped'), { recursive: true })
  }
}

const secondsSince = (started: number): number => (performance.now() - started) / 1_000

function bytesIn(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}
