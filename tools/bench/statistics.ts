/** What several measurements of one thing came to. */
export interface Summary {
  median: number
  min: number
  max: number
  count: number
}

/** @throws where nothing was measured */
export function summarise(values: readonly number[]): Summary {
  const sorted = [...values].sort((one, other) => one - other)
  const middle = (sorted.length - 1) / 2
  const [low, high, min, max] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)], sorted[0], sorted.at(-1)]
  if (low === undefined || high === undefined || min === undefined || max === undefined)
    throw new Error('nothing was measured')
  return { median: (low + high) / 2, min, max, count: sorted.length }
}

/** How long many requests took. */
export interface Latencies {
  p50: number
  p99: number
  max: number
  count: number
}

/**
 * By nearest rank: a percentile is one of the values that were measured.
 * @throws where nothing was measured
 */
export function latenciesOf(values: readonly number[]): Latencies {
  const sorted = [...values].sort((one, other) => one - other)
  const at = (fraction: number): number => {
    const value = sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)]
    if (value === undefined) throw new Error('nothing was measured')
    return value
  }
  return { p50: at(0.5), p99: at(0.99), max: at(1), count: sorted.length }
}
