import type { Metric } from '../../catalogue/define.ts'
import { messageOf, UserError } from '../../lib/user-error.ts'
import { parseExposition, type Reading } from '../exposition.ts'
import { getText, shownAddress, under } from '../http-get.ts'
import { queryPrometheus } from '../prometheus.ts'

/**
 * What the exporter at this address shows now.
 * @param address its base address; a user and a password in it are sent as basic authentication.
 * @throws {UserError} where it does not answer, or answers something else than metrics.
 */
export async function readExporter(address: string, named: string): Promise<Reading[]> {
  const pages = ['metrics', 'metrics/probes'].map(async (path) => {
    const target = under(address, path)
    const text = await getText(target, named, 'text/plain')
    try {
      return parseExposition(text)
    } catch (error) {
      throw new UserError(`${named} (${shownAddress(target)}): ${messageOf(error)}`, { exitCode: 1 })
    }
  })
  return (await Promise.all(pages)).flat()
}

/**
 * The newest samples of these metrics in Prometheus, replicas folded into one (they show the same figure).
 * @throws {UserError} where Prometheus does not answer as it should.
 */
export async function readPrometheus(address: string, named: string, metrics: readonly Metric[]): Promise<Reading[]> {
  const names = metrics.map((metric) => metric.name).join('|')
  return foldReplicas(await queryPrometheus(address, named, `{__name__=~"${names}"}`))
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
