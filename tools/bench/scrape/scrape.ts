import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchOptions, BenchResult } from '../define.ts'
import { onServer } from '../on-server.ts'
import { latenciesOf } from '../statistics.ts'
import { type Load, scrapeHeaders } from './load.ts'
import { createScrapedPlatform, type ScrapedPlatform } from './platform.ts'
import { type Program, scrape, startExporterProgram, startFloor } from './programs.ts'
import { renderScrape } from './report.ts'
import type { Measured, PageResult, Plan, Stretch } from './result.ts'
import {
  type Calls,
  callsBetween,
  createStatementCounter,
  expectNoQueries,
  type StatementCounter,
} from './statements.ts'

/** 1,130 ms: out of step with the pages that are rendered each second, and with polls each 5 s. */
const everyMs = 1_130
const fullPlan: Plan = {
  together: { everyMs, times: 100 },
  apart: { everyMs: 15_000, times: 2 },
  loopSeconds: 10,
  quietSeconds: 30,
  refreshMs: 10_000,
}
const smallPlan: Plan = {
  ...fullPlan,
  together: { everyMs, times: 12 },
  apart: { everyMs: 5_000, times: 1 },
  loopSeconds: 3,
  quietSeconds: 10,
}

/** How long a scrape takes when fifty Prometheus servers ask one exporter, with no query for any of them. */
export async function benchScrape({ small, say }: BenchOptions): Promise<BenchResult> {
  const plan = small ? smallPlan : fullPlan
  return onServer('scrape', async (server, directory) => {
    const platform = await createScrapedPlatform(server.url)
    try {
      const subject = { platform, counter: await createStatementCounter(platform.client), directory, plan, say }
      const pages = [await measurePage(subject, 2_000), await measurePage(subject, 15_000)] as const
      return {
        report: renderScrape({ plan, pages }),
        figures: {
          'scrape.p50Ms': pages[0].together.exporter.p50,
          'scrape.p99Ms': pages[0].together.exporter.p99,
          'scrape.largeP50Ms': pages[1].together.exporter.p50,
        },
      }
    } finally {
      await platform.drop()
    }
  })
}

interface Subject {
  platform: ScrapedPlatform
  counter: StatementCounter | undefined
  directory: string
  plan: Plan
  say: (line: string) => void
}

async function measurePage(subject: Subject, figures: number): Promise<PageResult> {
  const { platform, directory, plan } = subject
  await platform.refresh(figures)
  const exporter = await startExporterProgram({ databaseUrl: platform.exporterUrl, directory })
  try {
    const size = await sizeOf(exporter.page)
    const floor = await startFloor(exporter.page)
    const refreshing = refreshAgainAndAgain(platform, figures, plan.refreshMs)
    try {
      subject.say(`a page of ${size.series} series, ${size.compressedBytes} bytes compressed`)
      return { figures, ...size, ...(await measureLoads({ ...subject, exporter, floor })) }
    } finally {
      await refreshing.stop()
      await floor.stop()
    }
  } finally {
    await exporter.stop()
  }
}

async function sizeOf(page: string): Promise<Pick<PageResult, 'series' | 'bytes' | 'compressedBytes'>> {
  const plain = await fetch(page, { headers: { ...scrapeHeaders, 'accept-encoding': 'identity' } })
  const text = await plain.text()
  const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length
  const compressed = await fetch(page, { headers: scrapeHeaders })
  const compressedBytes = Number(compressed.headers.get('content-length'))
  // fetch has it decompressed already: what is served compressed is a whole page too.
  if (!(await compressed.text()).endsWith('\n# EOF\n')) throw new Error('the compressed page has no end')
  return { series, bytes: Buffer.byteLength(text), compressedBytes }
}

function refreshAgainAndAgain(platform: ScrapedPlatform, figures: number, everyMs: number) {
  const stopped = new AbortController()
  const running = (async () => {
    while (!stopped.signal.aborted) {
      await sleep(everyMs, undefined, { signal: stopped.signal }).catch(() => {})
      if (!stopped.signal.aborted) await platform.refresh(figures)
    }
  })()
  return {
    stop: async () => {
      stopped.abort()
      await running
    },
  }
}

type Running = Subject & { exporter: Program; floor: Program }

async function measureLoads(subject: Running): Promise<Pick<PageResult, 'together' | 'apart' | 'loop' | 'stretches'>> {
  const { plan, exporter, floor, say } = subject
  const stretches: Stretch[] = []
  const targets = [exporter.page, floor.page]
  const measured = async (name: string, load: Load): Promise<Measured> => {
    const { calls, result, seconds } = await counted(subject, () => scrape(load))
    const [ofExporter = [], ofFloor = []] = result.latenciesMs
    stretches.push({ name, seconds, scrapes: ofExporter.length, calls })
    const found = { exporter: latenciesOf(ofExporter), floor: latenciesOf(ofFloor), seconds: result.seconds }
    say(`${name}: p50 ${found.exporter.p50.toFixed(2)} ms, p99 ${found.exporter.p99.toFixed(2)} ms`)
    return found
  }
  const together = await measured('all at the same instant', { kind: 'together', targets, ...plan.together })
  const apart = await measured('each at an instant of its own', { kind: 'apart', targets, ...plan.apart })
  const loop = await measured('each again at once', { kind: 'loop', targets, seconds: plan.loopSeconds })
  const quiet = await counted(subject, () => sleep(plan.quietSeconds * 1_000))
  for (const stretch of stretches) expectNoQueries(stretch, quiet.calls)
  stretches.push({ name: 'nobody', seconds: quiet.seconds, scrapes: 0, calls: quiet.calls })
  return { together, apart, loop, stretches: subject.counter === undefined ? [] : stretches }
}

async function counted<Result>({ counter }: Subject, work: () => Promise<Result>) {
  const before = await counter?.read()
  const started = performance.now()
  const result = await work()
  const seconds = (performance.now() - started) / 1_000
  const after = await counter?.read()
  const calls: Calls = before === undefined || after === undefined ? new Map() : callsBetween(before, after)
  return { result, calls, seconds }
}
