import { Redis } from 'ioredis'
import type { Settings } from '../../lib/settings.ts'
import { messageOf } from '../../lib/user-error.ts'
import type { ServiceReport } from './report.ts'
import { off } from './services.ts'

const timeoutMs = 3_000

/** Whether each configured queue is one that BullMQ has made in this Redis; a misspelt name would show zeros for ever. */
export async function checkQueues(settings: Settings): Promise<ServiceReport[]> {
  const { REDIS_URL: address, QUEUES: queues } = settings
  if (address === undefined || queues === undefined) return [off('queues', 'QUEUES')]
  const redis = new Redis(address, {
    lazyConnect: true,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  })
  // Without a listener the client prints its errors itself; the command below says what is wrong.
  redis.on('error', () => {})
  try {
    await redis.connect()
    return await Promise.all(queues.map((queue) => checkQueue(redis, queue)))
  } catch (error) {
    return queues.map((target) => ({ service: 'queue', target, status: 'broken', detail: messageOf(error) }))
  } finally {
    redis.disconnect()
  }
}

async function checkQueue(redis: Redis, target: string): Promise<ServiceReport> {
  // BullMQ writes the hash `meta` when a queue or a worker of that name is first opened.
  const known = (await redis.exists(`bull:${target}:meta`)) === 1
  return known
    ? { service: 'queue', target, status: 'ok', detail: 'there' }
    : {
        service: 'queue',
        target,
        status: 'warning',
        detail: 'BullMQ has made no such queue; expected one of that name',
      }
}
