import type { Summary } from '../statistics.ts'
import type { ServerFacts } from './server-facts.ts'
import type { StatementTime, Timing } from './timing.ts'
import type { WorldSize } from './world.ts'

/** How much is measured; the big world's plain SQL takes minutes, so that it is asked less often. */
export interface Plan {
  big: WorldSize
  tenth: WorldSize
  warmUpRounds: number
  rounds: number
  /** After which rounds plain SQL is asked in the big world. */
  plainRounds: readonly number[]
}

/** Timings summed up; the database's own time where the server tells it, else the time that was waited. */
export interface Measured {
  wall: Summary
  database: Summary
  /** Of the database's time, planning and execution as pg_stat_statements has them. */
  statements: Summary
}

export interface StoreResult {
  plan: Plan
  facts: ServerFacts
  /** What database time is, as the end of a sentence. */
  timeSource: string
  counts: Readonly<Record<string, number>>
  worldSeconds: number
  firstBuild: { seconds: number; peakRssMb: number }
  refresh: Measured
  tenthRefresh: Measured
  plain: Measured
  series: number
  comparisons: number
  sqlExporter: (Timing & { series: number }) | { reason: string }
  slowest: readonly StatementTime[]
  refreshes: number
}

export interface Ratios {
  plain: number
  plainWall: number
  growth: number
  growthWall: number
}
