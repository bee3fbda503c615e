import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import pg from 'pg'
import { httpAnswer, redisErrors, type Weather } from './proxy.ts'
import type { Service, Way, World } from './world.ts'

/** Something that goes wrong for some seconds, for real. */
export interface Fault {
  name: string
  /** Alerts that may page for it; a fault as short as these is expected to page for nothing. */
  mayPage: readonly string[]
  /** What cannot be done here and now, with the reason. */
  skip?: (world: World) => string | undefined
  /** Breaks, waits `seconds`, and repairs. */
  run: (world: World, seconds: number) => Promise<void>
}

const wait = (seconds: number) => sleep(seconds * 1_000)

const ofDatabase = [
  ...['DatabaseDown', 'ApiDown', 'ApiErrorRateHigh', 'ApiAvailabilityBurnFast', 'ApiAvailabilityBurnSlow'],
  ...['SnapshotStale', 'CollectorFailing', 'GenerationSuccessRateLow', 'JobFailureRateHigh', 'AuditUnsealedLag'],
  ...['ApiLatencyBurnFast', 'ApiLatencyBurnSlow', 'ExporterDown', 'AuditApiDown', 'TargetMissing'],
]
const ofApi = [
  'ApiDown',
  'ApiErrorRateHigh',
  'ApiAvailabilityBurnFast',
  'ApiAvailabilityBurnSlow',
  'ApiLatencyBurnFast',
  'ApiLatencyBurnSlow',
]
const ofRedis = [
  'RedisDown',
  'QueueWorkersGone',
  'QueueStalled',
  'JobFailureRateHigh',
  'GenerationSuccessRateLow',
  ...ofApi,
]
const ofStorage = ['StorageDown']
const ofGpu = ['NoGpuWorkers', 'JobFailureRateHigh', 'GenerationSuccessRateLow', 'QueueStalled', 'QueueWaitHigh']
const ofExporter = ['ExporterDown', 'TargetMissing', 'SnapshotStale', 'ProbeStale']
const ofAudit = ['AuditApiDown', 'AuditUnsealedLag', 'TargetMissing']

/** A way under another weather for a while. */
function weather(name: string, way: Way, mayPage: readonly string[], change: Weather): Fault {
  return {
    ...{ name, mayPage },
    run: async ({ proxies }, seconds) => {
      proxies[way].set(change)
      try {
        await wait(seconds)
      } finally {
        proxies[way].set({ kind: 'fair' })
      }
    },
  }
}

/** Something else that answers in the place of an HTTP service. */
const instead = (status: number, headers: Record<string, string>, body: string): Weather => {
  const answer = httpAnswer(status, headers, body)
  return { kind: 'impostor', close: true, answer: () => answer }
}
const xml = { 'content-type': 'application/xml' }
const s3Error = (code: string, message: string, more = '') =>
  `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message>${more}</Error>`
const page = '<!doctype html><html><body>502 Bad gateway</body></html>'
const fiveMegabytes = JSON.stringify({ jobs: 'x'.repeat(5_000_000) })

function killed(name: string, of: (world: World) => Service, mayPage: readonly string[]): Fault {
  return {
    ...{ name: `${name} killed (SIGKILL)`, mayPage },
    run: async (world, seconds) => {
      const service = of(world)
      await service.signal('SIGKILL')
      await wait(seconds)
      await service.start()
    },
  }
}

function frozen(name: string, of: (world: World) => Pick<Service, 'signal'>, mayPage: readonly string[]): Fault {
  return {
    ...{ name: `${name} frozen (SIGSTOP)`, mayPage },
    run: async (world, seconds) => {
      const service = of(world)
      await service.signal('SIGSTOP')
      try {
        await wait(seconds)
      } finally {
        await service.signal('SIGCONT')
      }
    },
  }
}

async function withRedis(world: World, work: (redis: Redis) => Promise<unknown>): Promise<void> {
  const redis = new Redis(world.redis.url)
  redis.on('error', () => {})
  try {
    await work(redis)
  } finally {
    redis.disconnect()
  }
}

/** Redis itself answers errors: commands set it so, and set it right. */
function redisSays(name: string, breakIt: readonly string[], repair: readonly string[]): Fault {
  const call = (words: readonly string[]) => (redis: Redis) => redis.call(words[0] ?? '', ...words.slice(1))
  return {
    ...{ name, mayPage: ofRedis },
    run: async (world, seconds) => {
      await withRedis(world, call(breakIt))
      try {
        await wait(seconds)
      } finally {
        await withRedis(world, call(repair))
      }
    },
  }
}

/** Whether Postgres can write a table of some megabytes; also no where it has stopped. */
async function hasSpace(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000, query_timeout: 5_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('CREATE TEMPORARY TABLE ballast AS SELECT generate_series(1, 200000) AS n')
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}

const diskFull: Fault = {
  name: 'disk of Postgres full',
  mayPage: ofDatabase,
  skip: ({ cluster }) => (cluster.disk() === undefined ? 'no right to mount a small disk' : undefined),
  run: async ({ cluster }, seconds) => {
    const ballast = join(cluster.disk() ?? '', 'ballast')
    try {
      execFileSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=16k'], { stdio: 'ignore' })
    } catch {
      // It ends when nothing fits any more, which is what it is for.
    }
    try {
      await wait(seconds)
      if (await hasSpace(cluster.primary().url)) throw new Error('the disk was not full for Postgres')
    } finally {
      rmSync(ballast, { force: true })
    }
    // Where its own log had no space Postgres has stopped, as it must.
    if (!cluster.primary().program().running()) await cluster.restart()
  },
}

function clockStepped(name: string, offsetSeconds: number): Fault {
  return {
    name,
    // S3 refuses what was signed by a clock that is a quarter of an hour off.
    mayPage: [...ofExporter, ...ofAudit, ...ofStorage, 'CollectorFailing'],
    skip: ({ clock }) => (clock === undefined ? 'libfaketime cannot be had' : undefined),
    run: async ({ clock }, seconds) => {
      clock?.step(offsetSeconds)
      try {
        await wait(seconds)
      } finally {
        clock?.step(0)
      }
    },
  }
}

const of = {
  exporterA: ({ services }: World) => services.exporterA,
  exporterB: ({ services }: World) => services.exporterB,
  auditApi: ({ services }: World) => services.auditApi,
}

/** Everything that can be made to go wrong. */
export const faults: readonly Fault[] = [
  {
    ...{ name: 'Postgres killed (SIGKILL)', mayPage: ofDatabase },
    run: async ({ cluster }, seconds) => {
      await cluster.primary().signal('SIGKILL')
      await wait(seconds)
      await cluster.restart()
    },
  },
  frozen('Postgres', ({ cluster }) => cluster.primary(), ofDatabase),
  {
    ...{ name: 'Postgres fails over to its replica', mayPage: ofDatabase },
    run: ({ cluster, proxies }) => cluster.failOver((port) => proxies.database.redirect(port)),
  },
  diskFull,
  weather('way to Postgres cut', 'database', ofDatabase, { kind: 'cut' }),
  weather('way to Postgres stalled', 'database', ofDatabase, { kind: 'stalled' }),
  weather('way to Postgres slow (60 ms each way)', 'database', ofDatabase, { kind: 'slow', delayMs: 60 }),
  {
    ...{ name: 'Redis killed (SIGKILL)', mayPage: ofRedis },
    run: async ({ redis }, seconds) => {
      await redis.signal('SIGKILL')
      await wait(seconds)
      await redis.start()
    },
  },
  weather('Redis slow (1.5 s each way)', 'redis', ofRedis, { kind: 'slow', delayMs: 1_500 }),
  weather('way to Redis cut', 'redis', ofRedis, { kind: 'cut' }),
  redisSays('Redis answers READONLY', ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']),
  redisSays('Redis answers OOM', ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0']),
  weather('Redis answers LOADING', 'redis', ofRedis, {
    ...{ kind: 'impostor', close: false },
    answer: (piece) => redisErrors(piece, 'LOADING Redis is loading the dataset in memory'),
  }),
  weather('S3 slow (4 s each way)', 's3', ofStorage, { kind: 'slow', delayMs: 4_000 }),
  weather(
    'S3 answers 503',
    's3',
    ofStorage,
    instead(503, xml, s3Error('SlowDown', 'Please reduce your request rate.')),
  ),
  weather(
    'S3 answers another region',
    's3',
    ofStorage,
    instead(
      400,
      { ...xml, 'x-amz-bucket-region': 'eu-west-3' },
      s3Error('AuthorizationHeaderMalformed', 'the region is wrong', '<Region>eu-west-3</Region>'),
    ),
  ),
  weather('way to S3 cut', 's3', ofStorage, { kind: 'cut' }),
  weather('RunPod answers 429', 'runpod', ofGpu, instead(429, { 'retry-after': '60' }, 'slow down')),
  weather('RunPod answers HTML', 'runpod', ofGpu, instead(200, { 'content-type': 'application/json' }, page)),
  weather('RunPod answers 5 MB', 'runpod', ofGpu, instead(200, { 'content-type': 'application/json' }, fiveMegabytes)),
  weather('RunPod hangs', 'runpod', ofGpu, { kind: 'stalled' }),
  weather('way to ComfyUI cut', 'comfyui', ofGpu, { kind: 'cut' }),
  weather('ComfyUI answers HTML', 'comfyui', ofGpu, instead(200, { 'content-type': 'text/html' }, page)),
  weather("way to the platform's API cut", 'api', ofApi, { kind: 'cut' }),
  weather('way to the audit API cut', 'audit', ofAudit, { kind: 'cut' }),
  weather('way to the audit API stalled', 'audit', ofAudit, { kind: 'stalled' }),
  weather('way to the audit API slow (700 ms each way)', 'audit', ofAudit, { kind: 'slow', delayMs: 700 }),
  weather(
    'audit API behind a proxy that answers 502',
    'audit',
    ofAudit,
    instead(502, { 'content-type': 'text/html' }, page),
  ),
  weather('way from Prometheus to an exporter cut', 'scrape', ofExporter, { kind: 'cut' }),
  killed('exporter A', of.exporterA, ofExporter),
  killed('exporter B', of.exporterB, ofExporter),
  {
    ...{ name: 'both exporters killed (SIGKILL)', mayPage: ofExporter },
    run: async ({ services: { exporterA, exporterB } }, seconds) => {
      await Promise.all([exporterA.signal('SIGKILL'), exporterB.signal('SIGKILL')])
      await wait(seconds)
      await Promise.all([exporterA.start(), exporterB.start()])
    },
  },
  frozen('exporter A', of.exporterA, ofExporter),
  frozen('exporter B', of.exporterB, ofExporter),
  killed('audit API', of.auditApi, ofAudit),
  frozen('audit API', of.auditApi, ofAudit),
  killed('workers of the platform', ({ services }) => services.workers, ofRedis),
  killed("the platform's API", ({ services }) => services.platformApi, ofApi),
  {
    ...{ name: 'Prometheus killed (SIGKILL)', mayPage: [] },
    run: async ({ prometheus }, seconds) => {
      await prometheus.signal('SIGKILL')
      await wait(seconds)
      await prometheus.start()
    },
  },
  {
    ...{ name: 'Alertmanager killed (SIGKILL)', mayPage: ['TargetMissing'] },
    run: async ({ alertmanager }, seconds) => {
      await alertmanager.signal('SIGKILL')
      await wait(seconds)
      await alertmanager.start()
    },
  },
  clockStepped('clock an hour ahead', 3_600),
  clockStepped('clock an hour behind', -3_600),
]
