import type { DashboardUid } from '../catalogue/dashboards.ts'
import type { Expression } from '../catalogue/promql.ts'

/** Where the thing that an alert is about is shown: a board, and the title of one of its panels. */
export interface Panel {
  board: DashboardUid
  title: string
}

/** An alert as data. Its page is `docs/runbooks/<kebab-case name>.md`. */
export interface Alert {
  name: string
  expression: Expression
  /** Critical pages, a warning is a message; none reaches nobody, but the Watchdog its switch. */
  severity: 'critical' | 'warning' | 'none'
  component:
    | 'database'
    | 'redis'
    | 'storage'
    | 'api'
    | 'queue'
    | 'gpu'
    | 'exporter'
    | 'audit'
    | 'content'
    | 'users'
    | 'revenue'
    | 'monitoring'
  /** How long it must hold before it fires; at once where left out. */
  for?: string
  keepFiringFor?: string
  /** One line for the page's title; labels of the alert may stand in it, values not. */
  summary: string
  description: string
  panel: Panel
}

/** A query whose result is kept as a series, for what alerts and panels ask again and again. */
export interface Recording {
  /** level:metric:operations */
  name: string
  recordedBy: Expression
}

/** Rules that are evaluated together, in one rhythm, the recordings before the alerts. */
export interface RuleGroup<Recorded extends Recording = Recording> {
  name: string
  interval: string
  recordings?: readonly Recorded[]
  alerts: readonly Alert[]
}

/** The page of an alert, by its name: DatabaseDown is database-down. */
export function runbookOf(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase()
}

/**
 * A recording by the convention of https://prometheus.io/docs/practices/rules/: the labels that are left, the metric,
 * what was done to it, the newest last. A rate takes `_total` and `_count` off.
 */
export function recording(
  labels: readonly string[],
  metric: string,
  operations: string,
  recordedBy: Expression,
): Recording {
  return { name: `${labels.join('_')}:${metric.replace(/_total$/, '')}:${operations}`, recordedBy }
}
