import {
  queueEventsMissedTotal,
  queueJobs,
  queueOldestWaitingSeconds,
  queuePaused,
  queueWorkers,
} from '../../catalogue/infrastructure.ts'
import { jobsFailed } from '../../catalogue/quick-actions.ts'
import { type Probe, ProbeError, type Reading, reading } from './probe.ts'
import { QueueConnection } from './queue-connection.ts'
import { Evictions, KnownJobs, QueueTimes } from './queue-events.ts'
import { type QueueState, readQueueState } from './queue-state.ts'
import { QueueStream } from './queue-stream.ts'

/**
 * 1 s: BullMQ keeps some 10,000 entries of a stream. Read at each tick alone, every 5 s, a tenth of the jobs was missed at 2,500
 * events a second and a seventh at 4,000; so none is.
 */
const readAheadMs = 1_000

/** BullMQ's prefix of all keys, unless an application sets another. */
const bullPrefix = 'bull'

export interface QueueOptions {
  redisUrl: string
  queues: readonly string[]
  /** How many job ids are remembered over all queues. */
  idsMax?: number
  /** Whether a queue of which nothing is in Redis is an error (a misspelt name) rather than an empty queue. */
  mustExist?: boolean
}

/**
 * The figures of BullMQ queues: what they hold, and from their event streams what became of the jobs. A queue that
 * cannot be read fails alone. Redis down: its series are absent, and the counters go on where they were.
 */
export function queueProbes(options: QueueOptions): Probe[] {
  const connection = new QueueConnection(options.redisUrl)
  const known = new KnownJobs(options.idsMax)
  const evictions = new Evictions()
  /** Streams of queues whose last probe was good; the others are the probe's to tell of. */
  const followed = new Set<QueueStream>()
  let timer: NodeJS.Timeout | undefined
  let ahead = false
  async function readAhead(): Promise<void> {
    if (ahead || followed.size === 0) return
    ahead = true
    const signal = AbortSignal.timeout(3 * readAheadMs)
    // What fails here fails at the next tick too, and is said then.
    await connection
      .use(signal, async (redis) => {
        for (const stream of followed) await stream.read(redis, signal)
      })
      .catch(() => followed.clear())
    ahead = false
  }
  return options.queues.map((queue) => {
    const prefix = `${bullPrefix}:${queue}`
    const times = new QueueTimes(queue, known, evictions)
    const stream = new QueueStream(`${prefix}:events`, times)
    return {
      of: { dependency: 'queue', target: queue },
      everyTicks: 1,
      run: (signal) =>
        connection.use(signal, async (redis) => {
          followed.delete(stream)
          await stream.read(redis, signal)
          const state = await readQueueState(redis, prefix, (jobId) => times.waitingSinceMs(jobId))
          if (options.mustExist && !state.exists) {
            throw new ProbeError(`no queue of this name in Redis; expected keys that begin with ${prefix}:`)
          }
          const workers = workersAmong(await connection.clientNames(redis), queue)
          followed.add(stream)
          timer ??= setInterval(() => void readAhead(), readAheadMs).unref()
          const missed = stream.missed === undefined ? [] : [reading(queueEventsMissedTotal, { queue }, stream.missed)]
          return [...readingsOf(queue, state, workers), ...times.read(), ...missed]
        }),
      stop: async () => {
        clearInterval(timer)
        connection.close()
      },
    }
  })
}

function readingsOf(queue: string, state: QueueState, workers: number | undefined): Reading[] {
  const states = Object.keys(state.counts) as (keyof typeof state.counts)[]
  return [
    ...states.map((of) => reading(queueJobs, { queue, state: of }, state.counts[of])),
    reading(queueOldestWaitingSeconds, { queue }, state.oldestWaitingSeconds),
    reading(queuePaused, { queue }, state.paused ? 1 : 0),
    reading(jobsFailed, { queue, window: '1d' }, state.failedInDay),
    ...(workers === undefined ? [] : [reading(queueWorkers, { queue }, workers)]),
  ]
}

/** BullMQ names a worker's connection by prefix and queue (base64), with `:w:` and the worker's name where it has one. */
function workersAmong(clientNames: readonly string[] | undefined, queue: string): number | undefined {
  const name = `${bullPrefix}:${Buffer.from(queue).toString('base64')}`
  return clientNames?.filter((client) => client === name || client.startsWith(`${name}:w:`)).length
}
