import { setTimeout as sleep } from 'node:timers/promises'
import { type Job, Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  dependencyUp,
  queueEventsMissedTotal,
  queueIdsEvictedTotal,
  queueJobs,
  queueJobsFinishedTotal,
  queueOldestWaitingSeconds,
  queuePaused,
  queueProcessingSeconds,
  queueWaitSeconds,
  queueWorkers,
} from '../../catalogue/infrastructure.ts'
import { jobsFailed } from '../../catalogue/quick-actions.ts'
import { type RunningRedis, startRedis } from '../../demo/stack/redis.ts'
import { testDirectory } from '../../testing/database.ts'
import { type TestProbes, testProbes } from '../../testing/probes.ts'
import { queueProbes } from './queues.ts'

let redis: RunningRedis
let commands: Redis
let count = 0
const cleanUps: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  redis = await startRedis({ directory: testDirectory('redis') })
  commands = new Redis(redis.url, { maxRetriesPerRequest: null })
  commands.on('error', () => {})
})

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

afterAll(async () => {
  commands.disconnect()
  await redis.stop()
})

const connection = () => ({ url: redis.url, maxRetriesPerRequest: null })

function newQueue(): { name: string; queue: Queue } {
  count += 1
  const name = `queue-${count}`
  const queue = new Queue(name, { connection: connection() })
  queue.on('error', () => {})
  cleanUps.push(() => queue.close())
  return { name, queue }
}

function work(name: string, process: (job: Job) => Promise<unknown>): Worker {
  const worker = new Worker(name, process, { connection: connection(), drainDelay: 1 })
  worker.on('error', () => {})
  cleanUps.push(() => worker.close())
  return worker
}

async function probing(name: string, options: { timeoutMs?: number } = {}): Promise<TestProbes> {
  const probes = testProbes({ REDIS_URL: redis.url, QUEUES: name }, options)
  cleanUps.push(() => probes.stop())
  await probes.tick()
  return probes
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (await condition()) return
    await sleep(50)
  }
  throw new Error('it did not happen within 10 s')
}

const finished = async (queue: Queue, jobs: number) =>
  until(async () => {
    const entries = await commands.xrange(`bull:${queue.name}:events`, '-', '+')
    return entries.filter(([, fields]) => fields[1] === 'completed' || fields[1] === 'failed').length === jobs
  })

/** The sums of the two histograms, naively: over the whole stream at once. */
async function plainTimes(name: string): Promise<{ wait: number[]; processing: number[] }> {
  const waiting = new Map<string, number>()
  const active = new Map<string, number>()
  const wait: number[] = []
  const processing: number[] = []
  for (const [id, [, event, , jobId = '']] of await commands.xrange(`bull:${name}:events`, '-', '+')) {
    const at = Number(id.split('-')[0])
    if (event === 'added' || event === 'waiting') waiting.set(jobId, at)
    if (event === 'active') {
      wait.push((at - (waiting.get(jobId) ?? Number.NaN)) / 1_000)
      active.set(jobId, at)
    }
    if (event === 'completed' || event === 'failed') processing.push((at - (active.get(jobId) ?? Number.NaN)) / 1_000)
  }
  return { wait, processing }
}

/** How many entries a stream was ever given, as Redis has it. */
async function addedTo(key: string): Promise<number> {
  const info = (await commands.xinfo('STREAM', key)) as unknown[]
  return Number(info[info.indexOf('entries-added') + 1])
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

function histogram(probes: TestProbes, metric: typeof queueWaitSeconds | typeof queueProcessingSeconds, queue: string) {
  const sample = probes.sample(metric, { queue })
  if (sample === undefined || !('buckets' in sample)) throw new Error('there is no such histogram')
  return sample
}

test('an empty queue shows zeros for every state, result and time', async () => {
  const { name } = newQueue()
  const probes = await probing(name)
  for (const state of ['waiting', 'prioritized', 'active', 'delayed', 'failed', 'completed', 'paused'] as const) {
    expect(probes.value(queueJobs, { queue: name, state }), state).toBe(0)
  }
  expect(probes.value(queueJobs, { queue: name, state: 'waiting-children' })).toBe(0)
  expect(probes.value(queueJobsFinishedTotal, { queue: name, result: 'completed' })).toBe(0)
  expect(probes.value(queueJobsFinishedTotal, { queue: name, result: 'failed' })).toBe(0)
  expect(probes.value(queueIdsEvictedTotal, { queue: name })).toBe(0)
  expect(probes.value(queueOldestWaitingSeconds, { queue: name })).toBe(0)
  expect(probes.value(queueWorkers, { queue: name })).toBe(0)
  expect(probes.value(queuePaused, { queue: name })).toBe(0)
  expect(probes.value(jobsFailed, { queue: name, window: '1d' })).toBe(0)
  expect(histogram(probes, queueWaitSeconds, name)).toMatchObject({ sum: 0, count: 0 })
})

test('jobs are counted by state, with the age of the oldest that waits', async () => {
  const { name, queue } = newQueue()
  await queue.add('first', { prompt: 'a secret wish' })
  await queue.add('soon', {}, { delay: 60_000 })
  await queue.add('important', {}, { priority: 3 })
  await sleep(300)
  await queue.add('second', {})
  await queue.pause()
  const probes = await probing(name)
  expect(probes.value(queueJobs, { queue: name, state: 'waiting' })).toBe(2)
  expect(probes.value(queueJobs, { queue: name, state: 'delayed' })).toBe(1)
  expect(probes.value(queueJobs, { queue: name, state: 'prioritized' })).toBe(1)
  expect(probes.value(queuePaused, { queue: name })).toBe(1)
  expect(probes.value(queueOldestWaitingSeconds, { queue: name })).toBeGreaterThanOrEqual(0.3)
  expect(probes.value(queueOldestWaitingSeconds, { queue: name })).toBeLessThan(5)
  expect(probes.everything()).not.toContain('secret')
})

test('the age of a job whose events are gone is from when it was added, without its delay', async () => {
  const { name, queue } = newQueue()
  await queue.add('old', {}, { timestamp: Date.now() - 100_000 })
  await queue.add('delayed', {}, { timestamp: Date.now() - 300_000, delay: 299_000 })
  await commands.del(`bull:${name}:events`)
  const probes = await probing(name)
  const age = probes.value(queueOldestWaitingSeconds, { queue: name })
  expect(age).toBeGreaterThanOrEqual(100)
  expect(age).toBeLessThan(105)
})

test('workers are counted while they are connected', async () => {
  const { name } = newQueue()
  const first = work(name, async () => {})
  const second = new Worker(name, async () => {}, { connection: connection(), name: 'named' })
  await first.waitUntilReady()
  await second.waitUntilReady()
  const probes = await probing(name)
  expect(probes.value(queueWorkers, { queue: name })).toBe(2)
  await second.close()
  await sleep(1_100)
  await probes.tick()
  expect(probes.value(queueWorkers, { queue: name })).toBe(1)
})

test('wait and processing times are exact, for jobs that are removed when they complete too', async () => {
  const { name, queue } = newQueue()
  const probes = await probing(name)
  for (let job = 0; job < 20; job += 1) await queue.add('generate', {}, { removeOnComplete: true })
  await sleep(250)
  work(name, () => sleep(20))
  await finished(queue, 20)
  await probes.tick()
  const plain = await plainTimes(name)
  expect(probes.value(queueJobsFinishedTotal, { queue: name, result: 'completed' })).toBe(20)
  const wait = histogram(probes, queueWaitSeconds, name)
  expect(wait.count).toBe(20)
  expect(wait.sum).toBeCloseTo(sum(plain.wait), 9)
  expect(wait.sum).toBeGreaterThan(20 * 0.25)
  const processing = histogram(probes, queueProcessingSeconds, name)
  expect(processing.count).toBe(20)
  expect(processing.sum).toBeCloseTo(sum(plain.processing), 9)
  expect(processing.buckets).toEqual(
    queueProcessingSeconds.buckets?.map((bound) => plain.processing.filter((value) => value <= bound).length),
  )
})

test("the times agree with the jobs' own timestamps", async () => {
  const { name, queue } = newQueue()
  const probes = await probing(name)
  const jobs = await Promise.all([1, 2, 3].map((number) => queue.add('generate', { number })))
  work(name, () => sleep(100))
  await finished(queue, 3)
  await probes.tick()
  const done = (await Promise.all(jobs.map((job) => queue.getJob(job.id ?? '')))).map((job) => job as Job)
  const waited = sum(done.map((job) => ((job.processedOn ?? 0) - job.timestamp) / 1_000))
  const ran = sum(done.map((job) => ((job.finishedOn ?? 0) - (job.processedOn ?? 0)) / 1_000))
  // The job's times are taken by the worker, the stream's by Redis, some milliseconds apart.
  expect(Math.abs(histogram(probes, queueWaitSeconds, name).sum - waited)).toBeLessThan(0.06)
  expect(Math.abs(histogram(probes, queueProcessingSeconds, name).sum - ran)).toBeLessThan(0.06)
})

test('a delay and the back-off before a retry are no waiting, and only the last attempt finishes the job', async () => {
  const { name, queue } = newQueue()
  const probes = await probing(name)
  await queue.add('delayed', {}, { delay: 400 })
  await queue.add('retried', {}, { attempts: 2, backoff: { type: 'fixed', delay: 400 } })
  work(name, async (job) => {
    await sleep(30)
    if (job.name === 'retried') throw new Error('no')
  })
  await finished(queue, 2)
  await probes.tick()
  expect(probes.value(queueJobsFinishedTotal, { queue: name, result: 'completed' })).toBe(1)
  expect(probes.value(queueJobsFinishedTotal, { queue: name, result: 'failed' })).toBe(1)
  expect(probes.value(jobsFailed, { queue: name, window: '1d' })).toBe(1)
  const wait = histogram(probes, queueWaitSeconds, name)
  expect(wait.count).toBe(3)
  expect(wait.sum).toBeCloseTo(sum((await plainTimes(name)).wait), 9)
  expect(wait.sum).toBeLessThan(0.4)
  expect(histogram(probes, queueProcessingSeconds, name).count).toBe(2)
})

test('failed jobs of more than a day ago are not counted as failed today', async () => {
  const { name, queue } = newQueue()
  work(name, async () => {
    throw new Error('no')
  })
  const job = await queue.add('old', {})
  await queue.add('new', {})
  await finished(queue, 2)
  await commands.zadd(`bull:${name}:failed`, Date.now() - 86_401_000, job.id ?? '')
  const probes = await probing(name)
  expect(probes.value(queueJobs, { queue: name, state: 'failed' })).toBe(2)
  expect(probes.value(jobsFailed, { queue: name, window: '1d' })).toBe(1)
})

test('jobs in flight when the probes start are measured, and what finished before is not counted', async () => {
  const { name, queue } = newQueue()
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  work(name, (job) => (job.name === 'held' ? held : Promise.resolve()))
  await queue.add('done', {})
  await finished(queue, 1)
  await queue.add('held', {})
  await until(async () => (await queue.getActiveCount()) === 1)
  const probes = await probing(name)
  expect(probes.value(queueJobsFinishedTotal, { queue: name, result: 'completed' })).toBe(0)
  release()
  await finished(queue, 2)
  await probes.tick()
  expect(probes.value(queueJobsFinishedTotal, { queue: name, result: 'completed' })).toBe(1)
  expect(histogram(probes, queueProcessingSeconds, name).count).toBe(1)
  expect(histogram(probes, queueProcessingSeconds, name).sum).toBeCloseTo(
    (await plainTimes(name)).processing[1] ?? 0,
    9,
  )
  expect(histogram(probes, queueWaitSeconds, name).count).toBe(0)
})

test('a stream that is trimmed or deleted does not stop the counting', async () => {
  const { name, queue } = newQueue()
  const probes = await probing(name)
  work(name, async () => {})
  await queue.add('one', {})
  await finished(queue, 1)
  await probes.tick()
  await queue.trimEvents(0)
  await commands.del(`bull:${name}:events`)
  await queue.add('two', {})
  await finished(queue, 1)
  await probes.tick()
  expect(probes.value(queueJobsFinishedTotal, { queue: name, result: 'completed' })).toBe(2)
})

test('events that are trimmed before they are read are counted as missed, each of them once', async () => {
  const { name, queue } = newQueue()
  const key = `bull:${name}:events`
  const missed = () => probes.value(queueEventsMissedTotal, { queue: name })
  // Trimmed before the first look: nobody was there to miss it.
  for (let job = 0; job < 5; job += 1) await queue.add('before', {})
  await queue.trimEvents(2)
  const probes = await probing(name)
  const read = await addedTo(key)
  // Redis before 7 does not count what it is given.
  expect(missed()).toBe(Number.isNaN(read) ? undefined : 0)
  if (Number.isNaN(read)) return
  for (let job = 0; job < 7; job += 1) await queue.add('unread', {})
  await commands.xtrim(key, 'MAXLEN', 4)
  const lost = (await addedTo(key)) - read - 4
  expect(lost).toBeGreaterThan(4)
  await probes.tick()
  expect(missed()).toBe(lost)
  await queue.add('read', {})
  await probes.tick()
  expect(missed()).toBe(lost)
  // Another stream in its place begins to count anew, and none of it is missed.
  await commands.del(key)
  await queue.add('anew', {})
  await probes.tick()
  await queue.add('anew', {})
  await queue.trimEvents(0)
  await probes.tick()
  expect(missed()).toBe(lost + (await addedTo(key)) / 2)
})

test('what is more than the memory holds is counted as evicted, and the rest is still measured', async () => {
  const { name, queue } = newQueue()
  const [probe] = queueProbes({ redisUrl: redis.url, queues: [name], idsMax: 5 })
  if (probe === undefined) throw new Error('there is no probe')
  cleanUps.push(() => probe.stop?.() ?? Promise.resolve())
  const never = new AbortController().signal
  await probe.run(never)
  for (let job = 0; job < 8; job += 1) await queue.add('generate', {})
  await probe.run(never)
  work(name, () => sleep(5))
  await finished(queue, 8)
  const readings = await probe.run(never)
  const of = (metric: unknown) => readings.find((one) => one.metric === metric)?.sample
  expect(of(queueIdsEvictedTotal)).toMatchObject({ value: 3 })
  expect(of(queueWaitSeconds)).toMatchObject({ count: 5 })
  expect(of(queueProcessingSeconds)).toMatchObject({ count: 8 })
  expect(of(queueJobsFinishedTotal)).toMatchObject({ value: 8 })
})

test('a queue whose keys are of a wrong type fails alone, with one line in the log', async () => {
  const { name, queue } = newQueue()
  await queue.add('fine', {})
  await commands.set('bull:broken:events', 'not a stream')
  const probes = await probing(`${name},broken`)
  await probes.tick()
  expect(probes.value(queueJobs, { queue: name, state: 'waiting' })).toBe(1)
  expect(probes.value(queueJobs, { queue: 'broken', state: 'waiting' })).toBeUndefined()
  expect(probes.value(dependencyUp, { dependency: 'redis', target: `127.0.0.1:${redis.port}` })).toBe(1)
  expect(probes.lines).toHaveLength(1)
  expect(probes.lines[0]).toContain('WRONGTYPE')
})

test('Redis killed and frozen is down within a tick, without queue series, and is back by itself', async () => {
  const { name, queue } = newQueue()
  const target = { dependency: 'redis', target: `127.0.0.1:${redis.port}` } as const
  const probes = await probing(name, { timeoutMs: 500 })
  work(name, async () => {})
  await queue.add('one', {})
  await finished(queue, 1)
  await probes.tick()
  expect(probes.value(dependencyUp, target)).toBe(1)

  await redis.signal('SIGSTOP')
  const startedMs = performance.now()
  await probes.tick()
  expect(performance.now() - startedMs).toBeLessThan(900)
  expect(probes.value(dependencyUp, target)).toBe(0)
  expect(probes.value(queueJobs, { queue: name, state: 'waiting' })).toBeUndefined()
  await redis.signal('SIGCONT')
  await probes.tick()
  expect(probes.value(dependencyUp, target)).toBe(1)
  expect(probes.value(queueJobsFinishedTotal, { queue: name, result: 'completed' })).toBe(1)

  await redis.signal('SIGKILL')
  await probes.tick()
  expect(probes.value(dependencyUp, target)).toBe(0)
  expect(probes.value(queueJobsFinishedTotal, { queue: name, result: 'completed' })).toBeUndefined()
  await redis.start()
  await queue.add('two', {})
  await finished(queue, 2)
  await probes.tick()
  expect(probes.value(dependencyUp, target)).toBe(1)
  expect(probes.value(queueJobsFinishedTotal, { queue: name, result: 'completed' })).toBe(2)
}, 20_000)
