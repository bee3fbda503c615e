import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { backoffMs } from './backoff.ts'
import { EventBuffer } from './buffer.ts'
import { type DeliveryOptions, deliver } from './delivery.ts'
import type { AuditEvent, Recorded } from './event.ts'

export type { AuditEvent } from './event.ts'

export interface AuditClientOptions {
  /** Of the audit API, as `https://audit.example:9465`. */
  url: string
  /** With the scope ingest. A function is asked before each request, so that a renewed token counts without a restart. */
  token: string | (() => string)
  /**
   * Told of each event that can never be stored: it is malformed (400, 422), its id is taken by other content (409), or it
   * is too large (413). Nothing else is given up. Write it to a log: it is the only trace that is left.
   */
  onGivenUp: (event: AuditEvent, reason: string) => void
  /** Told of each failed try that is followed by another. */
  onRetry?: (retry: { reason: string; attempt: number; waitMs: number; waiting: number }) => void
  /** How much waits in memory at most, before `record()` waits. 10,000 events, 16 MiB. */
  bufferEventsMax?: number
  bufferBytesMax?: number
  /** Of one request; the API takes 1,000 events and 1 MiB. */
  batchEventsMax?: number
  batchBytesMax?: number
  /** How long an event waits for others to share its request. 20 ms. */
  lingerMs?: number
  /** Of one request, its answer included. 10 s, as long as the API gives a batch. */
  timeoutMs?: number
  /** Between tries. 200 ms at first, twice as long each time, 30 s at most. */
  backoffMinMs?: number
  backoffMaxMs?: number
  now?: () => Date
  random?: () => number
}

const defaults = {
  bufferEventsMax: 10_000,
  bufferBytesMax: 16_777_216,
  batchEventsMax: 500,
  batchBytesMax: 900_000,
  lingerMs: 20,
  timeoutMs: 10_000,
  backoffMinMs: 200,
  backoffMaxMs: 30_000,
}
/** While it closes the next try is at most 1 s away: the process is to end. */
const closingBackoffMaxMs = 1_000

/**
 * Sends events to the audit API, in order, in batches, until each is stored: a request that fails is tried again with the
 * same ids, so that none is stored twice. While the process lives no event is lost; what must outlive it is recorded in
 * the database, in the action's own transaction, by `barometer_audit.record()`.
 */
export class AuditClient {
  readonly #options: AuditClientOptions & typeof defaults
  readonly #delivery: DeliveryOptions
  readonly #buffer: EventBuffer
  readonly #stopped = new AbortController()
  /** Ends the wait that is under way when it is closed. */
  readonly #hurry = new AbortController()
  readonly #now: () => Date
  #sequence = 0
  #closing = false
  #running = false

  /** @throws {TypeError} for an address that is none. */
  constructor(options: AuditClientOptions) {
    this.#options = withDefaults(options)
    this.#now = options.now ?? (() => new Date())
    const { token } = options
    const base = options.url.endsWith('/') ? options.url : `${options.url}/`
    this.#delivery = {
      url: new URL('v1/audit/events', base).href,
      token: typeof token === 'string' ? () => token : token,
      timeoutMs: this.#options.timeoutMs,
      now: this.#now,
    }
    this.#buffer = new EventBuffer({
      eventsMax: this.#options.bufferEventsMax,
      bytesMax: this.#options.bufferBytesMax,
    })
  }

  /** Events that are in memory and not yet stored. */
  get waiting(): number {
    return this.#buffer.size + this.#buffer.waiting
  }

  /**
   * Records an event. Resolves with its id when it is in the buffer; where that is full, when there is room again: await it,
   * so that who records slows down and memory stays bounded. That it is stored, `flush()` tells.
   * @throws {TypeError} for what JSON cannot hold; {Error} after `close()`, and where as much waits as the buffer holds.
   */
  async record(event: AuditEvent): Promise<string> {
    if (this.#closing) throw new Error('the audit client is closed; expected no event after close()')
    const id = event.id ?? randomUUID()
    const json = JSON.stringify({ ...event, id, occurred_at: event.occurred_at ?? this.#now().toISOString() })
    if (this.#buffer.doorFull) {
      throw new Error(`${this.#buffer.waiting} calls of record() wait for room; expected each to be awaited`)
    }
    this.#sequence += 1
    const entered = this.#buffer.put({ sequence: this.#sequence, id, json, bytes: Buffer.byteLength(json) })
    this.#start()
    await entered
    return id
  }

  /** Resolves when all that was recorded before is stored, or given up. */
  async flush(): Promise<void> {
    await this.#buffer.settled()
  }

  /**
   * Takes no more events and resolves when all are stored or given up, or after `timeoutMs`.
   * @returns the events that are not known to be stored. Keep them: recorded again with their ids they are stored once.
   */
  async close({ timeoutMs = 10_000 }: { timeoutMs?: number } = {}): Promise<AuditEvent[]> {
    this.#closing = true
    this.#hurry.abort()
    const timer = new AbortController()
    await Promise.race([this.flush(), sleep(timeoutMs, undefined, { signal: timer.signal }).catch(() => {})])
    timer.abort()
    this.#stopped.abort()
    return this.#buffer.clear(new Error('the audit client was closed before there was room')).map(toEvent)
  }

  #start(): void {
    if (this.#running) return
    this.#running = true
    void this.#run()
  }

  async #run(): Promise<void> {
    while (this.#buffer.size > 0 && !this.#stopped.signal.aborted) {
      const { batchEventsMax: eventsMax, batchBytesMax: bytesMax, lingerMs } = this.#options
      if (!this.#closing && this.#buffer.size < eventsMax) await this.#pause(lingerMs, this.#hurry.signal)
      await this.#deliverAll(this.#buffer.take({ eventsMax, bytesMax }))
    }
    this.#running = false
  }

  /** Tries until every event of the batch is stored or given up. */
  async #deliverAll(batch: Recorded[]): Promise<void> {
    const parts = [batch]
    let attempt = 0
    for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
      if (part.length === 0) continue
      const outcome = await deliver(part, this.#delivery, this.#stopped.signal)
      if (this.#stopped.signal.aborted) return
      if (outcome.kind === 'later') {
        attempt += 1
        await this.#waitBefore(attempt, outcome.reason, outcome.waitMs)
        parts.unshift(part)
        continue
      }
      attempt = 0
      if (outcome.kind === 'stored') for (const event of part) this.#buffer.settle(event)
      else parts.unshift(...this.#without(part, outcome))
    }
  }

  /** What is left of a refused part: all but the event that is meant, or two halves, so that it is found. */
  #without(part: Recorded[], refusal: { reason: string; index?: number }): Recorded[][] {
    const index = refusal.index ?? (part.length === 1 ? 0 : undefined)
    const refused = index === undefined ? undefined : part[index]
    if (refused === undefined) {
      const middle = Math.ceil(part.length / 2)
      return [part.slice(0, middle), part.slice(middle)]
    }
    this.#tell(() => this.#options.onGivenUp(toEvent(refused), refusal.reason))
    this.#buffer.settle(refused)
    return [part.filter((event) => event !== refused)]
  }

  async #waitBefore(attempt: number, reason: string, askedMs: number | undefined): Promise<void> {
    const { backoffMinMs: minMs, backoffMaxMs, random = Math.random, onRetry } = this.#options
    const maxMs = this.#closing ? Math.min(closingBackoffMaxMs, backoffMaxMs) : backoffMaxMs
    const waitMs = Math.max(askedMs ?? 0, backoffMs(attempt, { minMs, maxMs }, random()))
    this.#tell(() => onRetry?.({ reason, attempt, waitMs, waiting: this.waiting }))
    // What the server asked for is kept to the end; our own guess is not.
    await this.#pause(waitMs, this.#closing || askedMs !== undefined ? undefined : this.#hurry.signal)
  }

  /** A callback that throws must not end the sending. */
  #tell(callback: () => void): void {
    try {
      callback()
    } catch (error) {
      process.emitWarning(`a callback of the audit client threw: ${error}`)
    }
  }

  /** The timer keeps the process alive, since there is something to send. */
  async #pause(waitMs: number, hurry?: AbortSignal): Promise<void> {
    if (waitMs <= 0) return
    const stopped = this.#stopped.signal
    const signal = hurry === undefined ? stopped : AbortSignal.any([stopped, hurry])
    await sleep(waitMs, undefined, { signal }).catch(() => {})
  }
}

/** Also where a key is there and undefined. */
function withDefaults(options: AuditClientOptions): AuditClientOptions & typeof defaults {
  const numbers = { ...defaults }
  for (const key of Object.keys(defaults) as (keyof typeof defaults)[]) numbers[key] = options[key] ?? defaults[key]
  return { ...options, ...numbers }
}

function toEvent(recorded: Recorded): AuditEvent {
  return JSON.parse(recorded.json) as AuditEvent
}
