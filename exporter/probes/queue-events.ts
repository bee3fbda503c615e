import {
  queueIdsEvictedTotal,
  queueJobsFinishedTotal,
  queueProcessingSeconds,
  queueWaitSeconds,
} from '../../catalogue/infrastructure.ts'
import { Histogram } from './histogram.ts'
import { type Reading, reading } from './probe.ts'

/** Over all queues: some 20 MB. */
const idsMaxDefault = 100_000
/** BullMQ takes any text as an id; longer ones than this are not remembered. */
const idCharactersMax = 512
/** What was not heard of for a day was lost with a trimmed stream, and gives way to what is new. */
const staleAfterMs = 24 * 60 * 60 * 1_000

interface KnownJob {
  queue: string
  phase: 'waiting' | 'active'
  sinceMs: number
}

/** One entry of a queue's event stream. */
export interface QueueEvent {
  /** When Redis wrote it: the first half of the entry's id. */
  atMs: number
  event: string
  jobId: string
}

/** The jobs that wait or run, over all queues, in a bounded number. */
export class KnownJobs {
  readonly #jobs = new Map<string, KnownJob>()
  readonly #idsMax: number

  constructor(idsMax = idsMaxDefault) {
    this.#idsMax = idsMax
  }

  get(queue: string, jobId: string): KnownJob | undefined {
    return this.#jobs.get(keyOf(queue, jobId))
  }

  forget(queue: string, jobId: string): void {
    this.#jobs.delete(keyOf(queue, jobId))
  }

  /**
   * Remembers a job; returns the queue of the job that is not remembered for it, if any. Where there is no room the
   * newcomer is refused rather than the oldest put out: in a backlog longer than the memory the oldest is the next to
   * run, and if it were always the one forgotten no wait would be measured at all.
   */
  remember(jobId: string, job: KnownJob): string | undefined {
    const key = keyOf(job.queue, jobId)
    if (jobId.length > idCharactersMax) return job.queue
    // Deleted first, so that the map's order is from the longest untouched to the last touched.
    this.#jobs.delete(key)
    let evicted: string | undefined
    if (this.#jobs.size >= this.#idsMax) {
      const [oldestKey, oldest] = this.#jobs.entries().next().value as [string, KnownJob]
      if (job.sinceMs - oldest.sinceMs < staleAfterMs) return job.queue
      this.#jobs.delete(oldestKey)
      evicted = oldest.queue
    }
    this.#jobs.set(key, job)
    return evicted
  }
}

const keyOf = (queue: string, jobId: string): string => `${queue}\n${jobId}`

/** How many jobs of any queue were not remembered. */
export class Evictions {
  readonly #counts = new Map<string, number>()

  add(queue: string): void {
    this.#counts.set(queue, this.of(queue) + 1)
  }

  of(queue: string): number {
    return this.#counts.get(queue) ?? 0
  }
}

/** What the event stream of one queue tells: jobs finished, how long they waited and how long they ran. */
export class QueueTimes {
  readonly #queue: string
  readonly #known: KnownJobs
  readonly #evictions: Evictions
  readonly #finished = { completed: 0, failed: 0 }
  readonly #wait: Histogram<typeof queueWaitSeconds>
  readonly #processing: Histogram<typeof queueProcessingSeconds>

  constructor(queue: string, known: KnownJobs, evictions: Evictions) {
    this.#queue = queue
    this.#known = known
    this.#evictions = evictions
    this.#wait = new Histogram(queueWaitSeconds, { queue })
    this.#processing = new Histogram(queueProcessingSeconds, { queue })
  }

  /**
   * Takes the next event. With `counting` false it is only learnt from: the jobs in flight when the exporter starts are
   * known by what happened before, but what happened before is not counted.
   */
  take({ event, jobId, atMs }: QueueEvent, counting: boolean): void {
    if (event === 'added') {
      // Whether there was room is counted by the event that follows: waiting, or delayed, which takes none.
      this.#known.remember(jobId, { queue: this.#queue, phase: 'waiting', sinceMs: atMs })
    } else if (event === 'waiting') {
      this.#remember(jobId, 'waiting', atMs)
    } else if (event === 'active') {
      const known = this.#known.get(this.#queue, jobId)
      if (counting && known?.phase === 'waiting') this.#wait.observe(secondsBetween(known.sinceMs, atMs))
      this.#remember(jobId, 'active', atMs)
    } else if (event === 'completed' || event === 'failed') {
      const known = this.#known.get(this.#queue, jobId)
      if (counting) this.#finished[event] += 1
      if (counting && known?.phase === 'active') this.#processing.observe(secondsBetween(known.sinceMs, atMs))
      this.#known.forget(this.#queue, jobId)
    } else if (event === 'delayed' || event === 'waiting-children' || event === 'removed') {
      // A delay, a back-off and the wait for children are not waiting: that begins with the next waiting event.
      this.#known.forget(this.#queue, jobId)
    }
  }

  /** Since when the job waits, in Redis's milliseconds, where that is known. */
  waitingSinceMs(jobId: string): number | undefined {
    const known = this.#known.get(this.#queue, jobId)
    return known?.phase === 'waiting' ? known.sinceMs : undefined
  }

  read(): Reading[] {
    const queue = this.#queue
    return [
      reading(queueJobsFinishedTotal, { queue, result: 'completed' }, this.#finished.completed),
      reading(queueJobsFinishedTotal, { queue, result: 'failed' }, this.#finished.failed),
      reading(queueIdsEvictedTotal, { queue }, this.#evictions.of(queue)),
      this.#wait.read(),
      this.#processing.read(),
    ]
  }

  #remember(jobId: string, phase: KnownJob['phase'], sinceMs: number): void {
    const evicted = this.#known.remember(jobId, { queue: this.#queue, phase, sinceMs })
    if (evicted !== undefined) this.#evictions.add(evicted)
  }
}

const secondsBetween = (fromMs: number, toMs: number): number => Math.max(0, toMs - fromMs) / 1_000
