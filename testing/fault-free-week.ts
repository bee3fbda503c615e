import { auditChainHeadSequence, auditChainValid, auditUnsealedEvents } from '../catalogue/audit.ts'
import type { DependencyName } from '../catalogue/dependencies.ts'
import {
  exporterCollectorEnabled,
  exporterCollectorSuccess,
  exporterRollupDriftRows,
  snapshotTimestampSeconds,
} from '../catalogue/exporter.ts'
import { catalogue } from '../catalogue/index.ts'
import {
  dependencyLastProbeTimestampSeconds,
  dependencyUp,
  gpuJobs,
  gpuMemoryFreeBytes,
  gpuMemoryTotalBytes,
  gpuWorkers,
  httpServerRequestDurationSeconds,
  queueJobs,
  queueJobsFinishedTotal,
  queueOldestWaitingSeconds,
  queuePaused,
  queueWorkers,
} from '../catalogue/infrastructure.ts'
import { jobs, platformJob } from '../catalogue/jobs.ts'
import {
  alertmanagerNotificationsFailedTotal,
  notificationsDroppedTotal,
  ruleEvaluationFailuresTotal,
  up,
} from '../catalogue/prometheus.ts'

/** Time between samples of what is scraped live. */
export const sampleSeconds = 60
const daySeconds = 86_400

/** One series: its value at each instant, asked in order. */
interface Line {
  name: string
  labels: Record<string, string>
  at: (seconds: number) => number
}

/** How much life there is at an hour of the day, from 0.15 at night to 1. */
const liveliness = (seconds: number): number =>
  0.575 - 0.425 * Math.cos(((seconds % daySeconds) / daySeconds - 0.15) * 2 * Math.PI)

/** Whether the platform's API starts anew: a deploy at noon, gone for a minute, its counters at 0 after it. */
const inDeploy = (seconds: number): boolean => seconds % daySeconds >= 43_200 && seconds % daySeconds < 43_260

/**
 * What is scraped live in a week without faults, which no history of a platform holds: probes, queues, GPUs, the API's
 * requests, the audit API and the monitoring itself. A busy platform with what a good week has: days and nights, a deploy
 * a day, a few errors and slow answers, jobs that fail, RunPod that holds a worker back, one alert lost at a restart.
 * @param random from 0 to 1, for what is by chance
 * @returns OpenMetrics text, without its end
 */
export function* faultFreeWeek(options: {
  fromSeconds: number
  toSeconds: number
  random: () => number
}): Generator<string> {
  const { fromSeconds, toSeconds, random } = options
  for (const { name, labels, at } of lines(random)) {
    const text = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
    const series = `${name}{${text.join(',')}}`
    let part = `# TYPE ${name} unknown\n`
    for (let seconds = fromSeconds; seconds <= toSeconds; seconds += sampleSeconds) {
      const value = at(seconds)
      if (!Number.isNaN(value)) part += `${series} ${value} ${seconds}\n`
    }
    yield part
  }
}

function lines(random: () => number): Line[] {
  // OpenMetrics wants the series of one name together.
  return [
    ...probes(random),
    ...queues(random),
    ...gpus(random),
    ...requests(random),
    ...audit(random),
    ...self(random),
  ].sort((one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0))
}

const fixed = (name: string, labels: Record<string, string>, value: number): Line => ({ name, labels, at: () => value })

function probes(random: () => number): Line[] {
  const targets = {
    postgres: 'db:5432',
    redis: 'redis:6379',
    s3: 's3:443',
    api: 'main',
    comfyui: 'gpu-1',
    runpod: 'images',
  } satisfies Record<DependencyName, string>
  return Object.entries(targets).flatMap(([dependency, target]) => {
    const labels = { dependency, target, job: 'barometer-probes', instance: 'exporter' }
    return [
      fixed(dependencyUp.name, labels, 1),
      {
        ...{ name: dependencyLastProbeTimestampSeconds.name, labels },
        at: (seconds) => seconds - (dependency === 'runpod' ? 13 : 5) * random(),
      },
    ]
  })
}

function queues(random: () => number): Line[] {
  return ['generation', 'thumbnail'].flatMap((queue) => {
    const labels = { queue, job: 'barometer-probes', instance: 'exporter' }
    let waiting = 0
    const finished = (result: string, share: number): Line => {
      let total = 0
      return {
        ...{ name: queueJobsFinishedTotal.name, labels: { ...labels, result } },
        at: (seconds) => {
          for (let job = 0; job < 40 * liveliness(seconds); job += 1) total += random() < share ? 1 : 0
          return total
        },
      }
    }
    return [
      {
        ...{ name: queueJobs.name, labels: { ...labels, state: 'waiting' } },
        // Lots come at once and are worked off.
        at: (seconds) => {
          waiting = random() < 0.02 ? 150 : Math.max(0, waiting * 0.8 + 10 * (random() - 0.5) * liveliness(seconds))
          return Math.round(waiting)
        },
      },
      fixed(queueJobs.name, { ...labels, state: 'prioritized' }, 0),
      { ...{ name: queueJobs.name, labels: { ...labels, state: 'active' } }, at: () => 1 + Math.floor(4 * random()) },
      {
        ...{ name: queueOldestWaitingSeconds.name, labels },
        at: (seconds) => Math.round(90 * random() * liveliness(seconds)),
      },
      fixed(queueWorkers.name, labels, 4),
      fixed(queuePaused.name, labels, 0),
      finished('completed', 0.94),
      finished('failed', 0.06),
    ]
  })
}

function gpus(random: () => number): Line[] {
  const job = { job: 'barometer-probes', instance: 'exporter' }
  const serverless = { provider: 'runpod_serverless', endpoint: 'images', ...job }
  const worker = { worker: 'gpu-1', ...job }
  return [
    // At night there is nobody, and nothing to do.
    {
      ...{ name: gpuWorkers.name, labels: { ...serverless, state: 'running' } },
      at: (seconds) => Math.round(6 * (liveliness(seconds) - 0.2)),
    },
    fixed(gpuWorkers.name, { ...serverless, state: 'ready' }, 1),
    fixed(gpuWorkers.name, { ...serverless, state: 'throttled' }, 1),
    fixed(gpuWorkers.name, { provider: 'comfyui', endpoint: 'gpu-1', state: 'running', ...job }, 1),
    {
      ...{ name: gpuJobs.name, labels: { ...serverless, state: 'in_queue' } },
      at: (seconds) => Math.floor(3 * random() * liveliness(seconds)),
    },
    { ...{ name: gpuMemoryFreeBytes.name, labels: worker }, at: () => 24e9 * (0.08 + 0.5 * random()) },
    fixed(gpuMemoryTotalBytes.name, worker, 24e9),
  ]
}

function requests(random: () => number): Line[] {
  const labels = { job: 'platform-api', instance: 'api', http_request_method: 'GET', http_route: '/users/:id' }
  const { name } = httpServerRequestDurationSeconds
  /** A share of some 3 requests a second. */
  const counted = (part: string, own: Record<string, string>, share: number): Line => {
    let total = 0
    return {
      ...{ name: `${name}_${part}`, labels: { ...labels, ...own } },
      at: (seconds) => {
        if (inDeploy(seconds)) {
          total = 0
          return Number.NaN
        }
        total += Math.floor(sampleSeconds * 3 * liveliness(seconds) * share + random())
        return total
      },
    }
  }
  const code = (status: string) => ({ http_response_status_code: status })
  return [
    counted('bucket', { ...code('200'), le: '0.5' }, 0.97),
    counted('bucket', { ...code('404'), le: '0.5' }, 0.01),
    counted('count', code('200'), 0.98),
    counted('count', code('404'), 0.01),
    counted('count', code('500'), 0),
  ].map((line) => (line.labels.http_response_status_code === '500' ? rarely(line, random) : line))
}

/** An error in a hundred samples of some 60 requests each. */
function rarely(line: Line, random: () => number): Line {
  let total = 0
  return {
    ...line,
    at: (seconds) => {
      total = inDeploy(seconds) ? 0 : total + (random() < 0.15 ? 1 : 0)
      return inDeploy(seconds) ? Number.NaN : total
    },
  }
}

function audit(random: () => number): Line[] {
  const labels = { job: 'barometer-audit-api', instance: 'audit-api' }
  let head = 1_000
  return [
    fixed(auditChainValid.name, labels, 1),
    {
      ...{ name: auditChainHeadSequence.name, labels },
      at: (seconds) => {
        // Whatever waits is sealed before the next look.
        head += 1 + Math.floor(10 * liveliness(seconds) * random())
        return head
      },
    },
    // An event has its place a second after its commit: some wait only while some come.
    {
      ...{ name: auditUnsealedEvents.name, labels },
      at: (seconds) => Math.floor(20 * liveliness(seconds) * random()),
    },
  ]
}

function self(random: () => number): Line[] {
  const exporter = { job: 'barometer-exporter', instance: 'exporter' }
  const collectors = [
    ...new Set(catalogue.filter(({ exposition }) => exposition === 'figures').map(({ owner }) => owner)),
  ]
  const monitoring = { job: 'prometheus', instance: 'prometheus' }
  /** 0, and 1 from a moment of the second day on: one that is lost at a restart. */
  const once = (name: string, labels: Record<string, string>): Line => ({
    ...{ name, labels },
    at: (seconds) => (seconds % (7 * daySeconds) > daySeconds ? 1 : 0),
  })
  return [
    {
      ...{ name: snapshotTimestampSeconds.name, labels: exporter },
      at: (seconds) => seconds - (seconds % 60) - 2 * random(),
    },
    ...collectors.flatMap((collector) => [
      fixed(exporterCollectorSuccess.name, { ...exporter, collector }, 1),
      fixed(exporterCollectorEnabled.name, { ...exporter, collector }, 1),
      fixed(exporterRollupDriftRows.name, { ...exporter, collector }, 0),
    ]),
    ...[...jobs, 'prometheus', 'alertmanager'].map(
      (job): Line => ({
        ...{ name: up.name, labels: { job, instance: job } },
        at: (seconds) => (job === platformJob && inDeploy(seconds) ? 0 : 1),
      }),
    ),
    once(ruleEvaluationFailuresTotal.name, { ...monitoring, rule_group: 'rules' }),
    once(notificationsDroppedTotal.name, monitoring),
    once(alertmanagerNotificationsFailedTotal.name, {
      job: 'alertmanager',
      instance: 'alertmanager',
      integration: 'slack',
    }),
  ]
}
