/**
 * How long to wait before the next try: twice as long each time, and at least half of that by chance, so that many
 * clients that lost the same server do not come back at one moment.
 * @param attempt 1 after the first failure
 * @param random from 0 to 1
 */
export function backoffMs(attempt: number, limits: { minMs: number; maxMs: number }, random: number): number {
  const longest = Math.min(limits.maxMs, limits.minMs * 2 ** Math.min(attempt - 1, 30))
  return longest * (0.5 + random / 2)
}

/** 10 min: a server that asks for more is one whose clock or proxy is wrong. */
const retryAfterMaxMs = 600_000

/** What the header Retry-After asks for, in seconds or as a date; undefined where it says nothing that can be read. */
export function retryAfterMs(header: string | null, now: Date): number | undefined {
  if (header === null) return undefined
  const text = header.trim()
  const waitMs = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - now.getTime()
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(waitMs, 0), retryAfterMaxMs)
}
