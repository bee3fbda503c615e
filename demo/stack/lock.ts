import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** Runs `work` in one process at a time; a lock file whose owner is gone is taken over. */
export async function withLock(lock: string, work: () => Promise<void>): Promise<void> {
  while (!acquire(lock)) await sleep(200)
  try {
    await work()
  } finally {
    rmSync(lock, { force: true })
  }
}

function acquire(lock: string): boolean {
  const own = `${lock}-${process.pid}`
  writeFileSync(own, String(process.pid))
  try {
    // A link appears with its content, so nobody reads a lock without an owner.
    linkSync(own, lock)
    return true
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    if (!ownerLives(lock)) rmSync(lock, { force: true })
    return false
  } finally {
    rmSync(own, { force: true })
  }
}

function ownerLives(lock: string): boolean {
  try {
    process.kill(Number(readFileSync(lock, 'utf8')), 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
