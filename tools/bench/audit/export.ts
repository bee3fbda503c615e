import { spawn, spawnSync } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { to as copyTo } from 'pg-copy-streams'
import { eventColumns } from '../../../audit-api/events/event-columns.ts'
import { createClient } from '../../../lib/postgres.ts'
import { type Summary, summarise } from '../statistics.ts'
import type { Service } from './service.ts'

export interface ExportResult {
  http: Summary
  copy: Summary
  firstByteMs: Summary
  bytes: number
  peakRssMb: number | undefined
  /** What the baseline is, as the subject of a sentence. */
  baseline: string
}

export interface ExportOptions {
  service: Service
  databaseUrl: string
  rows: number
  rounds: number
  say: (line: string) => void
}

const copyStatement = (target: string) =>
  `COPY (SELECT ${eventColumns.join(', ')} FROM barometer_audit.event) TO ${target} WITH (FORMAT csv, HEADER true)`

/** The whole log by HTTP and by psql, both thrown away where they arrive, in turn. */
export async function measureExport(options: ExportOptions): Promise<ExportResult> {
  const { service, databaseUrl, rows, rounds, say } = options
  const hasPsql = spawnSync('psql', ['--version']).status === 0
  const times = { http: [] as number[], copy: [] as number[], first: [] as number[] }
  let bytes = 0
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 === 0 ? (['copy', 'http'] as const) : (['http', 'copy'] as const)) {
      if (side === 'copy') {
        times.copy.push(hasPsql ? await byPsql(databaseUrl) : await byDriver(databaseUrl))
        continue
      }
      bytes = 0
      const { status, body, totalMs, firstByteMs } = await service.ask(
        'GET',
        '/v1/audit/events.csv',
        undefined,
        (chunk) => {
          bytes += chunk.length
        },
      )
      // The export's own record and those of the rounds before are in the file or not, as the clock will.
      if (status !== 200 || Number(body.toString()) < rows) throw new Error(`the export gave ${body} rows of ${rows}`)
      times.http.push(totalMs)
      times.first.push(firstByteMs)
    }
    say(`export, round ${round + 1}: HTTP ${seconds(times.http)} s, COPY ${seconds(times.copy)} s`)
  }
  return {
    http: summarise(times.http),
    copy: summarise(times.copy),
    firstByteMs: summarise(times.first),
    bytes,
    peakRssMb: service.peakRssMb(),
    baseline: hasPsql
      ? 'psql `\\copy … to /dev/null`'
      : 'COPY TO STDOUT by pg-copy-streams to /dev/null, since there is no psql',
  }
}

const seconds = (times: readonly number[]): string => ((times.at(-1) ?? 0) / 1_000).toFixed(1)

async function byPsql(databaseUrl: string): Promise<number> {
  const url = new URL(databaseUrl)
  const environment = { PATH: process.env.PATH, PGPASSWORD: url.password }
  url.password = ''
  const started = performance.now()
  const child = spawn(
    'psql',
    ['-X', '-q', '-d', url.href, '-c', `\\copy ${copyStatement("'/dev/null'").slice('COPY '.length)}`],
    {
      env: environment,
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  )
  const code = await new Promise((done) => child.once('exit', done))
  if (code !== 0) throw new Error(`psql ended with ${code}`)
  return performance.now() - started
}

async function byDriver(databaseUrl: string): Promise<number> {
  const client = createClient({ connectionString: databaseUrl, applicationName: 'bench-copy' })
  await client.connect()
  try {
    const started = performance.now()
    await pipeline(client.query(copyTo(copyStatement('STDOUT'))), createWriteStream('/dev/null'))
    return performance.now() - started
  } finally {
    await client.end()
  }
}
