import { execFile, spawn } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import getPort from 'get-port'
import pg from 'pg'
import { stringify } from 'yaml'
import { collectors } from '../../../exporter/figures/index.ts'
import type { Figure, Inputs } from '../../../exporter/store/figure.ts'
import { bind } from '../../../exporter/store/run-figure.ts'
import { messageOf } from '../../../lib/user-error.ts'

const run = promisify(execFile)
const program = 'prometheus-sql-exporter'

/**
 * Finds the distribution's general SQL exporter on PATH or in its package, unpacked below the directory without root.
 * @returns its path, or a sentence that says why it cannot be had
 */
export async function findSqlExporter(directory: string): Promise<{ path: string } | { reason: string }> {
  const unpacked = join(directory, 'root', 'usr', 'bin')
  const known = () =>
    [...(process.env.PATH ?? '').split(delimiter), unpacked].map((folder) => join(folder, program)).find(isProgram)
  const found = known()
  if (found !== undefined) return { path: found }
  try {
    mkdirSync(directory, { recursive: true })
    await run('apt-get', ['-qq', 'download', program], { cwd: directory })
    const archive = readdirSync(directory).find((file) => file.startsWith(`${program}_`) && file.endsWith('.deb'))
    await run('dpkg', ['-x', join(directory, archive ?? ''), join(directory, 'root')])
  } catch (error) {
    return { reason: `${program} is not on PATH and cannot be fetched: ${messageOf(error).split('\n')[0]}` }
  }
  const path = known()
  return path === undefined ? { reason: `the package ${program} does not have the program of that name` } : { path }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return existsSync(path)
  } catch {
    return false
  }
}

export interface SqlExporterOptions {
  path: string
  directory: string
  databaseUrl: string
  sourceSchema: string
  inputs: Inputs
  timeoutMs: number
}

/**
 * Has it collect once what our collectors define, as a user would write it down: values of parameters as literals.
 * @returns how long it took until all figures were served, and how many series there were
 */
export async function collectOnce(options: SqlExporterOptions): Promise<{ wallMs: number; series: number }> {
  const figures = collectors.flatMap((collector) => collector.figures)
  const configFile = join(options.directory, 'sql-exporter.yml')
  writeFileSync(configFile, stringify(configOf(figures, options)), { mode: 0o600 })
  const address = `127.0.0.1:${await getPort({ host: '127.0.0.1' })}`
  const started = performance.now()
  const child = spawn(options.path, ['-config.file', configFile, '-web.listen-address', address], { stdio: 'ignore' })
  const ended = new Promise<void>((done) => child.once('exit', () => done()).once('error', () => done()))
  try {
    while (performance.now() - started < options.timeoutMs && child.exitCode === null) {
      await sleep(20)
      const lines = await scrape(`http://${address}/metrics`)
      // Its queries run one after another, and each serves its figures when it ends.
      const served = new Set(lines.map((line) => line.split('{')[0]))
      if (figures.every(({ metric }) => served.has(`sql_${metric.name}`)))
        return { wallMs: performance.now() - started, series: lines.length }
    }
    throw new Error(`${program} did not serve every figure in ${options.timeoutMs} ms`)
  } finally {
    child.kill()
    await ended
  }
}

async function scrape(url: string): Promise<string[]> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) })
    return (await response.text()).split('\n').filter((line) => /^sql_(?!exporter)/.test(line))
  } catch {
    return []
  }
}

function configOf(figures: readonly Figure[], { databaseUrl, sourceSchema, inputs }: SqlExporterOptions): unknown {
  const connection = new URL(databaseUrl)
  connection.searchParams.set('sslmode', 'disable')
  connection.searchParams.set('search_path', sourceSchema)
  const queries = figures.map((figure) => queryOf(figure, inputs))
  // Once: the next time comes after we have gone.
  return { jobs: [{ name: 'figures', interval: '24h', connections: [connection.href], queries }] }
}

function queryOf({ metric, sql }: Figure, inputs: Inputs): unknown {
  const labels = Object.keys(metric.labels)
  const buckets = metric.buckets ?? []
  const values: Record<string, string> =
    metric.type === 'histogram'
      ? {
          sum: 'figure.sum',
          count: 'figure.count',
          ...Object.fromEntries(buckets.map((_, index) => [`bucket_${index + 1}`, `figure.buckets[${index + 1}]`])),
        }
      : { value: 'figure.value' }
  const columns = [
    ...labels.map((label) => `figure."${label}"::text AS "${label}"`),
    ...Object.entries(values).map(([name, from]) => `(${from})::float8 AS ${name}`),
  ]
  const query = `SELECT ${columns.join(', ')} FROM (${withLiterals(sql, inputs)}) AS figure`
  return { name: metric.name, help: metric.help, labels, values: Object.keys(values), allow_zero_rows: true, query }
}

function withLiterals(sql: string, inputs: Inputs): string {
  const { text, values } = bind(sql, inputs)
  return text.replace(/\$(\d+)::/g, (_, number: string) => `${literal(values[Number(number) - 1])}::`)
}

function literal(value: unknown): string {
  if (!Array.isArray(value)) return pg.escapeLiteral(String(value))
  const elements = value.map((element) => `"${String(element).replaceAll(/["\\]/g, '\\$&')}"`)
  return pg.escapeLiteral(`{${elements.join(',')}}`)
}
