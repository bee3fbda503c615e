import { queueJobs, queueOldestWaitingSeconds, queuePaused, queueWorkers } from '../../catalogue/infrastructure.ts'
import { jobsFailed } from '../../catalogue/quick-actions.ts'
import { type Probe, ProbeError, type Reading, reading } from './probe.ts'
import { QueueConnection } from './queue-connection.ts'
import { Evictions, KnownJobs, QueueTimes } from './queue-events.ts'
import { type QueueState, readQueueState } from './queue-state.ts'
import { QueueStream } from './queue-stream.ts'

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
  return options.queues.map((queue) => {
    const prefix = `${bullPrefix}:${queue}`
    const times = new QueueTimes(queue, known, evictions)
    const stream = new QueueStream(`${prefix}:events`, times)
    return {
      of: { dependency: 'queue', target: queue },
      everyTicks: 1,
      run: (signal) =>
        connection.use(signal, async (redis) => {
          await stream.read(redis, signal)
          const state = await readQueueState(redis, prefix, (jobId) => times.waitingSinceMs(jobId))
          if (options.mustExist && !state.exists) {
            throw new ProbeError(`no queue of this name in Redis; expected keys that begin with ${prefix}:`)
          }
          const workers = workersAmong(await connection.clientNames(redis), queue)
          return [...readingsOf(queue, state, workers), ...times.read()]
        }),
      stop: async () => connection.close(),
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
