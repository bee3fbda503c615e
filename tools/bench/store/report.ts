import type { Summary } from '../statistics.ts'
import type { Ratios, StoreResult } from './result.ts'

const thousands = (count: number): string => Math.round(count).toLocaleString('en')
const digits = (value: number): string => (value < 100 ? value.toPrecision(3) : thousands(value))
const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
const summary = ({ median, min, max, count }: Summary): string[] => [
  digits(median),
  digits(min),
  digits(max),
  String(count),
]

const planned = (statements: Summary): string[] =>
  statements.max === 0 ? [] : [row(['of it planning and execution', ...summary(statements)])]

/** The section of the page, in Markdown; the terminal shows the same. */
export function renderStore(result: StoreResult, ratios: Ratios): string {
  return [intro(result), figures(result, ratios), timings(result), statements(result), conditions(result)].join('\n\n')
}

function intro({ plan, counts, comparisons, series }: StoreResult): string {
  return `A platform with ${thousands(counts.users ?? 0)} users, ${thousands(counts.sessions ?? 0)} sessions and ${thousands(counts.generations ?? 0)} generations in ${plan.big.days} days
gets a minute's writes, then the exporter refreshes; this is done ${plan.rounds} times, in turn with a platform that has as many rows a day
and a history of ${plan.tenth.days} days. After some of the refreshes every figure is computed by plain SQL over the views as well, at
the same instant: in all ${comparisons} comparisons all ${thousands(series)} series were equal.`
}

function figures({ firstBuild }: StoreResult, ratios: Ratios): string {
  return [
    row(['figure', 'value', 'goal']),
    row(['---', '---:', '---:']),
    row(['database time of a refresh ÷ of plain SQL', ratios.plain.toPrecision(3), '≤ 0.01']),
    row(['database time of a refresh ÷ with a tenth of the history', ratios.growth.toPrecision(3), '≤ 1.2']),
    row(['first build of the store, seconds', digits(firstBuild.seconds), '≤ 300']),
    row(['memory of the process that builds, MB resident at most', digits(firstBuild.peakRssMb), '≤ 200']),
    '',
    `By the time that is waited, with the exporter's own work and the way there and back, the first two are ${ratios.plainWall.toPrecision(3)} and ${ratios.growthWall.toPrecision(3)}.`,
  ].join('\n')
}

function timings({ refresh, tenthRefresh, plain, sqlExporter }: StoreResult): string {
  const lines = [
    row(['milliseconds', 'median', 'min', 'max', 'times']),
    row(['---', '---:', '---:', '---:', '---:']),
    row(['refresh, database time', ...summary(refresh.database)]),
    ...planned(refresh.statements),
    row(['refresh, waited', ...summary(refresh.wall)]),
    row(['refresh with a tenth of the history, database time', ...summary(tenthRefresh.database)]),
    row(['refresh with a tenth of the history, waited', ...summary(tenthRefresh.wall)]),
    row(['plain SQL, database time', ...summary(plain.database)]),
    ...planned(plain.statements),
    row(['plain SQL, waited', ...summary(plain.wall)]),
  ]
  if ('reason' in sqlExporter)
    return [...lines, '', `Not measured: a general SQL exporter. ${sqlExporter.reason}.`].join('\n')
  const { wallMs, databaseMs } = sqlExporter
  const once = (value: number): string[] => [digits(value), digits(value), digits(value), '1']
  return [
    ...lines,
    ...(databaseMs === undefined ? [] : [row(['prometheus-sql-exporter, database time', ...once(databaseMs)])]),
    row(['prometheus-sql-exporter, waited', ...once(wallMs)]),
    '',
    "The last is Debian's general exporter with the same plain SQL in its configuration: one collection, from its start until every figure is served.",
  ].join('\n')
}

function statements({ slowest, refreshes }: StoreResult): string {
  if (slowest.length === 0)
    return 'The server does not have pg_stat_statements, so that the slowest statements are not known.'
  return [
    'The statements of a refresh that take longest, planning included:',
    '',
    row(['statement', 'calls a refresh', 'ms a refresh']),
    row(['---', '---:', '---:']),
    ...slowest.map(({ query, calls, totalMs }) =>
      row([`\`${shortened(query)}\``, digits(calls / refreshes), digits(totalMs / refreshes)]),
    ),
  ].join('\n')
}

const shortened = (query: string): string => {
  const line = query.replaceAll(/\s+/g, ' ').replaceAll(/[|`]/g, ' ').trim()
  return line.length > 90 ? `${line.slice(0, 89)}…` : line
}

function conditions({ facts, timeSource, counts, worldSeconds, refresh }: StoreResult): string {
  const rows = Object.entries(counts).map(([kind, count]) => `${kind.replaceAll('_', ' ')} ${thousands(count)}`)
  const settings = Object.entries(facts.settings).map(([name, value]) => `${name} ${value}`)
  return `Database time is ${timeSource}.
What parallel workers do beside is not added. Both sides are measured warm, in one
run, ${refresh.database.count} refreshes one after the other without the minute between them.

Postgres ${facts.version} on the same machine; ${settings.join(', ')}.
Rows: ${rows.join(', ')}. They are made in ${worldSeconds.toFixed(0)} s (tools/bench/store/world.sql).`
}
