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
