import type { IndexFinding } from './indexes.ts'

/** warning: works, but will be slow, or something cannot be told; broken: does not work; off: not configured. */
export type Status = 'ok' | 'warning' | 'broken' | 'off'

export interface ViewReport {
  view: string
  status: Status
  /** What is wrong, one line each, with view, column, found and expected. */
  problems: readonly string[]
  /** Collectors that are off or stopped because of it. */
  stops: readonly string[]
  /** The planner's; null where the view is not there or cannot be read. */
  rowsEstimated: number | null
  /** ISO time of the newest row, null where there is none or it could not be told in time. */
  newestRow: string | null
  indexes: readonly IndexFinding[]
  /** In the planner's units: reading what changed in two hours. */
  changesCost: number | null
}

export interface ServiceReport {
  service: string
  /** host:port or a configured name; never an address with credentials. */
  target: string
  status: Status
  detail: string
}

export interface CheckReport {
  /** Whether nothing is broken: warnings and what is off do not count. */
  good: boolean
  /** The server's version and the schema that was looked at. */
  database: ServiceReport
  views: readonly ViewReport[]
  /** In the planner's units: all statements of one refresh; null where none can run. */
  refreshCost: number | null
  services: readonly ServiceReport[]
}
