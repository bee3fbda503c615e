import type { Redis } from 'ioredis'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { validated } from './http.ts'
import type { QueueEvent, QueueTimes } from './queue-events.ts'

/** Entries can carry what a job returned, so pages are small. */
const pageEntries = 100
/** BullMQ keeps some 10,000 unless told otherwise; more history is not worth a slow start. */
const historyEntriesMax = 20_000

const Entries = Compile(Type.Array(Type.Tuple([Type.String(), Type.Array(Type.String())])))

/** Reads the event stream of one queue from where it stopped, also after Redis was away or the stream was trimmed. */
export class QueueStream {
  readonly #key: string
  readonly #times: QueueTimes
  #underway: Promise<void> = Promise.resolve()
  /** The last entry read, or where reading begins. */
  #cursor: string | undefined
  /** Entries up to this one were there before the exporter started. */
  #boundary = { ms: 0, sequence: 0 }

  constructor(key: string, times: QueueTimes) {
    this.#key = key
    this.#times = times
  }

  /** Reads all there is, after whoever is at it. What was read stays read when it is cut short. */
  read(redis: Redis, signal: AbortSignal): Promise<void> {
    const reading = this.#underway.then(() => this.#read(redis, signal))
    this.#underway = reading.catch(() => {})
    return reading
  }

  async #read(redis: Redis, signal: AbortSignal): Promise<void> {
    this.#cursor ??= await this.#begin(redis)
    for (;;) {
      signal.throwIfAborted()
      const page = validated(
        await redis.xrange(this.#key, after(this.#cursor), '+', 'COUNT', pageEntries),
        `the stream ${this.#key}`,
        Entries,
      )
      for (const [id, fields] of page) this.#take(id, fields)
      if (page.length < pageEntries) return
    }
  }

  /** Where to begin: so many entries before the end that the jobs in flight are known. */
  async #begin(redis: Redis): Promise<string> {
    const what = `the stream ${this.#key}`
    const [newest] = validated(await redis.xrevrange(this.#key, '+', '-', 'COUNT', 1), what, Entries)
    this.#boundary = newest === undefined ? { ms: 0, sequence: -1 } : parseId(newest[0])
    const length = await redis.xlen(this.#key)
    return length <= historyEntriesMax || newest === undefined ? '0-0' : newest[0]
  }

  #take(id: string, fields: readonly string[]): void {
    const { ms, sequence } = parseId(id)
    const { ms: boundaryMs, sequence: boundarySequence } = this.#boundary
    const counting = ms > boundaryMs || (ms === boundaryMs && sequence > boundarySequence)
    const event = eventOf(ms, fields)
    if (event !== undefined) this.#times.take(event, counting)
    this.#cursor = id
  }
}

/** The next id there can be. Redis before 6.2 knows no exclusive start. */
function after(id: string): string {
  const { ms, sequence } = parseId(id)
  return `${ms}-${sequence + 1}`
}

function parseId(id: string): { ms: number; sequence: number } {
  const [ms = '0', sequence = '0'] = id.split('-')
  return { ms: Number(ms), sequence: Number(sequence) }
}

/** Only the two fields that are needed: others hold what jobs were given and returned. */
function eventOf(atMs: number, fields: readonly string[]): QueueEvent | undefined {
  let event: string | undefined
  let jobId: string | undefined
  for (let index = 0; index + 1 < fields.length; index += 2) {
    if (fields[index] === 'event') event = fields[index + 1]
    else if (fields[index] === 'jobId') jobId = fields[index + 1]
  }
  return event === undefined || jobId === undefined ? undefined : { atMs, event, jobId }
}
