import { setTimeout as sleep } from 'node:timers/promises'
import { Queue, Worker } from 'bullmq'

/**
 * Adds jobs at a rate and works them off, in a process of its own so that it shares no event loop with the probes.
 * Arguments: the Redis's URL, the queue, jobs a second, seconds. Writes one line of JSON: {added, seconds}.
 */
const [url = '', name = '', jobsPerSecond = '', seconds = ''] = process.argv.slice(2)
const connection = { url, maxRetriesPerRequest: null }
const queue = new Queue(name, { connection })
const workers = Array.from({ length: 4 }, () => new Worker(name, async () => {}, { connection, concurrency: 50 }))
await queue.waitUntilReady()
const opts = { removeOnComplete: true, removeOnFail: true }
const begun = performance.now()
const elapsed = (): number => (performance.now() - begun) / 1_000
let added = 0
while (elapsed() < Number(seconds)) {
  const due = Math.floor(elapsed() * Number(jobsPerSecond)) - added
  const batch = Array.from({ length: Math.min(due, 200) }, () => ({ name: 'job', data: {}, opts }))
  if (batch.length > 0) await queue.addBulk(batch)
  added += batch.length
  await sleep(20)
}
const took = elapsed()
while ((await queue.getJobCountByTypes('waiting', 'active', 'prioritized')) > 0) await sleep(100)
await Promise.all(workers.map((worker) => worker.close()))
await queue.close()
process.stdout.write(`${JSON.stringify({ added, seconds: took })}\n`)
