import type { Measured, ScaleResult } from './result.ts'

const thousands = (count: number): string => Math.round(count).toLocaleString('en')
const digits = (value: number): string => (value < 100 ? value.toPrecision(3) : thousands(value))
const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`
const head = (names: readonly string[]): string[] => [row(names), row(names.map(() => '---:'))]
const megabytes = (bytes: number): string => digits(bytes / 1e6)

/** The section of the page, in Markdown; the terminal shows the same. */
export function renderScale(result: ScaleResult): string {
  return [
    intro(result),
    refreshes(result),
    sizes(result),
    tables(result.sizes.at(-1)),
    audits(result),
    extrapolated(result),
    conditions(result),
  ].join('\n\n')
}

function intro({ sizes: all }: ScaleResult): string {
  return `The same platform in ${all.length} sizes, each ten times the one before: as many rows for each user, and 120 days of them. A minute's
writes are those of the size: ten times the users write ten times the rows.`
}

function refreshes({ sizes: all }: ScaleResult): string {
  return [
    ...head([
      'users',
      'sessions',
      'generations',
      'rows a minute',
      'refresh, database ms',
      'min',
      'max',
      'waited, ms',
      'first build, s',
      'MB resident',
    ]),
    ...all.map(({ counts, minuteRows, database, wall, firstBuild }) =>
      row([
        ...[counts.users, counts.sessions, counts.generations, minuteRows].map((count) => thousands(count ?? 0)),
        ...[database.median, database.min, database.max, wall.median, firstBuild.seconds, firstBuild.peakRssMb].map(
          digits,
        ),
      ]),
    ),
  ].join('\n')
}

function sizes({ sizes: all }: ScaleResult): string {
  return [
    ...head(['users', 'platform, MB', 'store, MB', 'store ÷ platform', 'store, bytes a user']),
    ...all.map(({ counts, platformBytes, storeBytes }) =>
      row([
        thousands(counts.users ?? 0),
        ...[megabytes(platformBytes), megabytes(storeBytes)],
        (storeBytes / platformBytes).toPrecision(2),
        thousands(storeBytes / (counts.users ?? 1)),
      ]),
    ),
  ].join('\n')
}

function tables(largest: Measured | undefined): string {
  return [
    'The largest tables of the store in the largest of them; the others stay as they are or grow by their days:',
    '',
    row(['table', 'rows', 'MB', 'of it indexes', 'bytes a row']),
    row(['---', '---:', '---:', '---:', '---:']),
    ...(largest?.storeTables ?? [])
      .slice(0, 8)
      .map(({ name, rows, bytes, indexBytes }) =>
        row([
          `\`${name}\``,
          thousands(rows),
          megabytes(bytes),
          megabytes(indexBytes),
          rows === 0 ? '' : digits(bytes / rows),
        ]),
      ),
  ].join('\n')
}

function audits({ audits: all }: ScaleResult): string {
  return [
    ...head(['events of the audit log', 'MB', 'of it indexes', 'bytes an event']),
    ...all.map(({ events, bytes, indexBytes }) =>
      row([thousands(events), megabytes(bytes), megabytes(indexBytes), digits(bytes / events)]),
    ),
  ].join('\n')
}

/**
 * A line through the two largest sizes, since a minute's writes, the rows of the store and a first build's work are each in
 * proportion to the users. What it leaves out is said beside it.
 */
function extrapolated({ sizes: all, audits: logs }: ScaleResult): string {
  const [middle, largest] = all.slice(-2)
  const log = logs.at(-1)
  if (middle === undefined || largest === undefined || log === undefined) return ''
  const line = (of: (size: Measured) => number, users: number): number => {
    const [from, to] = [middle.counts.users ?? 0, largest.counts.users ?? 0]
    return of(largest) + ((of(largest) - of(middle)) / (to - from)) * (users - to)
  }
  return [
    'Extrapolated, not measured: a line through the two largest sizes. It leaves out that rows which are in memory here will not be.',
    '',
    ...head([
      'users',
      'refresh, database s',
      'first build, h',
      'store, GB',
      'events of the audit log',
      'audit log, GB',
    ]),
    ...[10, 100].map((times) => {
      const users = (largest.counts.users ?? 0) * times
      const events = log.events * times * (times === 100 ? 10 : 1)
      return row([
        thousands(users),
        digits(line(({ database }) => database.median, users) / 1_000),
        digits(line(({ firstBuild }) => firstBuild.seconds, users) / 3_600),
        digits(line(({ storeBytes }) => storeBytes, users) / 1e9),
        thousands(events),
        digits(((log.bytes / log.events) * events) / 1e9),
      ])
    }),
  ].join('\n')
}

function conditions({ facts, timeSource, sizes: all }: ScaleResult): string {
  return `Database time is ${timeSource}. Each refresh is the median of ${all[0]?.database.count ?? 0}, warm, one after the other without the minute between them.
Postgres ${facts.version} on the same machine, settings as for the store. Sizes are taken after these refreshes.`
}
