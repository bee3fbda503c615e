import type { Recording } from '../catalogue/recordings.ts'

/** An alert as data. Its page is `docs/runbooks/<kebab-case name>.md`. */
export interface Alert {
  name: string
  expression: string
  severity: 'critical' | 'warning' | 'none'
  component:
    | 'database'
    | 'redis'
    | 'storage'
    | 'api'
    | 'queue'
    | 'gpu'
    | 'exporter'
    | 'content'
    | 'revenue'
    | 'barometer'
  /** How long it must hold before it fires; at once where left out. */
  for?: string
  keepFiringFor?: string
  /** One line for the page's title; labels of the alert may stand in it, values not. */
  summary: string
  description: string
}

/** Rules that are evaluated together, in one rhythm. */
export interface RuleGroup {
  name: string
  interval: string
  recordings?: readonly Recording[]
  alerts: readonly Alert[]
}

/** The page of an alert, by its name: DatabaseDown is database-down. */
export function runbookOf(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase()
}
