import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { givenServer, type Server, startServer } from './postgres.ts'

/** Where benchmarks keep what they make; each run has a directory in it that goes with it. */
export const benchDirectory = resolve(import.meta.dirname, '..', '..', '.barometer', 'bench')

/**
 * Runs a benchmark on a server of its own, or on the one that BENCH_DATABASE_URL names, with a directory of its own. Both end
 * with it, also when it is stopped by a signal.
 */
export async function onServer<Result>(
  name: string,
  work: (server: Server, directory: string) => Promise<Result>,
): Promise<Result> {
  const directory = join(benchDirectory, `${name}-${process.pid}`)
  removeOldRuns(name)
  mkdirSync(directory, { recursive: true })
  const given = process.env.BENCH_DATABASE_URL
  const server = given === undefined ? await startServer(join(directory, 'postgres')) : givenServer(given)
  const end = async (): Promise<void> => {
    await server.stop()
    rmSync(directory, { recursive: true, force: true })
  }
  process.once('SIGINT', () => void end().finally(() => process.exit(130)))
  process.once('SIGTERM', () => void end().finally(() => process.exit(143)))
  try {
    return await work(server, directory)
  } finally {
    await end()
  }
}

/** What killed runs left; another run may live beside this one. */
function removeOldRuns(name: string): void {
  for (const entry of existsSync(benchDirectory) ? readdirSync(benchDirectory) : []) {
    const pid = entry.startsWith(`${name}-`) ? entry.slice(name.length + 1) : ''
    if (/^\d+$/.test(pid) && !existsSync(`/proc/${pid}`))
      rmSync(join(benchDirectory, entry), { recursive: true, force: true })
  }
}
