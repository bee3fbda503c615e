/** How Grafana (10.4 to 13) chooses the steps of a query to Prometheus. All in seconds. */
export interface StepOptions {
  /** From the beginning to the end of the range. */
  seconds: number
  /** Points that the panel has room for: its pixels. */
  points: number
  /** The query's least step, where it has one. */
  leastStep: number | undefined
  /** How often the data source says that it is scraped. */
  scrapeInterval: number
}

/** Up to the first, an interval is rounded to the second. */
const rounded: readonly (readonly [number, number])[] = [
  [1.5, 1],
  [3.5, 2],
  [7.5, 5],
  [12.5, 10],
  [17.5, 15],
  [25, 20],
  [45, 30],
  [90, 60],
  [210, 120],
  [450, 300],
  [750, 600],
  [1_050, 900],
  [1_500, 1_200],
  [2_700, 1_800],
  [5_400, 3_600],
  [9_000, 7_200],
  [16_200, 10_800],
  [32_400, 21_600],
  [86_400, 43_200],
  [604_800, 86_400],
  [1_814_400, 604_800],
]

function interval({ seconds, points }: StepOptions, least: number): number {
  const exact = seconds / points
  if (exact < least) return least
  return rounded.find(([limit]) => exact <= limit)?.[1] ?? 2_592_000
}

/** Between two points of a range query. */
export function stepOf(options: StepOptions): number {
  return interval(options, options.leastStep ?? options.scrapeInterval)
}

/** What stands for `$__rate_interval`: a step with a scrape before it, and four scrapes at least. */
export function rateIntervalOf(options: StepOptions): number {
  const scrape = options.leastStep ?? options.scrapeInterval
  return Math.max(interval(options, options.scrapeInterval) + scrape, 4 * scrape)
}
