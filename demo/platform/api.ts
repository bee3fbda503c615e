import { Queue } from 'bullmq'
import { fastify } from 'fastify'
import { Redis } from 'ioredis'
import pg from 'pg'
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client'
import { observeRequests } from '../../lib/request-metrics.ts'
import { listenHost, readFlags, startFake } from '../fakes/http-fake.ts'
import { createErrorReporter } from './error-reporter.ts'

/**
 * The platform's HTTP API. Environment: DATABASE_URL, REDIS_URL, and where errors go, AUDIT_API_URL and
 * AUDIT_API_TOKEN. Flags: --port, and --control-port, where
 * `PUT /faults` with none, error, errors or hang makes it healthy, answer 500, answer 500 everywhere but where its health
 * is asked for, or not answer.
 */
const flags = readFlags('control-port')
const { DATABASE_URL = '', REDIS_URL = '' } = process.env
const pool = new pg.Pool({
  connectionString: DATABASE_URL,
  max: 8,
  connectionTimeoutMillis: 1_000,
  query_timeout: 2_000,
})
pool.on('error', () => {})
const redis = new Redis(REDIS_URL, { maxRetriesPerRequest: null, enableOfflineQueue: false })
redis.on('error', () => {})
const queue = new Queue('generation', { connection: redis })
queue.on('error', () => {})

const registry = new Registry()
collectDefaultMetrics({ register: registry })
const requestSeconds = new Histogram({
  name: 'http_server_request_duration_seconds',
  help: 'Duration of HTTP requests.',
  labelNames: ['http_request_method', 'http_route', 'http_response_status_code'],
  buckets: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
  registers: [registry],
})

let fault = 'none'
await startFake(Number(flags['control-port']), ({ method, path, body }) => {
  if (method !== 'PUT' || path !== '/faults') return [404, { error: 'expected PUT /faults' }]
  fault = String(body)
  return [200, { fault }]
})

const errors = createErrorReporter('platform-api')
const server = fastify()
observeRequests(server, { observe: ({ labels = {}, value }) => requestSeconds.observe(labels, value) })
server.setErrorHandler(async (error: Error & { code?: string; statusCode?: number }, request, reply) => {
  // 22P02: text where the database expected a number, which is the client's mistake.
  const status = error.statusCode ?? (error.code === '22P02' ? 400 : 500)
  errors.report(error, { route: request.routeOptions.url, status })
  return reply.code(status).send({ error: status < 500 ? 'the request is not right' : 'something went wrong' })
})
server.addHook('onRequest', async (request) => {
  if (request.url === '/metrics' || fault === 'none') return
  if (fault === 'errors' && request.url === '/healthz') return
  if (fault === 'hang') await new Promise(() => {})
  throw new Error('made to fail')
})
server.get('/metrics', async (_, reply) => reply.type(registry.contentType).send(await registry.metrics()))
server.get('/healthz', async (_, reply) => {
  try {
    await pool.query('SELECT 1')
    return { status: 'ok' }
  } catch (error) {
    errors.report(error, { route: '/healthz', status: 503 })
    return reply.code(503).send({ status: 'the database does not answer' })
  }
})

interface NewGeneration {
  userId: string
  type: string
  quality: string
  aspectRatio: string
  isNsfw: boolean
  imageCount: number
  scene: string
  environment: string
  outfit: string
  pose: string
}

server.post<{ Body: NewGeneration }>('/generations', async (request, reply) => {
  const wanted = request.body
  const { rows } = await pool.query<{ id: string }>(
    `INSERT INTO platform.generations
       (user_id, type, quality, aspect_ratio, is_nsfw, image_count, scene, environment, outfit, pose)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id`,
    [
      wanted.userId,
      wanted.type,
      wanted.quality,
      wanted.aspectRatio,
      wanted.isNsfw,
      wanted.imageCount,
      wanted.scene,
      wanted.environment,
      wanted.outfit,
      wanted.pose,
    ],
  )
  const id = rows[0]?.id
  await queue.add(
    'generate',
    { generationId: id },
    { removeOnComplete: { count: 1_000 }, removeOnFail: { age: 604_800 } },
  )
  return reply.code(202).send({ id })
})
server.get<{ Params: { id: string } }>('/users/:id', async (request, reply) => {
  const { rows } = await pool.query('SELECT id, created_at FROM platform.users WHERE id = $1', [request.params.id])
  return rows[0] ?? reply.code(404).send({ error: 'no such user' })
})
await server.listen({ host: listenHost, port: flags.port })
console.log(`platform API on ${flags.port}`)
