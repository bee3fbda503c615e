import type { ChainableCommander, Redis } from 'ioredis'
import type { JobState } from '../../catalogue/infrastructure.ts'
import { rollingWindowHours } from '../../catalogue/windows.ts'
import { ProbeError } from './probe.ts'

export type QueueCounts = Record<JobState, number>

export interface QueueState {
  counts: QueueCounts
  paused: boolean
  failedInDay: number
  /** 0 where no job waits. */
  oldestWaitingSeconds: number
  /** Whether anything of the queue is there at all. */
  exists: boolean
}

/** A queue is looked at from both ends, in case jobs are put in at the wrong one (`lifo`). */
const endJobs = 5
const dayMs = rollingWindowHours['1d'] * 3_600_000
/** BullMQ's score of a prioritized job: the priority times this, plus a counter. */
const priorityFactor = 0x100000000

/**
 * What a queue is like now, in two round trips. `waitingSinceMs` knows of the jobs whose events were seen; of others the
 * job itself tells when it was added and, where it was retried, when it last began.
 */
export async function readQueueState(
  redis: Redis,
  prefix: string,
  waitingSinceMs: (jobId: string) => number | undefined,
): Promise<QueueState> {
  const key = (name: string) => `${prefix}:${name}`
  const nowMs = timeMs(await redis.time())
  const first = await results(
    redis
      .pipeline()
      .llen(key('wait'))
      .llen(key('paused'))
      .llen(key('active'))
      .zcard(key('prioritized'))
      .zcard(key('delayed'))
      .zcard(key('failed'))
      .zcard(key('completed'))
      .zcard(key('waiting-children'))
      .hexists(key('meta'), 'paused')
      .zcount(key('failed'), `(${nowMs - dayMs}`, String(nowMs))
      .exists(key('meta'), key('events'), key('id'))
      .lrange(key('wait'), -endJobs, -1)
      .lrange(key('wait'), 0, endJobs - 1)
      .lrange(key('paused'), -endJobs, -1)
      .lrange(key('paused'), 0, endJobs - 1)
      .zrange(key('prioritized'), '0', String(endJobs - 1))
      .zrange(key('prioritized'), '-1', '-1', 'WITHSCORES'),
  )
  const [waiting, paused, active, prioritized, delayed, failed, completed, children] = first.slice(0, 8).map(count)
  const candidates = first.slice(11, 16).flatMap(texts)
  const [, lowestScore] = texts(first[16])
  if (lowestScore !== undefined) {
    // The last score is of the newest job of the least priority; the oldest of that priority is what may be starved.
    const from = Math.floor(Number(lowestScore) / priorityFactor) * priorityFactor
    candidates.push(...(await redis.zrangebyscore(key('prioritized'), from, '+inf', 'LIMIT', 0, 1)))
  }
  const since = await waitingSince(redis, prefix, [...new Set(candidates)].filter(isJob), waitingSinceMs)
  return {
    counts: {
      waiting: (waiting ?? 0) - texts(first[11]).filter((id) => !isJob(id)).length,
      prioritized: prioritized ?? 0,
      active: active ?? 0,
      delayed: delayed ?? 0,
      failed: failed ?? 0,
      completed: completed ?? 0,
      paused: paused ?? 0,
      'waiting-children': children ?? 0,
    },
    paused: count(first[8]) === 1,
    failedInDay: count(first[9]),
    exists: count(first[10]) > 0,
    oldestWaitingSeconds: since.length === 0 ? 0 : Math.max(0, nowMs - Math.min(...since)) / 1_000,
  }
}

/** BullMQ before 5 keeps a marker in the list that is no job. */
const isJob = (id: string): boolean => !id.startsWith('0:')

async function waitingSince(
  redis: Redis,
  prefix: string,
  jobIds: readonly string[],
  waitingSinceMs: (jobId: string) => number | undefined,
): Promise<number[]> {
  const known = jobIds.map(waitingSinceMs).filter((since) => since !== undefined)
  const unknown = jobIds.filter((jobId) => waitingSinceMs(jobId) === undefined)
  if (unknown.length === 0) return known
  const pipeline = redis.pipeline()
  for (const jobId of unknown) pipeline.hmget(`${prefix}:${jobId}`, 'timestamp', 'processedOn', 'opts')
  const asked = (await results(pipeline)).map(fromJob).filter((since) => since !== undefined)
  return [...known, ...asked]
}

/** A job that is gone meanwhile has no timestamp, and waits no more. */
function fromJob(answer: unknown): number | undefined {
  const [timestamp, processedOn, options] = Array.isArray(answer) ? (answer as unknown[]) : []
  const added = numberOf(timestamp)
  if (added === undefined) return undefined
  return Math.max(added + delayOf(options), numberOf(processedOn) ?? 0)
}

function delayOf(options: unknown): number {
  try {
    const { delay } = JSON.parse(String(options)) as { delay?: unknown }
    return typeof delay === 'number' && delay > 0 ? delay : 0
  } catch {
    return 0
  }
}

function numberOf(text: unknown): number | undefined {
  const value = typeof text === 'string' ? Number(text) : Number.NaN
  return Number.isFinite(value) && value > 0 ? value : undefined
}

/** The answers of a pipeline. @throws {Error} the first error in it. */
async function results(pipeline: ChainableCommander): Promise<unknown[]> {
  const answers = (await pipeline.exec()) ?? []
  return answers.map(([error, answer]) => {
    if (error !== null) throw error
    return answer
  })
}

function count(answer: unknown): number {
  const value = Number(answer)
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new ProbeError('Redis answered with what is not a count')
}

function texts(answer: unknown): string[] {
  return Array.isArray(answer) ? answer.filter((item) => typeof item === 'string') : []
}

function timeMs([seconds, microseconds]: readonly (string | number)[]): number {
  return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000)
}
