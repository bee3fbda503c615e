import { expect, test } from 'vitest'
import { fingerprintOf, withoutParticulars } from './fingerprint.ts'

test.each([
  ['no answer within 3000 ms', 'no answer within <n> ms'],
  ['user 1042 has 7.5 credits', 'user <n> has <n> credits'],
  ["can't find 'bob' in user's list", "can't find <text> in user's list"],
  ['relation "users" does not exist', 'relation <text> does not exist'],
  ['no `a` and “b” and «c»', 'no <text> and <text> and <text>'],
  ['"it\\"s" unclosed "x', '<text> unclosed "x'],
  ['generation 550e8400-e29b-41d4-a716-446655440000 failed', 'generation <id> failed'],
  ['order ORD-2026-00012345 and 01ARZ3NDEKTSV4RRFFQ69G5FAV', 'order <id> and <id>'],
  ['at 0x7ffd9c, commit 3f786850e387', 'at <id>, commit <id>'],
  ['at 2026-11-24T19:15:29Z', 'at <id>:<n>Z'],
  ['a\n  b\tc ', 'a b c'],
  ['connect ECONNREFUSED 10.0.0.1:5432', 'connect ECONNREFUSED <n>'],
  ['no user [masked e-mail]', 'no user [masked e-mail]'],
  ['nichts übrig für „Ada“', 'nichts übrig für <text>'],
])('%s', (message, expected) => {
  expect(withoutParticulars(message)).toBe(expected)
})

test('the same fault has one fingerprint, whatever its particulars; another service, type or text has another', () => {
  const error = { service: 'api', type: 'TimeoutError', message: "no answer of 'gpu-1' within 3000 ms" }
  const same = fingerprintOf({ ...error, message: "no answer of 'gpu-2' within 5 ms" })
  expect(fingerprintOf(error)).toBe(same)
  expect(same).toMatch(/^[0-9a-f]{16}$/)
  const others = [
    { ...error, service: 'worker' },
    { ...error, type: 'AbortError' },
    { ...error, message: 'no GPU' },
  ]
  expect(new Set([same, ...others.map(fingerprintOf)]).size).toBe(4)
})

test.each(['"', "'", '"\\', 'a"', '1-', 'a1', '“', '1.'])('text made to take long takes no time: %s', (part) => {
  const start = process.cpuUsage()
  withoutParticulars(part.repeat(4_000 / part.length))
  // The time of the processor: a busy machine makes nothing slower by it.
  expect(process.cpuUsage(start).user / 1_000).toBeLessThan(200)
})
