import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { scrapeHeaders } from '../bench/scrape/load.ts'
import { atMost, exactly, type Seen } from './bound.ts'
import { residentMb } from './process.ts'

export interface StormOptions {
  page: string
  /** Of the process that serves it. */
  pid: number
  scrapers: number
  /** How often all of them ask at the same instant. */
  rounds: number
}

/** So many scrapers ask at the same instant, each on a connection of its own, again and again. */
export async function stormOfScrapes({ page, pid, scrapers, rounds }: StormOptions): Promise<Seen[]> {
  const agents = Array.from({ length: scrapers }, () => new Agent({ keepAlive: true, maxSockets: 1 }))
  const latenciesMs: number[] = []
  let failed = 0
  const round = () =>
    Promise.all(
      agents.map((agent) =>
        scrape(page, agent).then(
          (ms) => latenciesMs.push(ms),
          () => (failed += 1),
        ),
      ),
    )
  // What the first ones cost stays: code that is compiled, buffers that are kept.
  for (let warmUp = 0; warmUp < 3; warmUp += 1) await round()
  const beforeMb = residentMb(pid)
  latenciesMs.length = 0
  for (let count = 0; count < rounds; count += 1) await round()
  for (const agent of agents) agent.destroy()
  await sleep(3_000)
  latenciesMs.sort((one, other) => one - other)
  const slowest = latenciesMs.at(-1) ?? 0
  return [
    exactly(`scrapes unanswered, of ${scrapers} at once ${rounds} times`, failed, 'scrapes', 0),
    atMost('the slowest scrape', slowest, 'ms', 10_000),
    atMost('memory of the exporter afterwards, more than before', residentMb(pid) - beforeMb, 'MB', 60),
  ]
}

function scrape(page: string, agent: Agent): Promise<number> {
  const started = performance.now()
  return new Promise((done, fail) => {
    request(page, { agent, headers: scrapeHeaders }, (answer) => {
      if (answer.statusCode !== 200) fail(new Error(`answered ${answer.statusCode}`))
      answer.resume()
      answer.on('error', fail)
      answer.on('end', () => done(performance.now() - started))
    })
      .on('error', fail)
      .end()
  })
}
