import type { IncomingMessage, ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  dependencyUp,
  gpuJobs,
  gpuMemoryFreeBytes,
  gpuMemoryTotalBytes,
  gpuWorkers,
} from '../../catalogue/infrastructure.ts'
import { json, startServer, type TestProbes, type TestServer, testProbes } from '../../testing/probes.ts'
import { workerNames } from './comfyui.ts'
import { JsonArrayCounter } from './json-array-counter.ts'

const secrets = /sunset over|HF_TOKEN|hf_abc|rp-key|--secret/

let server: TestServer
let probes: TestProbes | undefined

beforeEach(async () => {
  server = await startServer()
})

afterEach(async () => {
  await probes?.stop()
  await server.close()
})

/** RunPod is asked at every second tick. */
async function twoTicks(of: TestProbes): Promise<void> {
  await of.tick()
  await of.tick()
}

const health = {
  jobs: { completed: 10, failed: 2, inProgress: 1, inQueue: 3, retried: 4 },
  workers: { idle: 1, initializing: 0, ready: 1, running: 2, throttled: 0, unhealthy: 0 },
}
const podsV1 = [
  { id: 'a', desiredStatus: 'RUNNING', env: { HF_TOKEN: 'hf_abc' } },
  { id: 'b', desiredStatus: 'RUNNING' },
  { id: 'c', desiredStatus: 'EXITED' },
  { id: 'd', desiredStatus: 'SOMETHING_NEW sunset over' },
]
const podsV2 = {
  pods: [
    { id: 'a', status: 'RUNNING', env: { HF_TOKEN: 'hf_abc' } },
    { id: 'b', status: 'STARTING' },
  ],
}

async function runpod(pods: unknown = podsV1, endpointHealth: unknown = health): Promise<TestProbes> {
  server.answer((request, response) => json(request.url === '/v1/pods' ? pods : endpointHealth)(request, response))
  probes = testProbes(
    {
      RUNPOD_API_KEY: 'rp-key-1234',
      RUNPOD_ENDPOINT_IDS: 'main=abc123',
      RUNPOD_SERVERLESS_URL: `${server.url}/v2`,
      RUNPOD_API_URL: `${server.url}/v1/`,
    },
    { timeoutMs: 1_500 },
  )
  await probes.tick()
  return probes
}

const serverless = { provider: 'runpod_serverless', endpoint: 'main' } as const
const pods = { provider: 'runpod_pods', endpoint: 'pods' } as const
const endpointUp = { dependency: 'runpod', target: 'main' } as const

test('a serverless endpoint shows its jobs and workers, asked with the key in the header', async () => {
  const of = await runpod()
  expect(of.value(dependencyUp, endpointUp)).toBe(1)
  expect(of.value(gpuJobs, { ...serverless, state: 'in_queue' })).toBe(3)
  expect(of.value(gpuJobs, { ...serverless, state: 'retried' })).toBe(4)
  expect(of.value(gpuWorkers, { ...serverless, state: 'running' })).toBe(2)
  expect(of.value(gpuWorkers, { ...serverless, state: 'throttled' })).toBe(0)
  expect(server.requests.map((request) => request.url).sort()).toEqual(['/v1/pods', '/v2/abc123/health'])
  for (const request of server.requests) expect(request.headers.authorization).toBe('Bearer rp-key-1234')
  expect(of.everything()).not.toMatch(secrets)
})

test('RunPod is asked at every second tick, to spare its rate limit', async () => {
  const of = await runpod()
  await of.tick()
  expect(server.requests).toHaveLength(2)
  expect(of.value(dependencyUp, endpointUp)).toBe(1)
  await of.tick()
  expect(server.requests).toHaveLength(4)
})

test('pods are counted by state, in both shapes of the API, and a state without pods is 0', async () => {
  const of = await runpod()
  expect(of.value(gpuWorkers, { ...pods, state: 'running' })).toBe(2)
  expect(of.value(gpuWorkers, { ...pods, state: 'exited' })).toBe(1)
  expect(of.value(gpuWorkers, { ...pods, state: 'other' })).toBe(1)
  server.answer((request, response) => json(request.url === '/v1/pods' ? podsV2 : health)(request, response))
  await twoTicks(of)
  expect(of.value(gpuWorkers, { ...pods, state: 'running' })).toBe(1)
  expect(of.value(gpuWorkers, { ...pods, state: 'starting' })).toBe(1)
  expect(of.value(gpuWorkers, { ...pods, state: 'exited' })).toBe(0)
  expect(of.everything()).not.toMatch(secrets)
})

const manyPods = () =>
  JSON.stringify(Array.from({ length: 80_000 }, () => ({ id: 'x'.repeat(60), desiredStatus: 'RUNNING' })))
const malformed: [string, (request: IncomingMessage, response: ServerResponse) => void][] = [
  ['what is not JSON', json('<html>HF_TOKEN=hf_abc a sunset over the sea</html>')],
  ['JSON that ends early', json('{"jobs": {"sunset over": 1')],
  ['null', json('null')],
  ['a text', json('"HF_TOKEN"')],
  ['an empty answer', json('')],
  ['wrong types', json({ jobs: { ...health.jobs, inQueue: 'hf_abc' }, workers: [], pods: 'HF_TOKEN' })],
  ['negative and broken numbers', json({ jobs: { ...health.jobs, inQueue: -1 }, workers: { idle: 1.5, running: 2 } })],
  ['status 500', json(health, 500)],
  ['status 401', json(health, 401)],
  ['a redirect', (_request, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
  ['more than 5 MB', (request, response) => json(manyPods())(request, response)],
  [
    'a small answer that unpacks to a large one',
    (_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' })
      response.end(gzipSync(Buffer.alloc(50_000_000, 0x20)))
    },
  ],
  ['no answer', () => {}],
  [
    'half an answer',
    (_request, response) => void response.writeHead(200, { 'content-length': '100' }).write('{"jobs"'),
  ],
  ['a connection that is cut', (_request, response) => response.socket?.destroy()],
  ['what is not HTTP', (_request, response) => response.socket?.end('SSH-2.0-hello\r\n')],
]

test.each(malformed)(
  'RunPod answering with %s is down without series, with one line of reason',
  async (_name, answer) => {
    const of = await runpod()
    server.answer(answer)
    await twoTicks(of)
    expect(of.value(dependencyUp, endpointUp)).toBe(0)
    expect(of.value(dependencyUp, { dependency: 'runpod', target: `127.0.0.1:${server.port}` })).toBe(0)
    expect(of.value(gpuWorkers, { ...serverless, state: 'running' })).toBeUndefined()
    expect(of.value(gpuWorkers, { ...pods, state: 'running' })).toBeUndefined()
    expect(of.lines).toHaveLength(2)
    await twoTicks(of)
    expect(of.lines).toHaveLength(2)
    for (const line of of.lines) expect(JSON.parse(line).reason).toMatch(/^.{5,200}$/)
    expect(of.everything()).not.toMatch(secrets)
  },
)

const stats = {
  system: { argv: ['main.py', '--secret', 'hf_abc'] },
  devices: [
    { name: 'cuda:0', vram_total: 24_000_000_000, vram_free: 10_000_000_000 },
    { name: 'cuda:1', vram_total: 24_000_000_000, vram_free: 20_000_000_000 },
  ],
}
const prompt = (number: number, text = 'a "sunset over" the [sea], {calm}\\') => [
  number,
  `id-${number}`,
  { 3: { inputs: { text, seed: [1, { queue_running: [1, 2] }] } } },
  { HF_TOKEN: 'hf_abc' },
  [],
]
const queue = { queue_running: [prompt(1)], queue_pending: [prompt(2), prompt(3), prompt(4)] }

function comfyAnswer(queueAnswer: (request: IncomingMessage, response: ServerResponse) => void) {
  return (request: IncomingMessage, response: ServerResponse) =>
    request.url === '/system_stats' ? json(stats)(request, response) : queueAnswer(request, response)
}

async function comfyui(queueAnswer: unknown = queue, timeoutMs = 3_000): Promise<TestProbes> {
  server.answer(comfyAnswer(json(queueAnswer)))
  probes = testProbes({ COMFYUI_URLS: `gpu-1=${server.url}` }, { timeoutMs })
  await probes.tick()
  return probes
}

const comfy = { provider: 'comfyui', endpoint: 'gpu-1' } as const
const comfyUp = { dependency: 'comfyui', target: 'gpu-1' } as const
const worker = () => ({ worker: `127.0.0.1:${server.port}` })

test('a ComfyUI pod shows its queue and its memory over all devices, and nothing of the prompts', async () => {
  const of = await comfyui()
  expect(of.value(dependencyUp, comfyUp)).toBe(1)
  expect(of.value(gpuJobs, { ...comfy, state: 'in_queue' })).toBe(3)
  expect(of.value(gpuJobs, { ...comfy, state: 'in_progress' })).toBe(1)
  expect(of.value(gpuWorkers, { ...comfy, state: 'running' })).toBe(1)
  expect(of.value(gpuWorkers, { ...comfy, state: 'unreachable' })).toBe(0)
  expect(of.value(gpuMemoryFreeBytes, worker())).toBe(30_000_000_000)
  expect(of.value(gpuMemoryTotalBytes, worker())).toBe(48_000_000_000)
  expect(of.everything()).not.toMatch(secrets)
})

test('the series of a ComfyUI pod that is gone end, and it is unreachable', async () => {
  const of = await comfyui()
  await server.close()
  await of.tick()
  expect(of.value(dependencyUp, comfyUp)).toBe(0)
  expect(of.value(gpuWorkers, { ...comfy, state: 'running' })).toBe(0)
  expect(of.value(gpuWorkers, { ...comfy, state: 'unreachable' })).toBe(1)
  expect(of.value(gpuMemoryFreeBytes, worker())).toBeUndefined()
  expect(of.value(gpuJobs, { ...comfy, state: 'in_queue' })).toBeUndefined()
})

test('a queue of 50 MB of prompts is counted without being held', async () => {
  const large = JSON.stringify({
    queue_running: [],
    queue_pending: Array.from({ length: 50 }, (_, number) => prompt(number, 'a sunset over the sea '.repeat(50_000))),
  })
  expect(large.length).toBeGreaterThan(50_000_000)
  // It has to be sent too, on a machine that does other things: time is not what is tested.
  const of = await comfyui(large, 30_000)
  expect(of.lines).toEqual([])
  expect(of.value(gpuJobs, { ...comfy, state: 'in_queue' })).toBe(50)
  expect(of.everything()).not.toMatch(secrets)
})

const malformedQueues: [string, unknown][] = [
  ['what is not JSON', 'a sunset over the sea'],
  ['a list', []],
  ['a queue that is no list', { queue_running: 1, queue_pending: 'sunset over' }],
  ['only one of the two', { queue_running: [] }],
  ['half an answer', JSON.stringify(queue).slice(0, -20)],
  ['two answers', JSON.stringify(queue).repeat(2)],
  ['brackets that do not match', '{"queue_running": [}, "queue_pending": []]'],
  ['an endless depth', `{"queue_running": ${'['.repeat(100_000)}`],
]

test.each(malformedQueues)('ComfyUI answering with %s is down, with one line of reason', async (_name, answer) => {
  const of = await comfyui(answer)
  expect(of.value(dependencyUp, comfyUp)).toBe(0)
  expect(of.value(gpuMemoryFreeBytes, worker())).toBeUndefined()
  expect(of.lines).toHaveLength(1)
  expect(of.everything()).not.toMatch(secrets)
})

test('elements are counted wherever the text is cut into pieces', () => {
  const text = Buffer.from(JSON.stringify({ other: [1, 2], ...queue, last: '"queue_running": [1]' }, undefined, 1))
  for (let at = 0; at <= text.length; at += 1) {
    const counter = new JsonArrayCounter(['queue_running', 'queue_pending'])
    counter.add(text.subarray(0, at))
    counter.add(text.subarray(at))
    expect(Object.fromEntries(counter.finish())).toEqual({ queue_running: 1, queue_pending: 3 })
  }
})

test("a worker is called by its RunPod pod's id, else by host and port, else, where that is shared, by name", () => {
  expect(
    workerNames([
      { name: 'a', value: 'https://xedezhzb9la3ye-8188.proxy.runpod.net' },
      { name: 'b', value: 'http://10.0.0.7:8188' },
      { name: 'c', value: 'https://gpu.example/one' },
      { name: 'd', value: 'https://gpu.example/two' },
    ]),
  ).toEqual(['xedezhzb9la3ye', '10.0.0.7:8188', 'c', 'd'])
})
