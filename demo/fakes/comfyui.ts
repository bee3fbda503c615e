import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { readFlags, startFake } from './http-fake.ts'

const { port } = readFlags()

interface Job {
  id: string
  prompt: unknown
  done: PromiseWithResolvers<void>
}

const pending: Job[] = []
let running: Job | undefined

/** One at a time, as a GPU does it. */
async function work(): Promise<void> {
  for (;;) {
    running = pending.shift()
    if (running === undefined) return
    // 0.24 s on average: in the evening 3 come a second, and they must not pile up.
    await sleep(80 + Math.random() * 320)
    running.done.resolve()
  }
}

const entry = (job: Job, index: number) => [index, job.id, job.prompt, { client_id: 'demo' }, ['9']]
const gibibyte = 1_073_741_824

await startFake(port, async ({ method, path, body }) => {
  if (path === '/system_stats') {
    const free = running === undefined ? 20 * gibibyte : 9 * gibibyte
    return [
      200,
      {
        system: { os: 'posix', comfyui_version: '0.3.40', ram_total: 64 * gibibyte, ram_free: 40 * gibibyte },
        devices: [
          {
            name: 'cuda:0 NVIDIA GeForce RTX 4090',
            type: 'cuda',
            index: 0,
            vram_total: 24 * gibibyte,
            vram_free: free,
          },
        ],
      },
    ]
  }
  if (path === '/queue') {
    return [200, { queue_running: running === undefined ? [] : [entry(running, 0)], queue_pending: pending.map(entry) }]
  }
  if (method === 'POST' && path === '/prompt') {
    const job: Job = { id: randomUUID(), prompt: body, done: Promise.withResolvers() }
    pending.push(job)
    if (running === undefined) void work()
    // The real one answers at once; the demo's worker has no socket to hear of the end by, so it waits here.
    await job.done.promise
    return [200, { prompt_id: job.id, number: pending.length }]
  }
  return [404, { error: 'not found' }]
})
console.log(`fake ComfyUI on ${port}`)
