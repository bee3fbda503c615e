import { readFileSync } from 'node:fs'
import { readFlags, startFake } from './http-fake.ts'

const { port, 'key-file': keyFile } = readFlags('key-file')
const key = readFileSync(keyFile, 'utf8').trim()
const startedMs = Date.now()

/**
 * What `PUT /faults` sets: none, at-rest (scaled to zero, and nothing to do), or no-workers (jobs wait, and nobody comes).
 */
let fault = 'none'

const resting = { idle: 0, initializing: 0, ready: 0, running: 0, throttled: 0, unhealthy: 0 }

/** Numbers that move with time, as those of an endpoint that is used do. */
function health() {
  const seconds = Math.floor((Date.now() - startedMs) / 1_000)
  const wave = Math.round(2 + 2 * Math.sin(seconds / 30))
  const jobs = { completed: 48_000 + seconds, failed: 310 + Math.floor(seconds / 60), retried: 12 }
  if (fault === 'at-rest') return { jobs: { ...jobs, inProgress: 0, inQueue: 0 }, workers: resting }
  if (fault === 'no-workers') return { jobs: { ...jobs, inProgress: 0, inQueue: 7 }, workers: resting }
  return {
    jobs: {
      ...jobs,
      inProgress: wave,
      inQueue: wave,
    },
    workers: {
      idle: 4 - wave < 0 ? 0 : 4 - wave,
      initializing: 0,
      ready: 4,
      running: wave,
      throttled: 1,
      unhealthy: 0,
    },
  }
}

/** Pods as RunPod lists them, their variables among it: a watcher must not let those out. */
const pods = ['k3p9xz1aq', 'm7t2bw8cd'].map((id, index) => ({
  id,
  name: `comfyui-${index + 1}`,
  desiredStatus: index === 0 ? 'RUNNING' : 'EXITED',
  costPerHr: 0.69,
  env: { HF_TOKEN: 'hf_not_a_real_token', S3_SECRET_ACCESS_KEY: 'not-a-real-secret' },
  machine: { gpuTypeId: 'NVIDIA GeForce RTX 4090' },
}))

await startFake(port, ({ method, path, headers, body }) => {
  if (method === 'PUT' && path === '/faults') {
    fault = String(body)
    return [200, { fault }]
  }
  if (headers.authorization !== `Bearer ${key}`) return [401, { error: 'unauthorized' }]
  if (/^\/v2\/[\w-]+\/health$/.test(path)) return [200, health()]
  if (path.startsWith('/v1/pods')) return [200, pods]
  return [404, { error: 'not found' }]
})
console.log(`fake RunPod on ${port}`)
