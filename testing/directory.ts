import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { inject } from 'vitest'

/** A new directory for what a test writes or starts; it goes with the run. */
export function testDirectory(name: string): string {
  const path = join(inject('runDirectory'), `${name}-${randomUUID().slice(0, 8)}`)
  mkdirSync(path, { recursive: true })
  return path
}
