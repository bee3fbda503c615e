import type { HistorySize } from './history.ts'
import type { MeasuredBoard } from './measure.ts'

export interface Plan {
  /** The time range of the boards. */
  days: number
  passes: number
}

export interface BoardsResult {
  plan: Plan
  version: string
  /** What was scraped, and this with what rules recorded of it. */
  scraped: HistorySize
  whole: HistorySize
  megabytes: number
  scrapedSeconds: number
  wholeSeconds: number
  boards: readonly MeasuredBoard[]
}
