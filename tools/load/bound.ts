/** One thing that was seen under load, and what it must not pass. */
export interface Seen {
  what: string
  found: number
  unit: string
  bound: { atMost: number } | { exactly: number }
}

export const isWithin = ({ found, bound }: Seen): boolean =>
  'exactly' in bound ? found === bound.exactly : found <= bound.atMost

export const atMost = (what: string, found: number, unit: string, most: number): Seen => ({
  ...{ what, found, unit },
  bound: { atMost: most },
})

export const exactly = (what: string, found: number, unit: string, expected: number): Seen => ({
  ...{ what, found, unit },
  bound: { exactly: expected },
})

/** A line for a person: what, how much, the bound, and whether it holds. */
export function shown(seen: Seen): string {
  const { what, found, unit, bound } = seen
  const expected = 'exactly' in bound ? `${bound.exactly}` : `at most ${bound.atMost}`
  return `${isWithin(seen) ? 'ok    ' : 'BROKEN'} ${what}: ${Number.isInteger(found) ? found : found.toPrecision(3)} ${unit} (${expected})`
}
