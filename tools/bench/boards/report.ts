import { longestBlockHours } from './history.ts'
import type { BoardsResult } from './result.ts'
import { jobs } from './series.ts'

const thousands = (count: number): string => Math.round(count).toLocaleString('en')
const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
const goalMs = 2_000
const slowestShown = 15

/** The section of the page, in Markdown; the terminal shows the same. */
export function renderBoards(result: BoardsResult): string {
  return [intro(result), totals(result), slowest(result), empty(result), conditions(result)].join('\n\n')
}

function intro({ plan, scraped, whole }: BoardsResult): string {
  return `Each board is opened over ${plan.days} days, of which a Prometheus has every scrape: all that it asks Prometheus for is asked
as Grafana does, on a screen of 1,600 pixels, with every variable at its default, one query after the other. There are
${thousands(scraped.series)} series that were scraped and ${thousands(whole.series - scraped.series)} that rules recorded.`
}

function totals({ boards, plan }: BoardsResult): string {
  return [
    row(['board', 'queries', 'series', 'ms', 'fastest', 'slowest', 'first', 'goal']),
    row(['---', '---:', '---:', '---:', '---:', '---:', '---:', '---:']),
    ...boards.map(({ uid, queries, totalMs, firstMs }) =>
      row([
        ...[`\`${uid}\``, String(queries.length)],
        thousands(queries.reduce((sum, { results }) => sum + results, 0)),
        ...[totalMs.median, totalMs.min, totalMs.max, firstMs].map(thousands),
        `≤ ${thousands(goalMs)}`,
      ]),
    ),
    '',
    `Milliseconds of all queries of a board together: the median of ${plan.passes} times, the fastest and the slowest, and before them the
first time, when nothing of it had been asked for.`,
  ].join('\n')
}

function slowest({ boards }: BoardsResult): string {
  const queries = boards.flatMap((board) => board.queries).sort((one, other) => other.ms.median - one.ms.median)
  return [
    'The slowest queries:',
    '',
    row(['board', 'panel and query', 'asked', 'series', 'ms']),
    row(['---', '---', '---', '---:', '---:']),
    ...queries
      .slice(0, slowestShown)
      .map(({ uid, place, asked, results, ms }) =>
        row([`\`${uid}\``, place, asked, String(results), thousands(ms.median)]),
      ),
  ].join('\n')
}

function empty({ boards, plan }: BoardsResult): string {
  const without = boards.flatMap(({ queries }) => queries.filter(({ results }) => results === 0))
  const places = Map.groupBy(without, ({ place }) => place)
  const names = [...places].map(([place, of]) => (of.length > 1 ? `${place} (${of.length} boards)` : place))
  const why =
    plan.days < 30 ? ' What compares with 30 days before has nothing to compare with in so short a history.' : ''
  return `Without an answer, ${without.length} queries: ${names.join('; ') || 'none'}.${why}`
}

function conditions(result: BoardsResult): string {
  const { version, scraped, whole, megabytes, scrapedSeconds, wholeSeconds, plan } = result
  const intervals = Object.entries(jobs).map(([job, { scrapeSeconds }]) => `${job} every ${scrapeSeconds} s`)
  return `Queries of the audit API are left out: it is measured by itself. Firing alerts and the values of variables are asked for with the rest.

Prometheus ${version} on the same machine, with ${plan.days + 1} days in ${whole.blocks} blocks of at most ${longestBlockHours} hours, as it merges them, ${thousands(megabytes)} MB. They
hold ${thousands(scraped.samples)} samples as scraped (${intervals.join(', ')}) and ${thousands(whole.samples - scraped.samples)} recorded ones. The
figures are those that the exporter shows of the reference platform with 20,000 users, moved through time; what is measured live has as many series as
the demo or a few more. Rules are evaluated by Prometheus over what was scraped. The scrapes are made in ${thousands(scrapedSeconds)} s and,
with what is recorded, in ${thousands(wholeSeconds)} s (tools/bench/boards/).`
}
