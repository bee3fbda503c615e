import type { Latencies } from '../statistics.ts'
import { scrapers } from './load.ts'
import type { Measured, PageResult, ScrapeResult, Stretch } from './result.ts'
import { totalOf } from './statements.ts'

const thousands = (count: number): string => Math.round(count).toLocaleString('en')
const digits = (value: number): string => (value < 100 ? value.toPrecision(3) : thousands(value))
const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

/** The section of the page, in Markdown; the terminal shows the same. */
export function renderScrape(result: ScrapeResult): string {
  return [intro(result), goals(result), ...result.pages.map(timings), queries(result), conditions(result)].join('\n\n')
}

function intro({ pages: [page, large] }: ScrapeResult): string {
  return `${scrapers} scrapers ask one \`barometer exporter\`, as Prometheus does: OpenMetrics, gzip, each on a connection that it keeps. The
snapshot has exactly ${thousands(page.figures)} series, or ${thousands(large.figures)}; what the exporter says of itself comes on top. The first two
figures and the third are of scrapes that all begin at the same instant.`
}

function goals({ pages: [page, large] }: ScrapeResult): string {
  return [
    row(['figure', 'value', 'goal']),
    row(['---', '---:', '---:']),
    row([
      `${thousands(page.figures)} series, half of the scrapes within, ms`,
      digits(page.together.exporter.p50),
      '≤ 5',
    ]),
    row([`${thousands(page.figures)} series, 99 of 100 within, ms`, digits(page.together.exporter.p99), '≤ 25']),
    row([`${thousands(large.figures)} series, half within, ms`, digits(large.together.exporter.p50), '≤ 25']),
  ].join('\n')
}

function timings({ series, bytes, compressedBytes, together, apart, loop }: PageResult): string {
  const cells = ({ p50, p99, max }: Latencies): string[] => [digits(p50), digits(p99), digits(max)]
  const line = (name: string, { exporter, floor }: Measured): string =>
    row([name, ...cells(exporter), ...cells(floor), thousands(exporter.count), (exporter.p50 / floor.p50).toFixed(2)])
  const rate = ({ count }: Latencies): string => thousands(count / loop.seconds)
  return [
    `A page of ${thousands(series)} series, ${thousands(bytes / 1_024)} KiB, compressed ${thousands(compressedBytes / 1_024)} KiB; milliseconds until the last byte:`,
    '',
    row(['the scrapers ask', 'p50', 'p99', 'max', 'bare p50', 'bare p99', 'bare max', 'scrapes', 'p50 ÷ bare']),
    row(['---', ...Array.from({ length: 8 }, () => '---:')]),
    line('all at the same instant', together),
    line('each at an instant of its own', apart),
    line('each again at once', loop),
    '',
    `Asked again at once it answers ${rate(loop.exporter)} scrapes a second, the bare server ${rate(loop.floor)}: with ${scrapers} under way at any time, latency there is ${scrapers} ÷ that rate.`,
  ].join('\n')
}

function queries({ pages }: ScrapeResult): string {
  const stretches = pages.flatMap((page) => page.stretches.map((stretch) => ({ ...stretch, figures: page.figures })))
  if (stretches.length === 0) return 'The server does not have pg_stat_statements, so that no queries were counted.'
  const line = ({ figures, name, seconds, scrapes, calls }: Stretch & { figures: number }): string =>
    row([
      thousands(figures),
      name,
      seconds.toFixed(0),
      thousands(scrapes),
      String(totalOf(calls)),
      ((totalOf(calls) / seconds) * 60).toFixed(0),
    ])
  const texts = new Set(stretches.flatMap(({ calls }) => [...calls.keys()]))
  return [
    'Statements that the exporter sent to the database in the same stretches of time, and in one without scrapes:',
    '',
    row(['series', 'the scrapers ask', 'seconds', 'scrapes', 'statements', 'a minute']),
    row(['---:', '---', '---:', '---:', '---:', '---:']),
    ...stretches.map(line),
    '',
    `Each is one that is asked without scrapes too, and about every 5 s, or who leads every second, however often is scraped; the benchmark fails where it is otherwise: ${[...texts].map((text) => `\`${shortened(text)}\``).join(', ')}.`,
  ].join('\n')
}

const shortened = (query: string): string => {
  const line = query.replaceAll(/\s+/g, ' ').replaceAll(/[|`]/g, ' ').trim()
  return line.length > 90 ? `${line.slice(0, 89)}…` : line
}

function conditions({ plan }: ScrapeResult): string {
  const { together, apart, loopSeconds, refreshMs } = plan
  return `All at the same instant: every ${thousands(together.everyMs)} ms: the exporter renders a page each second, ahead of whoever asks,
as long as somebody does within 90 s; in turn with the bare server, ${together.times} times. Each at an instant of its own: every ${apart.everyMs / 1_000} s, spread
over that time, as Prometheus spreads its scrapes. Each again at once: ${loopSeconds} s each. A new snapshot comes every ${refreshMs / 1_000} s (on a platform:
60 s). Exporter, bare server and scrapers are a process each and share the machine, so that the scrapers' own work is in
all figures; the bare server is node:http that sends what the exporter answered once, byte for byte: it shows what a
simple server needs for such an answer. The exporter is a replica whose snapshots the benchmark writes; a leader answers scrapes
in the same way.`
}
