import { randomUUID } from 'node:crypto'
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startPostgres } from '../demo/stack/postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The superuser's URL on the Postgres server of this run. */
    postgresUrl: string
    /** A directory of this run, removed at its end; for whatever tests start. */
    runDirectory: string
  }
}

const root = resolve(import.meta.dirname, '..', '.barometer', 'test-runs')
const dayMs = 86_400_000

/** One Postgres server a run, with durability off: what is tested is lost at the end anyway. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  removeOldRuns()
  const runDirectory = join(root, `${process.pid}-${randomUUID().slice(0, 8)}`)
  const postgres = await startPostgres({
    directory: join(runDirectory, 'postgres'),
    settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', autovacuum: 'off' },
  })
  project.provide('postgresUrl', postgres.url)
  project.provide('runDirectory', runDirectory)
  return async () => {
    await postgres.stop()
    rmSync(runDirectory, { recursive: true, force: true })
  }
}

/** What killed runs left; another run may live beside this one. */
function removeOldRuns(): void {
  if (!existsSync(root)) return
  for (const name of readdirSync(root)) {
    const path = join(root, name)
    // The day is for a process number that another program has by now.
    const ended = !lives(Number.parseInt(name, 10)) || statSync(path).mtimeMs < Date.now() - dayMs
    if (ended) rmSync(path, { recursive: true, force: true })
  }
}

function lives(pid: number): boolean {
  return existsSync(`/proc/${pid}`)
}
