import { setTimeout as sleep } from 'node:timers/promises'
import { type ApiQuery, type PrometheusQuery, readBoardQueries } from '../boards/board-queries.ts'
import type { Barometer } from './barometer.ts'
import { mayBeEmpty, sparseTables } from './empty-queries.ts'

/**
 * Asserts what a person would look for: every scrape target is up, and every query of every board has an answer, of
 * Prometheus and of the audit API. What has none on the demo's data is declared with its reason.
 * @returns whether all is well; each thing that is not is a line on standard error
 */
export async function checkDemo(barometer: Barometer): Promise<boolean> {
  const { prometheus, labels, api } = readBoardQueries({ now: new Date() })
  const { prometheusUrl } = barometer
  const problems = await targetProblems(prometheusUrl)
  problems.push(...(await problemsOfQueries(prometheusUrl, prometheus)))
  for (const { uid, panel, metric, label } of labels) {
    const values = await ask<string[]>(prometheusUrl, `label/${label}/values`, { 'match[]': metric })
    if (values.length === 0) problems.push(`${uid} > ${panel} has no values`)
  }
  const routes = await routesOf(barometer.auditApiUrl)
  for (const query of api) problems.push(...(await apiProblems(barometer, routes, query)))
  for (const problem of problems) process.stderr.write(`demo check: ${problem}\n`)
  if (problems.length === 0) {
    process.stdout.write(
      `demo check: every target is up, each of ${prometheus.length + labels.length + api.length} queries has an answer\n`,
    )
  }
  return problems.length === 0
}

async function targetProblems(prometheusUrl: string): Promise<string[]> {
  interface Targets {
    activeTargets: { scrapePool: string; health: string; lastError: string }[]
  }
  const { activeTargets } = await ask<Targets>(prometheusUrl, 'targets', { state: 'active' })
  return activeTargets
    .filter((target) => target.health !== 'up')
    .map((target) => `the target ${target.scrapePool} is ${target.health}: ${target.lastError}`)
}

/** Rates are recorded every minute, of the minute before: the second time there is one for certain. */
const recordedWithinMs = 120_000

/** What has no answer is asked for again until all must be there. */
async function problemsOfQueries(prometheusUrl: string, queries: readonly PrometheusQuery[]): Promise<string[]> {
  const deadlineMs = performance.now() + recordedWithinMs
  let left = queries
  for (;;) {
    const problems = new Map<PrometheusQuery, string>()
    for (const query of left) {
      const problem = await problemOf(prometheusUrl, query)
      if (problem !== undefined) problems.set(query, problem)
    }
    if (problems.size === 0 || performance.now() > deadlineMs) return [...problems.values()]
    left = [...problems.keys()]
    await sleep(2_000)
  }
}

async function problemOf(prometheusUrl: string, query: PrometheusQuery): Promise<string | undefined> {
  const { uid, panel, refId, expression, range } = query
  const where = `${uid} > ${panel} ${refId}`
  const path = range === undefined ? 'query' : 'query_range'
  try {
    for (const span of range === undefined ? [{}] : spansOf(range)) {
      const { result } = await ask<{ result: unknown[] }>(prometheusUrl, path, { query: expression, ...span })
      if (result.length > 0) return undefined
    }
    return mayBeEmpty(query) ? undefined : `${where} has no answer: ${expression}`
  } catch (error) {
    return `${where}: ${error instanceof Error ? error.message : error}`
  }
}

/**
 * Grafana's points are multiples of the step. The last of them may lie before the demo began, so what is not of the history is
 * asked for with points that end now.
 */
function spansOf({ seconds, stepSeconds }: { seconds: number; stepSeconds: number }) {
  const now = Math.floor(Date.now() / 1_000)
  return [Math.floor(now / stepSeconds) * stepSeconds, now].map((end) => ({
    ...{ start: String(end - Math.ceil(seconds / stepSeconds) * stepSeconds), end: String(end) },
    step: String(stepSeconds),
  }))
}

async function apiProblems(
  { auditApiUrl, auditToken }: Barometer,
  routes: readonly RegExp[],
  { uid, panel, path, root, selectors }: ApiQuery,
): Promise<string[]> {
  const [route = ''] = path.split('?')
  // A board may be ahead of the audit API that runs; what the API has must answer.
  if (!routes.some((known) => known.test(route))) return []
  const response = await fetch(auditApiUrl + path, { headers: { authorization: `Bearer ${auditToken}` } })
  const text = await response.text()
  if (!response.ok) return [`${uid} > ${panel}: the audit API answers ${response.status} to ${path}: ${text}`]
  const body: unknown = JSON.parse(text)
  const found = root === '' ? [body] : at(body, root)
  if (!Array.isArray(found)) return [`${uid} > ${panel}: ${route} has no list ${root}`]
  if (found.length === 0) return mayBeEmpty({ panel, refId: 'A' }) ? [] : [`${uid} > ${panel}: ${route} has no items`]
  if (sparseTables.some((table) => table.panel === panel)) return []
  return selectors
    .filter((selector) => !found.some((item) => at(item, selector) !== undefined))
    .map((selector) => `${uid} > ${panel}: no item of ${route} has ${selector}`)
}

/** The routes that the audit API says it has. */
async function routesOf(auditApiUrl: string): Promise<RegExp[]> {
  const response = await fetch(`${auditApiUrl}/openapi.json`)
  const { paths } = (await response.json()) as { paths: Record<string, unknown> }
  return Object.keys(paths).map((path) => new RegExp(`^${path.replace(/\{[^}]*\}/g, '[^/]+')}$`))
}

function at(value: unknown, selector: string): unknown {
  return selector
    .split('.')
    .reduce((found, key) => (typeof found === 'object' && found !== null ? Reflect.get(found, key) : undefined), value)
}

async function ask<Data>(prometheusUrl: string, path: string, parameters: Record<string, string>): Promise<Data> {
  const response = await fetch(`${prometheusUrl}/api/v1/${path}?${new URLSearchParams(parameters)}`)
  const body = (await response.json()) as { status: string; error?: string; data: Data }
  if (body.status !== 'success') throw new Error(`Prometheus answers ${body.error}`)
  return body.data
}
