import { setTimeout as sleep } from 'node:timers/promises'
import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import pg from 'pg'
import { createErrorReporter } from './error-reporter.ts'

/**
 * The platform's BullMQ workers. Environment: DATABASE_URL, REDIS_URL, COMFYUI_URL, and where errors go, AUDIT_API_URL and
 * AUDIT_API_TOKEN.
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

async function generate(generationId: string): Promise<void> {
  await pool.query(
    `UPDATE platform.generations SET status = 'running', started_at = clock_timestamp(), updated_at = clock_timestamp() WHERE id = $1`,
    [generationId],
  )
  const answer = await fetch(`${COMFYUI_URL}/prompt`, { method: 'POST', body: JSON.stringify({ generationId }) })
  const failed = !answer.ok || Math.random() < failureRatio
  const [reason, name, what] = failures[failed ? Math.floor(Math.random() * failures.length) : 0] ?? failures[0]
  await pool.query(
    `UPDATE platform.generations SET status = $2, failure_reason = $3, finished_at = clock_timestamp(), updated_at = clock_timestamp() WHERE id = $1`,
    [generationId, failed ? 'failed' : 'succeeded', failed ? reason : null],
  )
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
console.log('platform workers')
