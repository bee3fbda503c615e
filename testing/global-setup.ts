import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startPostgres } from '../demo/stack/postgres.ts'
import { makeRunDirectory } from './run-directory.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The superuser's URL on the Postgres server of this run. The projects pure, demo and drill have none. */
    postgresUrl: string
  }
}

/** One Postgres server a run, with durability off: what is tested is lost at the end anyway. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const runDirectory = makeRunDirectory()
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
