/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** `count` of `choices` in random order: each once before any comes again. */
export function drawn<Choice>(choices: readonly Choice[], count: number, random: () => number): Choice[] {
  const order: Choice[] = []
  while (order.length < count && choices.length > 0) {
    const round = [...choices]
    for (let last = round.length - 1; last > 0; last -= 1) {
      const other = Math.floor(random() * (last + 1))
      const [one, two] = [round[last], round[other]] as [Choice, Choice]
      round[last] = two
      round[other] = one
    }
    order.push(...round)
  }
  return order.slice(0, count)
}
