interface Stoppable {
  stop(): Promise<void>
}

/** What runs, so that all of it is stopped, the last started first. */
export interface Stack {
  /** Takes charge of something that starts, and gives it back when it has. */
  add<Started extends Stoppable>(starting: Promise<Started>): Promise<Started>
  /** Stops everything, also what is still starting. */
  stop(): Promise<void>
}

export function createStack(): Stack {
  const started: Promise<Stoppable>[] = []
  return {
    add: (starting) => {
      started.push(starting)
      return starting
    },
    stop: async () => {
      const settled = await Promise.allSettled(started)
      const running = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
      // Services before the stores they write to; within each, side by side is quick and does no harm.
      const stores = running.slice(0, 3)
      await Promise.allSettled(running.slice(3).map((program) => program.stop()))
      await Promise.allSettled(stores.map((program) => program.stop()))
    },
  }
}
