import type { Summary } from '../statistics.ts'
import type { ServerFacts } from '../store/server-facts.ts'
import type { TableSize } from './sizes.ts'

/** What one size came to. */
export interface Measured {
  counts: Readonly<Record<string, number>>
  /** Rows that a minute brings, of all kinds. */
  minuteRows: number
  firstBuild: { seconds: number; peakRssMb: number }
  database: Summary
  wall: Summary
  /** The platform's own schema and the exporter's, with indexes. */
  platformBytes: number
  storeBytes: number
  storeTables: readonly TableSize[]
}

export interface MeasuredAudit {
  events: number
  bytes: number
  indexBytes: number
}

export interface ScaleResult {
  sizes: readonly Measured[]
  audits: readonly MeasuredAudit[]
  facts: ServerFacts
  timeSource: string
}
