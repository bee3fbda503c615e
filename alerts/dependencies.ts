import { type VitalName, vitalDependencies } from '../catalogue/dependencies.ts'
import {
  dependencyLastProbeTimestampSeconds,
  dependencyUp,
  gpuJobs,
  gpuWorkers,
  usableWorkerStates,
} from '../catalogue/infrastructure.ts'
import type { Job } from '../catalogue/jobs.ts'
import { up } from '../catalogue/prometheus.ts'
import { sumBy, value } from '../catalogue/promql.ts'
import { hardDownFor, keepFiringFor, probeAgeSeconds } from '../catalogue/slo.ts'
import type { Alert, Panel, RuleGroup } from './define.ts'

const hardDown = { severity: 'critical', for: hardDownFor, keepFiringFor } as const

const byEndpoint = ['environment', 'provider', 'endpoint'] as const
const serverless = { provider: 'runpod_serverless' } as const
const jobsWait = sumBy(byEndpoint, value(gpuJobs, { ...serverless, state: 'in_queue' }))
const workersThere = sumBy(byEndpoint, value(gpuWorkers, { ...serverless, state: usableWorkerStates }))
// Pods that are asked by address are meant to be there always. A pod that is gone tells no queue, so it needs no waiting job.
const podsThere = sumBy(['environment', 'provider'], value(gpuWorkers, { provider: 'comfyui', state: 'running' }))

const states: Panel = { board: 'barometer-health', title: 'State over time' }
const targets: Panel = { board: 'barometer-exporter', title: 'Targets' }

/** What the page says, by dependency. */
const words = {
  postgres: {
    component: 'database',
    summary: 'Postgres {{ $labels.target }} does not answer',
    description: 'A SELECT 1 has failed for 30 s. Nothing on the platform works without it.',
  },
  redis: {
    component: 'redis',
    summary: 'Redis {{ $labels.target }} does not answer',
    description: 'A PING has failed for 30 s. No job is queued or taken.',
  },
  s3: {
    component: 'storage',
    summary: 'The bucket at {{ $labels.target }} cannot be written or read',
    description: 'The bucket does not answer, or a canary could not be written, read back and deleted, for 30 s.',
  },
  api: {
    component: 'api',
    summary: "The platform's API {{ $labels.target }} does not answer",
    description: 'Its health address has given no answer, a time-out or a 5xx for 30 s.',
  },
} as const satisfies Record<VitalName, Pick<Alert, 'component' | 'summary' | 'description'>>

const downAlert = ({ name, alert }: (typeof vitalDependencies)[number]): Alert => ({
  ...hardDown,
  ...words[name],
  name: alert,
  expression: `${value(dependencyUp, { dependency: name })} == 0`,
  panel: states,
})

/** No replica of a job can be scraped, or there is none. One of several that is away is TargetMissing. */
const gone = (job: Job) =>
  `max by (environment, job) (${up.name}{job="${job}"}) == 0 or absent(${up.name}{job="${job}"})`

/** What the platform cannot do without. Evaluated every 5 s, so that a page is out within a minute. */
export const dependencyAlerts: RuleGroup = {
  name: 'barometer-dependencies',
  interval: '5s',
  alerts: [
    ...vitalDependencies.map(downAlert),
    {
      ...hardDown,
      name: 'NoGpuWorkers',
      component: 'gpu',
      expression: `((${jobsWait} > 0) unless on (${byEndpoint.join(', ')}) (${workersThere} > 0)) or ${podsThere} == 0`,
      summary: 'No GPU worker at {{ $labels.provider }}{{ with $labels.endpoint }} {{ . }}{{ end }}',
      description:
        'For 30 s jobs have waited at an endpoint with no worker ready, running or starting, or every always-on pod has been down. Scale to zero at rest does not fire this.',
      panel: { board: 'barometer-health', title: 'GPU workers by state' },
    },
    {
      ...hardDown,
      name: 'ProbeStale',
      component: 'exporter',
      expression: `time() - ${value(dependencyLastProbeTimestampSeconds)} > ${probeAgeSeconds.critical}`,
      summary: 'The probe of {{ $labels.dependency }} {{ $labels.target }} does not end',
      description: `For 30 s the last probe of it that ended has been more than ${probeAgeSeconds.critical} s old, so what is shown of it is old.`,
      panel: { board: 'barometer-health', title: 'Latency of probes, p95' },
    },
    {
      ...hardDown,
      name: 'ExporterDown',
      component: 'exporter',
      expression: gone('barometer-probes'),
      summary: 'The exporter cannot be scraped',
      description: 'Prometheus has reached no replica of it for 30 s: what it measures is not watched.',
      panel: targets,
    },
    {
      ...hardDown,
      name: 'AuditApiDown',
      component: 'audit',
      expression: gone('barometer-audit-api'),
      summary: 'The audit API cannot be scraped',
      description: 'Prometheus has reached no replica of it for 30 s: admin actions reported over HTTP are not taken.',
      panel: targets,
    },
  ],
}
