import { retryAfterMs } from './backoff.ts'
import type { Recorded } from './event.ts'

/** What became of a batch. */
export type Outcome =
  | { kind: 'stored' }
  /** Can never be stored: the API named the event by its place in the batch; the others were not stored either. */
  | { kind: 'refused'; index: number; reason: string }
  /** Something in it can never be stored, or all of it is too large: the API did not name an event. */
  | { kind: 'refused somewhere'; reason: string }
  /** May be stored later: the API or the way to it is down, busy, or not set right. */
  | { kind: 'later'; reason: string; waitMs: number | undefined }

export interface DeliveryOptions {
  /** Of the events, `…/v1/audit/events`. */
  url: string
  /** Asked for before each request, so that a renewed token counts at once. */
  token: () => string
  timeoutMs: number
  now: () => Date
}

/** The answers that speak of what was sent, and would be the same for ever. A 401 or a 404 is put right by somebody. */
const neverStored: readonly number[] = [400, 409, 413, 422]

/** Sends a batch once. Never throws: whatever is not an answer of the API is `later`. */
export async function deliver(
  batch: readonly Recorded[],
  options: DeliveryOptions,
  stopped: AbortSignal,
): Promise<Outcome> {
  try {
    const response = await fetch(options.url, {
      method: 'POST',
      headers: { authorization: `Bearer ${options.token()}`, 'content-type': 'application/json' },
      body: `[${batch.map((event) => event.json).join(',')}]`,
      // A redirect would send the token elsewhere, or the events as a GET that stores nothing.
      redirect: 'manual',
      signal: AbortSignal.any([stopped, AbortSignal.timeout(options.timeoutMs)]),
    })
    return await readAnswer(response, batch.length, options.now())
  } catch (error) {
    return { kind: 'later', reason: reasonOf(error), waitMs: undefined }
  }
}

async function readAnswer(response: Response, count: number, now: Date): Promise<Outcome> {
  const { status, headers } = response
  const text = await response.text()
  if (response.ok) {
    // A page of a proxy may be a 200 too; nothing was stored then.
    return isReceipt(parsed(text), count)
      ? { kind: 'stored' }
      : { kind: 'later', reason: `${status}, but no answer of the audit API`, waitMs: undefined }
  }
  const problem = /problem\+json/.test(headers.get('content-type') ?? '') ? parsed(text) : undefined
  const { detail, field } = isObject(problem) ? problem : {}
  const reason = `${status}${typeof detail === 'string' ? ` ${detail}` : ''}`
  if (!isObject(problem) || !neverStored.includes(status)) {
    // A 413 may come from a proxy with a lower limit; smaller batches may go through.
    if (status === 413) return { kind: 'refused somewhere', reason }
    return { kind: 'later', reason, waitMs: retryAfterMs(headers.get('retry-after'), now) }
  }
  const index = Number(/^events\[(\d+)\]/.exec(typeof field === 'string' ? field : '')?.[1])
  return index < count ? { kind: 'refused', index, reason } : { kind: 'refused somewhere', reason }
}

function isReceipt(answer: unknown, count: number): boolean {
  return (
    isObject(answer) && typeof answer.stored === 'number' && answer.stored + Number(answer.duplicates ?? 0) === count
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** fetch says "fetch failed" and hides why in its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message
}
