import type { Metric } from '../../catalogue/define.ts'
import { messageOf, UserError } from '../../lib/user-error.ts'
import { parseExposition, parseNumber, type Reading } from './exposition.ts'

/** 5 s: an overview that waits longer says what does not answer. */
const timeoutMs = 5_000

/**
 * What the exporter at this address shows now.
 * @param address its base address; a user and a password in it are sent as basic authentication.
 * @throws {UserError} where it does not answer, or answers something else than metrics.
 */
export async function readExporter(address: string, named: string): Promise<Reading[]> {
  const pages = ['metrics', 'metrics/probes'].map(async (path) => {
    const target = new URL(path, address.endsWith('/') ? address : `${address}/`)
    const text = await get(target, named, 'text/plain')
    try {
      return parseExposition(text)
    } catch (error) {
      throw new UserError(`${named} (${shown(target)}): ${messageOf(error)}`, { exitCode: 1 })
    }
  })
  return (await Promise.all(pages)).flat()
}

interface VectorAnswer {
  status?: unknown
  data?: { resultType?: unknown; result?: unknown }
}

/**
 * The newest samples of these metrics in Prometheus, replicas folded into one (they show the same figure).
 * @throws {UserError} where Prometheus does not answer as it should.
 */
export async function readPrometheus(address: string, named: string, metrics: readonly Metric[]): Promise<Reading[]> {
  const target = new URL('api/v1/query', address.endsWith('/') ? address : `${address}/`)
  target.searchParams.set('query', `{__name__=~"${metrics.map((metric) => metric.name).join('|')}"}`)
  const answer = parseJson(await get(target, named, 'application/json')) as VectorAnswer | undefined
  const result = answer?.data?.result
  if (answer?.status !== 'success' || answer.data?.resultType !== 'vector' || !Array.isArray(result)) {
    throw new UserError(`${named} (${shown(target)}) answered something else; expected a vector of the Prometheus API`, {
      exitCode: 1,
    })
  }
  return foldReplicas(result.map(toReading).filter((reading) => reading !== undefined))
}

function toReading(item: unknown): Reading | undefined {
  if (typeof item !== 'object' || item === null || !('metric' in item) || !('value' in item)) return undefined
  const { metric, value } = item
  if (typeof metric !== 'object' || metric === null || !Array.isArray(value)) return undefined
  const { __name__: name, ...labels } = metric as Record<string, string>
  const number = parseNumber(String(value[1]))
  return name === undefined || number === undefined ? undefined : { name, labels, value: number }
}

/** Labels that a scrape adds: which replica it was, and what was scraped. */
const scrapeLabels = ['instance', 'pod', 'job', 'environment']

function foldReplicas(readings: readonly Reading[]): Reading[] {
  const folded = new Map<string, Reading>()
  for (const { name, labels: all, value } of readings) {
    const labels = Object.fromEntries(Object.entries(all).filter(([label]) => !scrapeLabels.includes(label)))
    const key = JSON.stringify([name, Object.entries(labels).sort()])
    const other = folded.get(key)
    folded.set(key, { name, labels, value: other === undefined ? value : Math.max(other.value, value) })
  }
  return [...folded.values()]
}

async function get(target: URL, named: string, accept: string): Promise<string> {
  const headers: Record<string, string> = { accept }
  const address = new URL(target)
  if (address.username !== '') {
    const credentials = `${decodeURIComponent(address.username)}:${decodeURIComponent(address.password)}`
    headers.authorization = `Basic ${Buffer.from(credentials).toString('base64')}`
    // fetch refuses addresses with credentials in them.
    address.username = ''
    address.password = ''
  }
  let response: Response
  try {
    response = await fetch(address, { headers, signal: AbortSignal.timeout(timeoutMs) })
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
    throw new UserError(`${named} (${shown(target)}) cannot be reached: ${messageOf(cause)}`, { exitCode: 1, cause: error })
  }
  if (!response.ok) {
    throw new UserError(`${named} (${shown(target)}) answered ${response.status}; expected 200`, { exitCode: 1 })
  }
  return response.text()
}

/** The address without credentials and query. */
const shown = (target: URL): string => `${target.origin}${target.pathname}`

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
