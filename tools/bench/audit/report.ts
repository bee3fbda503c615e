import type { Summary } from '../statistics.ts'
import { batchEvents, clients } from './ingest.ts'
import type { ListTiming } from './list.ts'
import type { AuditResult } from './result.ts'

const thousands = (count: number): string => Math.round(count).toLocaleString('en')
const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
const seconds = (milliseconds: number): string => (milliseconds / 1_000).toFixed(2)
const spread = ({ median, min, max, count }: Summary, shown: (value: number) => string): string[] => [
  ...[shown(median), shown(min), shown(max)],
  String(count),
]

/** The section of the page, in Markdown; the terminal shows the same. */
export function renderAudit(result: AuditResult): string {
  return [figures(result), comparisons(result), lists(result), conditions(result)].join('\n\n')
}

function figures({ ingest, list, export: exported }: AuditResult): string {
  const slowest = list.reduce((one, other) => (other.p99Ms > one.p99Ms ? other : one))
  return [
    row(['figure', 'value', 'goal']),
    row(['---', '---:', '---:']),
    row(['events taken in a second', thousands(ingest.http.median), '≥ 10,000']),
    row(['the same ÷ a bare multi-row INSERT', ingest.ratio.median.toPrecision(3), '≥ 0.7']),
    row([`list, 99th percentile in ms (slowest filter: ${slowest.name})`, slowest.p99Ms.toPrecision(3), '≤ 20']),
    row([
      'export: time of COPY alone ÷ time by HTTP',
      (exported.copy.median / exported.http.median).toPrecision(3),
      '≥ 0.8',
    ]),
    row(['export: first byte, ms, the slowest', exported.firstByteMs.max.toPrecision(3), '≤ 200']),
    row(['export: most resident memory of the service, MB', exported.peakRssMb?.toFixed(0) ?? 'not known', '≤ 150']),
  ].join('\n')
}

function comparisons({ ingest, export: exported }: AuditResult): string {
  const rate = (rates: Summary): string[] => spread(rates, thousands)
  return [
    row(['in turn', 'median', 'min', 'max', 'rounds']),
    row(['---', '---:', '---:', '---:', '---:']),
    row(['ingest by HTTP, events a second', ...rate(ingest.http)]),
    row(['bare INSERT, events a second', ...rate(ingest.bare)]),
    row(['of each round, HTTP ÷ INSERT', ...spread(ingest.ratio, (ratio) => ratio.toFixed(2))]),
    row(['export by HTTP, seconds', ...spread(exported.http, seconds)]),
    row(['COPY alone, seconds', ...spread(exported.copy, seconds)]),
  ].join('\n')
}

function lists({ list, others }: AuditResult): string {
  const timing = ({ name, p50Ms, p99Ms, maxMs, requests }: ListTiming): string =>
    row([name, p50Ms.toFixed(1), p99Ms.toFixed(1), maxMs.toFixed(1), String(requests)])
  return [
    row(['page of 50 by filter, ms', 'median', 'p99', 'max', 'requests']),
    row(['---', '---:', '---:', '---:', '---:']),
    ...list.map(timing),
    row(['other questions, ms', '', '', '', '']),
    ...others.map(timing),
  ].join('\n')
}

function conditions({ plan, version, worldSeconds, ingest, export: exported }: AuditResult): string {
  return `Ingest: batches of ${batchEvents}, ${clients} clients, ${thousands(ingest.events)} events a round, by HTTP through the service in a process of its own; the bare
INSERT is two prepared statements (event, event_identity) and a commit by the same driver, with the hashes ready made, into
tables of the same definition in a database beside it. Both are durable, and begin empty.
List: one request after the other, a tenth for the first page and the others by a cursor to a random moment, each with its total.
Export: the whole log as CSV, thrown away where it arrives; COPY alone is ${exported.baseline} of the same columns
in no order, by the superuser. A file has ${thousands(exported.bytes / 1_000_000)} MB. Load generator, service and Postgres share the machine.

Postgres ${version}, settings as for the store above. ${thousands(plan.rows)} events of 24 months by 300 actors, 60 actions, 20 target types and up to 1.5 million
targets, made in ${worldSeconds.toFixed(0)} s (tools/bench/audit/world.sql).`
}
