import type { Latencies } from '../statistics.ts'
import type { Calls } from './statements.ts'

/** How long each kind of load is kept up. */
export interface Plan {
  together: { everyMs: number; times: number }
  apart: { everyMs: number; times: number }
  loopSeconds: number
  quietSeconds: number
  /** How often there is a new snapshot: six times as often as on a platform, so that its cost is in the figures. */
  refreshMs: number
}

/** One kind of load on the exporter, and on the bare server beside it. */
export interface Measured {
  exporter: Latencies
  floor: Latencies
  /** How long each of the two was asked. */
  seconds: number
}

/** A stretch of time: how often was scraped in it, and what the exporter asked of the database. */
export interface Stretch {
  name: string
  seconds: number
  scrapes: number
  calls: Calls
}

export interface PageResult {
  figures: number
  /** Of the whole page, with what the exporter says of itself. */
  series: number
  bytes: number
  compressedBytes: number
  together: Measured
  apart: Measured
  loop: Measured
  /** None where the server has no pg_stat_statements. */
  stretches: readonly Stretch[]
}

export interface ScrapeResult {
  plan: Plan
  pages: readonly [PageResult, PageResult]
}
