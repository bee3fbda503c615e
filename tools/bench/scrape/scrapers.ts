import { Agent, request } from 'node:http'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Load, type LoadResult, scrapeHeaders, scrapers } from './load.ts'

/**
 * The scrapers, in a process of their own so that they share no event loop with what they ask.
 * Argument: a Load as JSON. Writes one line of JSON: a LoadResult.
 */
const [argument = ''] = process.argv.slice(2)
const agents: Agent[] = []

type Scrape = () => Promise<number>

/** Before anything counts: connections are made, and both sides' code is compiled. */
const warmUpTimes = 20

async function run(load: Load): Promise<LoadResult> {
  const targets = load.targets.map((target) => Array.from({ length: scrapers }, () => createScraper(new URL(target))))
  for (let time = 0; time < warmUpTimes; time++)
    for (const target of targets) await Promise.all(target.map((scrape) => scrape()))
  const started = performance.now()
  const latenciesMs =
    load.kind === 'loop'
      ? await inLoops(targets, load.seconds)
      : load.kind === 'together'
        ? await together(targets, load)
        : await apart(targets, load)
  const seconds = load.kind === 'loop' ? load.seconds : (performance.now() - started) / 1_000
  // Connections are kept alive; nobody waits for them.
  for (const agent of agents) agent.destroy()
  return { latenciesMs, seconds }
}

/** One scraper with its connection. */
function createScraper({ hostname, port, pathname }: URL): Scrape {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  agents.push(agent)
  const options = { host: hostname, port, path: pathname, agent, headers: scrapeHeaders }
  return () =>
    new Promise((done, fail) => {
      const started = performance.now()
      request(options, (answer) => {
        if (answer.statusCode !== 200 || answer.headers['content-encoding'] !== 'gzip')
          fail(new Error(`a scrape was answered ${answer.statusCode} ${answer.headers['content-encoding'] ?? ''}`))
        answer.resume()
        answer.on('error', fail)
        answer.on('end', () => done(performance.now() - started))
      })
        .on('error', fail)
        .end()
    })
}

interface Rhythm {
  everyMs: number
  times: number
}

async function together(targets: readonly Scrape[][], { everyMs, times }: Rhythm): Promise<number[][]> {
  const latencies = targets.map((): number[] => [])
  const started = performance.now()
  for (let time = 0; time < times; time++) {
    for (const [index, target] of targets.entries()) {
      await until(started + (time + index / targets.length) * everyMs)
      latencies[index]?.push(...(await Promise.all(target.map((scrape) => scrape()))))
    }
  }
  return latencies
}

/** Of the whole rhythm: a fraction whose multiples are spread without a pattern. */
const goldenRatio = 0.618_033_988_749_895

async function apart(targets: readonly Scrape[][], { everyMs, times }: Rhythm): Promise<number[][]> {
  const started = performance.now()
  const one = async (scrape: Scrape, number: number): Promise<number[]> => {
    const found: number[] = []
    for (let time = 0; time < times; time++) {
      await until(started + (((number * goldenRatio) % 1) + time) * everyMs)
      found.push(await scrape())
    }
    return found
  }
  return Promise.all(
    targets.map(async (target, index) =>
      (await Promise.all(target.map((scrape, number) => one(scrape, number + index / targets.length)))).flat(),
    ),
  )
}

async function inLoops(targets: readonly Scrape[][], seconds: number): Promise<number[][]> {
  const all: number[][] = []
  for (const target of targets) {
    const ends = performance.now() + seconds * 1_000
    const one = async (scrape: Scrape): Promise<number[]> => {
      const found: number[] = []
      while (performance.now() < ends) found.push(await scrape())
      return found
    }
    all.push((await Promise.all(target.map(one))).flat())
  }
  return all
}

async function until(instant: number): Promise<void> {
  const left = instant - performance.now()
  if (left > 0) await sleep(left)
}

process.stdout.write(`${JSON.stringify(await run(JSON.parse(argument)))}\n`)
