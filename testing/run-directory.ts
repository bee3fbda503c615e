import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** A directory of this run, removed at its end; for whatever tests start. */
    runDirectory: string
  }
}

const root = resolve(import.meta.dirname, '..', '.barometer', 'test-runs')
const dayMs = 86_400_000

/** The global setup of the tests that need no Postgres: it gives them a directory and starts nothing. */
export default function setup(project: TestProject): () => void {
  const runDirectory = makeRunDirectory()
  project.provide('runDirectory', runDirectory)
  return () => rmSync(runDirectory, { recursive: true, force: true })
}

/** Makes a directory for this run, and removes those that killed runs left. */
export function makeRunDirectory(): string {
  removeOldRuns()
  const runDirectory = join(root, `${process.pid}-${randomUUID().slice(0, 8)}`)
  mkdirSync(runDirectory, { recursive: true })
  return runDirectory
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
