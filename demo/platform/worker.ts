import { setTimeout as sleep } from 'node:timers/promises'
import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import pg from 'pg'
import { readFlags, startFake } from '../fakes/http-fake.ts'
import { createErrorReporter } from './error-reporter.ts'

/**
 * The platform's BullMQ workers. Environment: DATABASE_URL, REDIS_URL, COMFYUI_URL, and where errors go, AUDIT_API_URL and
 * AUDIT_API_TOKEN. Flag: --port, where `PUT /faults` with a fault below makes them so, and none heals them.
 */
const { DATABASE_URL = '', REDIS_URL = '', COMFYUI_URL = '' } = process.env
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 6, connectionTimeoutMillis: 2_000 })
pool.on('error', () => {})
const connect = () => {
  const redis = new Redis(REDIS_URL, { maxRetriesPerRequest: null })
  redis.on('error', () => {})
  return redis
}
const thumbnails = new Queue('thumbnail', { connection: connect() })
thumbnails.on('error', () => {})

/** Why a generation fails, and the error that is thrown then. */
const failures = [
  ['out_of_memory', 'OutOfMemoryError', 'the GPU has no memory left'],
  ['timeout', 'TimeoutError', 'no image within 120 s'],
  ['content_policy', 'ContentPolicyError', 'the prompt is not allowed'],
  ['model_error', 'ModelError', 'the model answered with no image'],
  ['storage_error', 'StorageError', 'the image could not be stored'],
] as const
class GenerationError extends Error {
  constructor(name: string, message: string) {
    super(message)
    this.name = name
  }
}
/** About one in seventeen fails, as on a good day. */
const failureRatio = 0.06

const faultNames = [
  'none',
  // Connected, and take no job.
  'stall',
  // Every job throws.
  'fail-jobs',
  // Every generation fails, of which the job knows nothing.
  'fail-generations',
  // The next job takes four minutes; the others go on.
  'long-job',
] as const
let fault: (typeof faultNames)[number] = 'none'
const longJobMs = 240_000

async function generate(generationId: string): Promise<void> {
  await pool.query(
    `UPDATE platform.generations SET status = 'running', started_at = clock_timestamp(), updated_at = clock_timestamp() WHERE id = $1`,
    [generationId],
  )
  if (fault === 'long-job') {
    fault = 'none'
    await sleep(longJobMs)
  }
  const answer = await fetch(`${COMFYUI_URL}/prompt`, { method: 'POST', body: JSON.stringify({ generationId }) })
  const failed = !answer.ok || fault.startsWith('fail') || Math.random() < failureRatio
  const [reason, name, what] = failures[failed ? Math.floor(Math.random() * failures.length) : 0] ?? failures[0]
  await pool.query(
    `UPDATE platform.generations SET status = $2, failure_reason = $3, finished_at = clock_timestamp(), updated_at = clock_timestamp() WHERE id = $1`,
    [generationId, failed ? 'failed' : 'succeeded', failed ? reason : null],
  )
  if (failed && fault === 'fail-generations') return
  if (failed) throw new GenerationError(name, `generation ${generationId}: ${what}`)
  await thumbnails.add('make', { generationId }, { removeOnComplete: { count: 1_000 }, removeOnFail: { age: 604_800 } })
}

const workers = [
  new Worker('generation', async (job) => generate(String(job.data.generationId)), {
    connection: connect(),
    concurrency: 4,
  }),
  new Worker('thumbnail', async () => sleep(50 + Math.random() * 150), { connection: connect(), concurrency: 2 }),
]
const errors = createErrorReporter('worker')
for (const worker of workers) {
  worker.on('error', () => {})
  worker.on('failed', (job, error) => errors.report(error, { route: job?.name }))
}
process.once('SIGTERM', () => {
  // What is under way is taken up again as stalled; waiting for it would hold the demo's end up.
  Promise.all(workers.map((worker) => worker.close(true))).finally(() => process.exit(0))
})
await startFake(readFlags().port, ({ method, path, body }) => {
  if (path !== '/faults') return [404, { error: 'expected /faults' }]
  if (method === 'GET') return [200, { fault }]
  const wanted = faultNames.find((name) => name === body)
  if (wanted === undefined) return [400, { error: `expected one of ${faultNames.join(', ')}` }]
  if (wanted === 'stall') for (const worker of workers) void worker.pause(true)
  else if (fault === 'stall') for (const worker of workers) worker.resume()
  fault = wanted
  return [200, { fault }]
})
console.log('platform workers')
