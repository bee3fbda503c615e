import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus'
import type { Metric } from '../catalogue/define.ts'
import { growth, type Matchers, sum, value } from '../catalogue/promql.ts'
import { type RollingWindow, rollingWindowNames } from '../catalogue/windows.ts'

/** The data source variable that every target uses. */
export const datasource = { type: 'prometheus', uid: '${datasource}' }

/** What business figures show moves by the hour, and their past has a sample an hour: a finer step only costs. */
export const businessStep = '1h'

/** One query of a panel. */
export interface Query {
  expression: string
  /** The name of its series; labels stand as `{{label}}`. */
  legend?: string
  /** The last value alone, for what is compared side by side. */
  instant?: boolean
  format?: 'heatmap' | 'table'
  /** The least step, such as 1h; of no meaning for an instant. */
  step?: string
}

const refIds = 'ABCDEFGHIJ'

/** The targets of a panel, named A, B and so on. */
export function targets(queries: readonly Query[], step: string): DataqueryBuilder[] {
  return queries.map((query, index) => target(query, refIds[index] ?? 'A', step))
}

/** One target by its name. */
export function target(query: Query, refId: string, step: string): DataqueryBuilder {
  const builder = new DataqueryBuilder()
    .refId(refId)
    .datasource(datasource)
    .expr(query.expression)
    .legendFormat(query.legend ?? '')
  if (query.format === 'heatmap') builder.format(PromQueryFormat.Heatmap)
  if (query.format === 'table') builder.format(PromQueryFormat.Table)
  if (query.instant) return builder.instant()
  return builder.interval(query.step ?? step).range()
}

/** The sum over all labels of a figure that may be added. */
export function total<Of extends Metric>(of: Of, matchers: Matchers<Of> = {}): string {
  return sum(value(of, matchers))
}

/** A figure and by which part it is greater or less than a stretch of time before, for a stat. */
export function compared<Of extends Metric>(of: Of, matchers: Matchers<Of>, before: RollingWindow) {
  return {
    queries: [{ expression: total(of, matchers), legend: 'now' }],
    change: { expression: growth(of, matchers, before), legend: `change in ${rollingWindowNames[before]}` },
  } as const
}

/** Matchers of the variables of a board: `filter('tier')` is `{ tier: { matches: '$tier' } }`. */
export function filter<const Names extends readonly string[]>(...names: Names) {
  const pairs = names.map((name) => [name, { matches: `$${name}` }] as const)
  return Object.fromEntries(pairs) as Record<Names[number], { matches: string }>
}

/** What Prometheus itself says of its scrapes and alerts; these names are its own. */
export const prometheusOwn = {
  up: 'up',
  scrapeDurationSeconds: 'scrape_duration_seconds',
  scrapeSamples: 'scrape_samples_scraped',
  /** Without those that reach nobody, such as the one that always fires. */
  firingAlerts: 'ALERTS{alertstate="firing", severity!="none"}',
} as const
