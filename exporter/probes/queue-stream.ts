import type { Redis } from 'ioredis'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { messageOf } from '../../lib/user-error.ts'
import { validated } from './http.ts'
import type { QueueEvent, QueueTimes } from './queue-events.ts'

/** Entries can carry what a job returned, so pages are small. */
const pageEntries = 100
/** BullMQ keeps some 10,000 unless told otherwise; more history is not worth a slow start. */
const historyEntriesMax = 20_000

const Entries = Compile(Type.Array(Type.Tuple([Type.String(), Type.Array(Type.String())])))

/** What Redis says of a stream: how many entries it was ever given, and the id of the last. */
interface StreamInfo {
  added: number
  last: EntryId
}

interface EntryId {
  ms: number
  sequence: number
}

/** Reads the event stream of one queue from where it stopped, also after Redis was away or the stream was trimmed. */
export class QueueStream {
  readonly #key: string
  readonly #times: QueueTimes
  #underway: Promise<void> = Promise.resolve()
  /** The last entry read, or where reading begins. */
  #cursor: EntryId | undefined
  /** Entries up to this one were there before the exporter started. */
  #boundary: EntryId = { ms: 0, sequence: 0 }
  /** Of the entries that were ever added, how many are up to the cursor; known once all was read. */
  #passed: number | undefined
  #missed: number | undefined

  constructor(key: string, times: QueueTimes) {
    this.#key = key
    this.#times = times
  }

  /**
   * Entries that were trimmed before they were read, since all was first read; undefined where Redis does not count what
   * it was given (before 7.0).
   */
  get missed(): number | undefined {
    return this.#missed
  }

  /** Reads all there is, after whoever is at it. What was read stays read when it is cut short. */
  read(redis: Redis, signal: AbortSignal): Promise<void> {
    const reading = this.#underway.then(() => this.#read(redis, signal))
    this.#underway = reading.catch(() => {})
    return reading
  }

  async #read(redis: Redis, signal: AbortSignal): Promise<void> {
    this.#cursor ??= await this.#begin(redis)
    // Before the entries, so that none can be trimmed unseen between the two.
    const info = await infoOf(redis, this.#key)
    let beyond = 0
    for (;;) {
      signal.throwIfAborted()
      const page = validated(
        await redis.xrange(this.#key, after(this.#cursor), '+', 'COUNT', pageEntries),
        `the stream ${this.#key}`,
        Entries,
      )
      for (const [id, fields] of page) {
        const at = parseId(id)
        this.#take(at, fields)
        if (info !== undefined && isAfter(at, info.last)) beyond += 1
      }
      if (page.length < pageEntries) break
    }
    if (info !== undefined) this.#reckon(info, beyond)
  }

  /** What was added and not read was missed. `beyond` were read that came after Redis was asked. */
  #reckon({ added }: StreamInfo, beyond: number): void {
    const passed = this.#passed
    this.#passed = added + beyond
    if (passed === undefined) this.#missed = 0
    // Fewer than were passed: a new stream, in the place of one that was deleted.
    else if (this.#passed >= passed) this.#missed = (this.#missed ?? 0) + this.#passed - passed
  }

  /** Where to begin: so many entries before the end that the jobs in flight are known. */
  async #begin(redis: Redis): Promise<EntryId> {
    const what = `the stream ${this.#key}`
    const [newest] = validated(await redis.xrevrange(this.#key, '+', '-', 'COUNT', 1), what, Entries)
    this.#boundary = newest === undefined ? { ms: 0, sequence: -1 } : parseId(newest[0])
    const length = await redis.xlen(this.#key)
    return length <= historyEntriesMax || newest === undefined ? { ms: 0, sequence: 0 } : this.#boundary
  }

  #take(at: EntryId, fields: readonly string[]): void {
    const event = eventOf(at.ms, fields)
    if (event !== undefined) this.#times.take(event, isAfter(at, this.#boundary))
    this.#cursor = at
    if (this.#passed !== undefined) this.#passed += 1
  }
}

/** None is a stream that nothing was added to. */
async function infoOf(redis: Redis, key: string): Promise<StreamInfo | undefined> {
  try {
    const answer = await redis.xinfo('STREAM', key)
    if (!Array.isArray(answer)) return undefined
    const told = (name: string): unknown => answer[answer.indexOf(name) + 1]
    const [added, last] = [told('entries-added'), told('last-generated-id')]
    return typeof added === 'number' && typeof last === 'string' ? { added, last: parseId(last) } : undefined
  } catch (error) {
    return messageOf(error).includes('no such key') ? { added: 0, last: parseId('0-0') } : undefined
  }
}

const isAfter = (one: EntryId, other: EntryId): boolean =>
  one.ms > other.ms || (one.ms === other.ms && one.sequence > other.sequence)

/** The next id there can be. Redis before 6.2 knows no exclusive start. */
const after = ({ ms, sequence }: EntryId): string => `${ms}-${sequence + 1}`

function parseId(id: string): EntryId {
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
