/** Says what goes on: a line a step, with the seconds since the start, on standard error. */
export interface Progress {
  step(line: string): void
  /** Runs a part and says when it is done and how long it took. */
  part<Result>(what: string, work: () => Promise<Result>): Promise<Result>
  seconds(): number
}

export function createProgress(now: () => number): Progress {
  const start = now()
  const seconds = () => (now() - start) / 1_000
  const step = (line: string) => process.stderr.write(`${seconds().toFixed(1).padStart(6)} s  ${line}\n`)
  return {
    step,
    seconds,
    part: async (what, work) => {
      const from = seconds()
      const result = await work()
      step(`${what} (${(seconds() - from).toFixed(1)} s)`)
      return result
    },
  }
}
