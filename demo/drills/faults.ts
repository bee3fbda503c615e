import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Restartable } from '../stack/process.ts'
import type { DrillStack } from './drill-stack.ts'

/** Something that goes wrong for real, or only looks as if. */
export interface Fault {
  /** As in `--only` and in the keys of `--json`. */
  key: string
  title: string
  /** What is wrong pages within `pageSecondsMax` of its kind; what is none must page nobody. */
  kind: 'hard' | 'soft' | 'none'
  /** The alert that pages. */
  alert?: string
  /** How long what must not page is looked at, from the injection on. */
  watchSeconds?: number
  /** How long the figures must have been scraped: over a window that reaches back before them nothing is said. */
  warmUpSeconds?: number
  /** Makes it; answers what ends it. */
  inject(stack: DrillStack): Promise<() => Promise<void>>
}

/** Kinds of fault, with what is promised: seconds from the fault to the page. */
export const pageSecondsMax = { hard: 60, soft: 300 } as const
/** From the repair to the message that says so. */
export const resolveSecondsMax = 180

const put = async (url: string, fault: string): Promise<void> => {
  const response = await fetch(`${url}/faults`, { method: 'PUT', body: fault })
  if (!response.ok) throw new Error(`${url}/faults answers ${response.status}: ${await response.text()}`)
}

type Killable = Omit<Restartable, 'program'>

const killed = (of: (stack: DrillStack) => Killable): Fault['inject'] => {
  return async (stack) => {
    await of(stack).signal('SIGKILL')
    return () => of(stack).start()
  }
}
const frozen = (of: (stack: DrillStack) => Killable): Fault['inject'] => {
  return async (stack) => {
    await of(stack).signal('SIGSTOP')
    return () => of(stack).signal('SIGCONT')
  }
}
const switched = (of: (stack: DrillStack) => string, fault: string): Fault['inject'] => {
  return async (stack) => {
    await put(of(stack), fault)
    return () => put(of(stack), 'none')
  }
}

const postgres = ({ platform }: DrillStack) => platform.postgres
const redis = ({ platform }: DrillStack) => platform.redis
const s3 = ({ platform }: DrillStack) => platform.s3
const api = ({ platform }: DrillStack) => platform.services.api
const workers = ({ platform }: DrillStack) => platform.services.workers
const exporter = ({ barometer }: DrillStack) => barometer.services.exporter
const auditApi = ({ barometer }: DrillStack) => barometer.services.auditApi
const apiControl = ({ platform }: DrillStack) => platform.apiControlUrl
const workersControl = ({ platform }: DrillStack) => platform.workersControlUrl
const runpod = ({ platform }: DrillStack) => platform.runpodUrl

/** Every fault, those that take longest first: stacks that drill side by side end together. */
export const faults: readonly Fault[] = [
  {
    ...{ key: 'refreshStopped', title: 'refresh stopped: its table is locked', kind: 'soft', alert: 'SnapshotStale' },
    inject: lockSnapshots,
  },
  {
    ...{ key: 'generationsFailing', title: 'generations fail', kind: 'soft', alert: 'GenerationSuccessRateLow' },
    warmUpSeconds: 720,
    inject: switched(workersControl, 'fail-generations'),
  },
  {
    ...{ key: 'jobsFailing', title: 'jobs fail', kind: 'soft', alert: 'JobFailureRateHigh' },
    // So that the generations, which fail with them, could page too.
    warmUpSeconds: 720,
    inject: switched(workersControl, 'fail-jobs'),
  },
  {
    ...{ key: 'apiErrors', title: 'API answers 500, its health 200', kind: 'soft', alert: 'ApiErrorRateHigh' },
    inject: switched(apiControl, 'errors'),
  },
  {
    ...{ key: 'queueStalled', title: 'queue stalled: workers take no job', kind: 'soft', alert: 'QueueStalled' },
    inject: switched(workersControl, 'stall'),
  },
  { ...{ key: 'postgres', title: 'Postgres killed', kind: 'hard', alert: 'DatabaseDown' }, inject: killed(postgres) },
  { ...{ key: 'postgresHang', title: 'Postgres hung', kind: 'hard', alert: 'DatabaseDown' }, inject: frozen(postgres) },
  { ...{ key: 'redis', title: 'Redis killed', kind: 'hard', alert: 'RedisDown' }, inject: killed(redis) },
  { ...{ key: 'redisHang', title: 'Redis hung', kind: 'hard', alert: 'RedisDown' }, inject: frozen(redis) },
  { ...{ key: 'exporter', title: 'exporter killed', kind: 'hard', alert: 'ExporterDown' }, inject: killed(exporter) },
  {
    ...{ key: 'exporterHang', title: 'exporter hung', kind: 'hard', alert: 'ExporterDown' },
    inject: frozen(exporter),
  },
  { ...{ key: 'api', title: 'API killed', kind: 'hard', alert: 'ApiDown' }, inject: killed(api) },
  { ...{ key: 'apiHang', title: 'API hung', kind: 'hard', alert: 'ApiDown' }, inject: frozen(api) },
  {
    ...{ key: 'api500', title: 'API answers 500', kind: 'hard', alert: 'ApiDown' },
    inject: switched(apiControl, 'error'),
  },
  {
    ...{ key: 'workers', title: 'workers killed, jobs wait', kind: 'hard', alert: 'QueueWorkersGone' },
    inject: killed(workers),
  },
  {
    ...{ key: 'gpu', title: 'GPU pod killed', kind: 'hard', alert: 'NoGpuWorkers' },
    inject: killed(({ platform }) => platform.services.comfyui),
  },
  {
    ...{ key: 'gpuServerless', title: 'no serverless GPU, jobs wait', kind: 'hard', alert: 'NoGpuWorkers' },
    inject: switched(runpod, 'no-workers'),
  },
  { ...{ key: 's3', title: 'S3 killed', kind: 'hard', alert: 'StorageDown' }, inject: killed(s3) },
  { ...{ key: 's3Hang', title: 'S3 hung', kind: 'hard', alert: 'StorageDown' }, inject: frozen(s3) },
  { ...{ key: 'auditApi', title: 'audit API killed', kind: 'hard', alert: 'AuditApiDown' }, inject: killed(auditApi) },
  {
    ...{ key: 'auditApiHang', title: 'audit API hung', kind: 'hard', alert: 'AuditApiDown' },
    inject: frozen(auditApi),
  },
  {
    ...{ key: 'longJob', title: 'one job of four minutes', kind: 'none', watchSeconds: 270 },
    inject: async (stack) => {
      await put(workersControl(stack), 'long-job')
      return async () => {}
    },
  },
  {
    ...{ key: 'quietNight', title: 'four minutes in which nobody does anything', kind: 'none', watchSeconds: 270 },
    inject: async ({ simulator }) => {
      await simulator.stop()
      return () => simulator.start()
    },
  },
  {
    ...{ key: 'leaderChange', title: 'the lead goes to a second exporter', kind: 'none', watchSeconds: 180 },
    inject: changeLeader,
  },
  {
    ...{ key: 'redisBlip', title: 'Redis hung for 20 s', kind: 'none', watchSeconds: 120 },
    inject: blip(redis, 20),
  },
  {
    ...{ key: 'exporterRestart', title: 'exporter restarted', kind: 'none', watchSeconds: 120 },
    inject: async (stack) => {
      await exporter(stack).stop()
      await exporter(stack).start()
      return async () => {}
    },
  },
  {
    ...{ key: 'slowScrape', title: 'exporter still for 6 s: a scrape times out', kind: 'none', watchSeconds: 90 },
    inject: blip(exporter, 6),
  },
  {
    ...{ key: 'gpuAtRest', title: 'serverless GPUs scaled to zero at rest', kind: 'none', watchSeconds: 120 },
    inject: switched(runpod, 'at-rest'),
  },
]

/** Those of `--short`: they do not follow from each other, so they are made at once. */
export const shortFaults: readonly string[] = ['s3', 'gpuServerless', 'auditApi']

function blip(of: (stack: DrillStack) => Killable, seconds: number): Fault['inject'] {
  return async (stack) => {
    await of(stack).signal('SIGSTOP')
    await sleep(seconds * 1_000)
    await of(stack).signal('SIGCONT')
    return async () => {}
  }
}

/** As a migration that forgot to commit: the figures are computed and cannot be kept. Every probe goes on. */
async function lockSnapshots({ platform }: DrillStack): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: platform.ownerUrl })
  client.on('error', () => {})
  await client.connect()
  await client.query('BEGIN')
  await client.query('LOCK TABLE barometer.snapshot IN ACCESS EXCLUSIVE MODE')
  return () => client.end()
}

/** A second exporter comes; the first, which leads, is restarted as a deploy does it, and follows then. */
async function changeLeader(stack: DrillStack): Promise<() => Promise<void>> {
  const replica = await stack.addReplica()
  // Prometheus has looked at both.
  await sleep(35_000)
  await exporter(stack).stop()
  await untilLeads(replica.url)
  await exporter(stack).start()
  return async () => {
    await stack.removeReplica(replica)
    await untilLeads(stack.barometer.exporterUrl)
  }
}

async function untilLeads(url: string): Promise<void> {
  for (let tries = 0; tries < 60; tries += 1) {
    const page = await (await fetch(`${url}/metrics`)).text()
    if (/^\w+_exporter_leader(\{.*\})? 1$/m.test(page)) return
    await sleep(500)
  }
  throw new Error(`the exporter at ${url} has not taken the lead in 30 s`)
}
