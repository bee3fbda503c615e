import { Type } from 'typebox'
import { errorsTotal } from '../../../catalogue/audit.ts'
import { type DependencyName, dependencies } from '../../../catalogue/dependencies.ts'
import {
  dependencyLatencySeconds,
  dependencyUp,
  httpServerRequestDurationSeconds,
  queueJobs,
  queueJobsFinishedTotal,
  queueOldestWaitingSeconds,
  queuePaused,
  queueProcessingSeconds,
  queueWaitSeconds,
  queueWorkers,
} from '../../../catalogue/infrastructure.ts'
import { platformJob } from '../../../catalogue/jobs.ts'

import { quantile, rate, series, sumBy, value } from '../../../catalogue/promql.ts'
import { jobsFailed } from '../../../catalogue/quick-actions.ts'
import { badField } from '../../http/problem.ts'
import { distinct, type Report, type Row, type Sources } from '../report.ts'
import { bucketProperties, numberOrNull, text } from '../schema.ts'
import type { Reading } from '../sources/prometheus.ts'

const dashboard = 'barometer-health'

/** What an admin app calls them. */
const named = {
  postgres: 'database',
  redis: 'redis',
  s3: 'storage',
  comfyui: 'comfyui',
  api: 'api',
  runpod: 'runpod',
} as const satisfies Record<DependencyName, string>

const nullable = Type.Union([Type.Boolean(), Type.Null()])
const state = Type.Object({ healthy: nullable, latency: numberOrNull })

/** The mean in seconds of what a histogram measured over a range, by the labels; nothing where it measured nothing. */
function meanSeconds(name: string, by: readonly string[], range: string): string {
  const part = (suffix: string) => sumBy(by, `max without (instance, pod) (rate(${name}_${suffix}[${range}]))`)
  return `${part('sum')} / (${part('count')} > 0)`
}

const health: Report = {
  path: 'system/health',
  dashboard,
  summary: 'Whether each dependency is up (getHealth)',
  description:
    'From Prometheus: the last probes; latency is their mean over a minute, in seconds. A dependency is healthy when all its targets are; null where it is not watched. overall is healthy, degraded or unknown.',
  parameters: {},
  item: {
    name: text,
    targets: Type.Integer(),
    targets_up: Type.Integer(),
    healthy: nullable,
    latency_seconds: numberOrNull,
  },
  more: {
    ...Object.fromEntries(Object.values(named).map((name) => [name, state])),
    overall: Type.Enum(['healthy', 'degraded', 'unknown']),
  },
  load: async (_read, { prometheus }) => {
    const [ups, latencies] = await Promise.all([
      prometheus.query(value(dependencyUp)),
      prometheus.query(meanSeconds(dependencyLatencySeconds.name, ['dependency'], '1m')),
    ])
    const items = dependencies.map(({ name: dependency }) => {
      const targets = ups.filter(({ labels }) => labels.dependency === dependency)
      const up = targets.filter((target) => target.value === 1).length
      return {
        name: named[dependency],
        targets: targets.length,
        targets_up: up,
        healthy: targets.length === 0 ? null : up === targets.length,
        latency_seconds: latencies.find(({ labels }) => labels.dependency === dependency)?.value ?? null,
      }
    })
    const states = items.map(({ name, healthy, latency_seconds }) => [name, { healthy, latency: latency_seconds }])
    const known = items.filter(({ healthy }) => healthy !== null)
    const overall = known.length === 0 ? 'unknown' : known.every(({ healthy }) => healthy) ? 'healthy' : 'degraded'
    return { as_of: null, ...Object.fromEntries(states), overall, items }
  },
}

const queueStates = queueJobs.labels.state.values ?? []
const columnOf = (queueState: string): string => queueState.replace('-', '_')

/** By column, what is asked; each gives a series a queue. */
const jobQueries: Readonly<Record<string, string>> = {
  workers: value(queueWorkers),
  paused_queue: value(queuePaused),
  oldest_waiting_seconds: value(queueOldestWaitingSeconds),
  failed_24h: value(jobsFailed),
  finished_per_second: sumBy(['queue'], rate(queueJobsFinishedTotal, {}, '5m')),
  average_wait_seconds: meanSeconds(queueWaitSeconds.name, ['queue'], '5m'),
  p95_wait_seconds: quantile(0.95, queueWaitSeconds, { range: '5m', by: ['queue'] }),
  average_processing_seconds: meanSeconds(queueProcessingSeconds.name, ['queue'], '5m'),
}

const jobs: Report = {
  path: 'system/jobs',
  dashboard,
  summary: 'The queues now (getJobMetrics)',
  description: 'From Prometheus: jobs by state, workers, and rates, waits and times over five minutes.',
  parameters: {},
  item: {
    queue: text,
    ...Object.fromEntries(
      [...queueStates.map(columnOf), ...Object.keys(jobQueries)].map((name) => [name, numberOrNull]),
    ),
  },
  load: async (_read, { prometheus }) => {
    const states = await prometheus.query(value(queueJobs))
    const columns = await Promise.all(
      Object.entries(jobQueries).map(async ([name, expression]) => [name, await prometheus.query(expression)] as const),
    )
    const find = (readings: readonly Reading[], wanted: Record<string, string>) =>
      readings.find(({ labels }) => Object.entries(wanted).every(([name, one]) => labels[name] === one))?.value ?? null
    const items = distinct(states.map(({ labels }) => labels.queue ?? '')).map((queue) => ({
      queue,
      ...Object.fromEntries(queueStates.map((one) => [columnOf(one), find(states, { queue, state: one })])),
      ...Object.fromEntries(columns.map(([name, readings]) => [name, find(readings, { queue })])),
    }))
    return { as_of: null, items }
  },
}

/** 100: each period is three queries. */
const periodsMax = 100
const requests = `${httpServerRequestDurationSeconds.name}_count`
const platformApi = `job="${platformJob}"`

const errors: Report = {
  path: 'system/errors',
  dashboard,
  summary: 'Requests and errors by period (getErrors)',
  description:
    "From Prometheus, by increase() over each period: its extrapolation makes these figures close, not exact. errors are answers of 500 and above of the platform's API; types are errors that services reported. Null where Prometheus has nothing.",
  parameters: { period: true },
  item: { ...bucketProperties, requests: numberOrNull, errors: numberOrNull, error_rate: numberOrNull },
  more: {
    types: Type.Array(Type.Object({ period: text, service: text, error_type: text, errors: Type.Number() })),
  },
  load: async (read, sources) => {
    const buckets = await sources.calendar(read.asked)
    if (buckets.length > periodsMax)
      throw badField(
        'period',
        `gives ${buckets.length} rows; expected at most ${periodsMax}, so a longer period or a shorter range`,
      )
    const items: Row[] = []
    const types: Row[] = []
    for (const bucket of buckets) {
      const seconds = Math.max(1, Math.round((Date.parse(bucket.to) - Date.parse(bucket.from)) / 1_000))
      const found = await errorsIn(sources, new Date(bucket.to), seconds)
      items.push({ ...bucket, ...found.counts })
      for (const type of found.types) types.push({ period: bucket.period, ...type })
    }
    return { as_of: null, types, items }
  },
}

async function errorsIn({ prometheus }: Sources, at: Date, seconds: number) {
  const grown = (selector: string) => `sum(increase(${selector}[${seconds}s]))`
  const [all, bad, types] = await Promise.all([
    prometheus.query(grown(`${requests}{${platformApi}}`), at),
    prometheus.query(grown(`${requests}{${platformApi}, http_response_status_code=~"5.."}`), at),
    prometheus.query(sumBy(['service', 'error_type'], `increase(${series(errorsTotal)}[${seconds}s])`), at),
  ])
  const [total, failed] = [all[0]?.value ?? null, bad[0]?.value ?? null]
  const counted = failed ?? (total === null ? null : 0)
  return {
    counts: {
      requests: total,
      errors: counted,
      error_rate: total === null || total === 0 || counted === null ? null : counted / total,
    },
    types: types.flatMap(({ labels, value: n }) =>
      n > 0 ? [{ service: labels.service ?? '', error_type: labels.error_type ?? '', errors: n }] : [],
    ),
  }
}

export const system: readonly Report[] = [health, jobs, errors]
