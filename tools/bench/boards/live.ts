import * as audit from '../../../catalogue/audit.ts'
import type { LabelsOf, Metric } from '../../../catalogue/define.ts'
import { exporterBuildInfo, exporterLeader, exporterRollupDriftRows } from '../../../catalogue/exporter.ts'
import * as infrastructure from '../../../catalogue/infrastructure.ts'
import type { Job } from '../../../catalogue/jobs.ts'
import { jobsFailed } from '../../../catalogue/quick-actions.ts'
import { collectors } from '../../../exporter/figures/index.ts'

/** A series of a metric that is not computed from the database, and how large it is. */
export interface LiveSeries {
  labels: Readonly<Record<string, string>>
  /** Of a gauge its level, of a counter how much a second, of a histogram how many a second. */
  size: number
  /** Of a histogram: what is observed, on average. */
  meanSeconds?: number
}

export interface LiveMetric {
  job: Job
  metric: Metric
  series: readonly LiveSeries[]
}

/** As large as the demo's platform or a little larger: what the exporter shows of a platform does not grow with its users. */
const targets = [
  { dependency: 'postgres', target: 'db.platform:5432' },
  { dependency: 'redis', target: 'redis.platform:6379' },
  { dependency: 's3', target: 'images' },
  { dependency: 'api', target: 'platform-api' },
  { dependency: 'comfyui', target: 'gpu-1' },
  { dependency: 'comfyui', target: 'gpu-2' },
  { dependency: 'runpod', target: 'images' },
] as const
const queues = [
  { queue: 'generation', size: 0.6 },
  { queue: 'thumbnail', size: 1.2 },
] as const
const workers = ['gpu-1', 'gpu-2'] as const
const serverless = { provider: 'runpod_serverless', endpoint: 'images' } as const

/** Answers of the platform's API a second. */
const answers = [
  ['POST', '/generations', '202', 0.9],
  ['POST', '/generations', '400', 0.01],
  ['POST', '/generations', '500', 0.004],
  ['GET', '/generations/:id', '200', 6],
  ['GET', '/generations/:id', '404', 0.05],
  ['GET', '/users/:id', '200', 2],
  ['GET', '/users/:id', '404', 0.02],
  ['GET', '/characters', '200', 1.5],
  ['POST', '/characters', '201', 0.1],
  ['POST', '/sessions', '201', 0.3],
  ['POST', '/sessions', '401', 0.06],
  ['POST', '/payments', '201', 0.02],
  ['POST', '/payments', '502', 0.0004],
  ['GET', '/healthz', '200', 0.2],
  ['GET', '/metrics', '200', 0.067],
] as const
const auditAnswers = [
  ['POST', '/v1/audit/events', '201', 0.05],
  ['POST', '/v1/errors', '201', 0.02],
  ['GET', '/v1/audit/events', '200', 0.01],
  ['GET', '/v1/dashboards/:uid/freshness', '200', 0.1],
  ['GET', '/readyz', '200', 0.2],
  ['GET', '/metrics', '200', 0.2],
] as const
const services = ['platform-api', 'worker', 'admin'] as const
const errorTypes = ['TimeoutError', 'ValidationError', 'OutOfMemory', 'PaymentDeclined'] as const

/** All of them, whatever their values: each metric once for each job that shows it. */
export const liveMetrics: readonly LiveMetric[] = [
  of('barometer-exporter', exporterBuildInfo, [[{ version: '0.1.0', node_version: '24.21.0' }, 1]]),
  of('barometer-exporter', exporterLeader, [[{}, 1]]),
  // Known after the first nightly comparison.
  of(
    'barometer-exporter',
    exporterRollupDriftRows,
    collectors.map(({ name }) => [{ collector: name }, 0]),
  ),
  of(
    'barometer-probes',
    infrastructure.dependencyUp,
    targets.map((labels) => [labels, 1]),
  ),
  of(
    'barometer-probes',
    infrastructure.dependencyLatencySeconds,
    targets.map((labels) => [labels, 0.2, 0.012]),
  ),
  of(
    'barometer-probes',
    infrastructure.dependencyLastProbeTimestampSeconds,
    targets.map((labels) => [labels, 1]),
  ),
  of(
    'barometer-probes',
    infrastructure.queueJobs,
    queues.flatMap(({ queue }) =>
      valuesOf(infrastructure.queueJobs, 'state').map((state, place) => [{ queue, state }, 40 / (place + 1)] as const),
    ),
  ),
  ofQueues(infrastructure.queueOldestWaitingSeconds, () => 20),
  ofQueues(infrastructure.queueWorkers, () => 8),
  ofQueues(infrastructure.queuePaused, () => 0),
  of(
    'barometer-probes',
    infrastructure.queueJobsFinishedTotal,
    queues.flatMap(({ queue, size }) => [
      [{ queue, result: 'completed' as const }, size] as const,
      [{ queue, result: 'failed' as const }, size / 50] as const,
    ]),
  ),
  ofQueues(infrastructure.queueWaitSeconds, ({ size }) => size, 4),
  ofQueues(infrastructure.queueProcessingSeconds, ({ size }) => size, 11),
  ofQueues(infrastructure.queueIdsEvictedTotal, () => 0),
  ofQueues(infrastructure.queueEventsMissedTotal, () => 0),
  of(
    'barometer-probes',
    jobsFailed,
    queues.map(({ queue }) => [{ queue, window: '1d' }, 30]),
  ),
  of('barometer-probes', infrastructure.gpuWorkers, [
    ...infrastructure.gpuWorkerStates.runpod_serverless.map((state) => [{ ...serverless, state }, 4] as const),
    ...infrastructure.gpuWorkerStates.runpod_pods.map(
      (state) => [{ provider: 'runpod_pods', endpoint: 'pods', state }, 2] as const,
    ),
    ...workers.flatMap((endpoint) => [
      [{ provider: 'comfyui', endpoint, state: 'running' }, 1] as const,
      [{ provider: 'comfyui', endpoint, state: 'unreachable' }, 0] as const,
    ]),
  ]),
  of('barometer-probes', infrastructure.gpuJobs, [
    ...valuesOf(infrastructure.gpuJobs, 'state').map((state) => [{ ...serverless, state }, 6] as const),
    ...workers.flatMap((endpoint) =>
      infrastructure.openGpuJobStates.map((state) => [{ provider: 'comfyui', endpoint, state }, 3] as const),
    ),
  ]),
  of(
    'barometer-probes',
    infrastructure.gpuMemoryFreeBytes,
    workers.map((worker) => [{ worker }, 9e9]),
  ),
  of(
    'barometer-probes',
    infrastructure.gpuMemoryTotalBytes,
    workers.map((worker) => [{ worker }, 24e9]),
  ),
  requests('platform-api', answers),
  requests('barometer-audit-api', auditAnswers),
  of(
    'barometer-audit-api',
    audit.auditEventsIngestedTotal,
    valuesOf(audit.auditEventsIngestedTotal, 'result').map((result, place) => [{ result }, 0.05 / (place * 50 + 1)]),
  ),
  of('barometer-audit-api', audit.auditUnsealedEvents, [[{}, 3]]),
  of('barometer-audit-api', audit.auditChainHeadSequence, [[{}, 0.05]]),
  of('barometer-audit-api', audit.auditChainValid, [[{}, 1]]),
  of('barometer-audit-api', audit.auditExportRowsTotal, [[{}, 2]]),
  of('barometer-audit-api', audit.auditExportDurationSeconds, [[{}, 0.0005, 6]]),
  of(
    'barometer-audit-api',
    audit.errorsTotal,
    services.flatMap((service) =>
      errorTypes.map((error_type) => [{ service, error_type }, 0.002 * error_type.length] as const),
    ),
  ),
  of(
    'barometer-audit-api',
    audit.adminAnalyticsEventsTotal,
    valuesOf(audit.adminAnalyticsEventsTotal, 'event').flatMap((event) =>
      ['barometer-home', 'barometer-users', 'barometer-health', 'barometer-audit'].map(
        (dashboard) => [{ event, dashboard }, 0.001] as const,
      ),
    ),
  ),
]

type Row<Of extends Metric> = readonly [LabelsOf<Of>, size: number, meanSeconds?: number]

function of<const Of extends Metric>(job: Job, metric: Of, rows: readonly Row<Of>[]): LiveMetric {
  const series = rows.map(([labels, size, meanSeconds]) => ({
    ...{ labels, size },
    ...(meanSeconds === undefined ? {} : { meanSeconds }),
  }))
  return { job, metric, series }
}

function ofQueues<const Of extends Metric>(
  metric: Of,
  size: (of: (typeof queues)[number]) => number,
  meanSeconds?: number,
): LiveMetric {
  const series = queues.map((each) => ({
    ...{ labels: { queue: each.queue }, size: size(each) },
    ...(meanSeconds === undefined ? {} : { meanSeconds }),
  }))
  return { job: 'barometer-probes', metric, series }
}

function requests(job: Job, rows: readonly (readonly [string, string, string, number])[]): LiveMetric {
  return of(
    job,
    infrastructure.httpServerRequestDurationSeconds,
    rows.map(([http_request_method, http_route, http_response_status_code, size]) => [
      { http_request_method, http_route, http_response_status_code },
      size,
      0.06,
    ]),
  )
}

function valuesOf<Of extends Metric, Name extends keyof Of['labels'] & string>(
  metric: Of,
  name: Name,
): readonly LabelsOf<Of>[Name & keyof LabelsOf<Of>][] {
  return (metric.labels[name]?.values ?? []) as readonly LabelsOf<Of>[Name & keyof LabelsOf<Of>][]
}
