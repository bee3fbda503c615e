import { closeSync, openSync, rmSync, statSync } from 'node:fs'

/** 10 s: the work under the lock takes milliseconds, so whoever made an older one is gone. */
const staleMs = 10_000
const waitMs = 10

/**
 * Runs `work` in one process at a time. The lock is a file beside `path`; one that was left behind is taken over. It
 * waits without giving way to other work, so it is for commands and not for services.
 * @throws what the file system says where the lock cannot be made.
 */
export function withFileLock<Result>(path: string, work: () => Result): Result {
  const lock = `${path}.lock`
  while (!acquire(lock)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, waitMs)
  try {
    return work()
  } finally {
    rmSync(lock, { force: true })
  }
}

function acquire(lock: string): boolean {
  try {
    closeSync(openSync(lock, 'wx', 0o600))
    return true
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    const found = statSync(lock, { throwIfNoEntry: false })
    if (found !== undefined && Date.now() - found.mtimeMs > staleMs) rmSync(lock, { force: true })
    return false
  }
}
