import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { testDirectory } from '../../testing/directory.ts'
import { withLock } from './lock.ts'

test('one works at a time, and the lock is gone after the last', async () => {
  const lock = join(testDirectory('lock'), 'lock')
  let inside = 0
  let most = 0
  const work = async () => {
    inside += 1
    most = Math.max(most, inside)
    await sleep(20)
    inside -= 1
  }
  await Promise.all([withLock(lock, work), withLock(lock, work), withLock(lock, work)])
  expect(most).toBe(1)
  expect(existsSync(lock)).toBe(false)
})

test('the lock of a process that is gone is taken over', async () => {
  const lock = join(testDirectory('lock'), 'lock')
  // Above every process number that Linux gives.
  writeFileSync(lock, '4194305')
  let worked = false
  await withLock(lock, async () => {
    worked = true
  })
  expect(worked).toBe(true)
})

test('the lock is given back when the work fails', async () => {
  const lock = join(testDirectory('lock'), 'lock')
  await expect(withLock(lock, () => Promise.reject(new Error('no network')))).rejects.toThrow('no network')
  expect(existsSync(lock)).toBe(false)
})
