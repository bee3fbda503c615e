import type { Client } from 'pg'

/** One statement, with a name to say how long it took. */
export interface Work {
  name: string
  statement: string
}

/** Runs statements on several connections at once, each taking the next that is left. */
export async function inLanes(
  lanes: readonly Client[],
  work: readonly Work[],
  say: (line: string) => void = () => {},
): Promise<void> {
  const left = [...work]
  const run = async (client: Client): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const started = performance.now()
      await client.query(next.statement)
      const seconds = (performance.now() - started) / 1_000
      if (seconds >= 1) say(`${next.name}: ${seconds.toFixed(1)} s`)
    }
  }
  await Promise.all(lanes.map(run))
}
