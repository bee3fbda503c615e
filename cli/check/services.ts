import { httpServerRequestDurationSeconds } from '../../catalogue/infrastructure.ts'
import { ownJobs, platformJob } from '../../catalogue/jobs.ts'
import type { Settings } from '../../lib/settings.ts'
import { messageOf } from '../../lib/user-error.ts'
import { hostAndPort } from '../../lib/variables.ts'
import type { Reading } from '../exposition.ts'
import { addressOf, getText, under } from '../http-get.ts'
import { queryPrometheus } from '../prometheus.ts'
import type { ServiceReport } from './report.ts'

/** The audit API, Prometheus and Alertmanager: whether they answer, and whether Prometheus has what rules need. */
export async function checkServices(settings: Settings, deadAlerts: readonly string[]): Promise<ServiceReport[]> {
  const reports = await Promise.all([
    checkAuditApi(settings),
    checkPrometheus(settings, deadAlerts),
    checkAlertmanager(settings),
  ])
  return reports.flat()
}

async function checkAuditApi(settings: Settings): Promise<ServiceReport[]> {
  const service = 'audit API'
  const { AUDIT_DATABASE_URL: database, AUDIT_TOKENS_FILE: tokens, AUDIT_LISTEN: listen } = settings
  if (database === undefined && tokens === undefined) return [off(service, 'AUDIT_DATABASE_URL')]
  const address = addressOf(listen)
  return [await reachable(service, address, 'readyz', 'AUDIT_LISTEN', 'ready')]
}

async function checkAlertmanager(settings: Settings): Promise<ServiceReport[]> {
  const { ALERTMANAGER_URL: address } = settings
  if (address === undefined) return [off('Alertmanager', 'ALERTMANAGER_URL')]
  return [await reachable('Alertmanager', address, '-/ready', 'ALERTMANAGER_URL', 'ready')]
}

async function checkPrometheus(settings: Settings, deadAlerts: readonly string[]): Promise<ServiceReport[]> {
  const { PROMETHEUS_URL: address } = settings
  const service = 'Prometheus'
  if (address === undefined) return [off(service, 'PROMETHEUS_URL')]
  const target = hostAndPort(address)
  let targets: Reading[]
  let requests: Reading[]
  try {
    targets = await queryPrometheus(address, 'PROMETHEUS_URL', 'min by (job) (up)')
    const series = `${httpServerRequestDurationSeconds.name}_count{job="${platformJob}"}`
    requests = await queryPrometheus(address, 'PROMETHEUS_URL', `count(${series})`)
  } catch (error) {
    return [{ service, target, status: 'broken', detail: messageOf(error) }]
  }
  const jobs = [...ownJobs.map((job) => jobReport(job, targets)), platformReport(targets, requests, deadAlerts)]
  return [{ service, target, status: 'ok', detail: 'answers queries' }, ...jobs]
}

function jobReport(job: string, targets: readonly Reading[]): ServiceReport {
  const found = targets.find(({ labels }) => labels.job === job)
  const common = { service: 'Prometheus job', target: job }
  if (found === undefined)
    return { ...common, status: 'warning', detail: 'no such job; expected one as in provisioning/prometheus' }
  if (found.value !== 1) return { ...common, status: 'warning', detail: 'a target of it is down; expected all up' }
  return { ...common, status: 'ok', detail: 'all targets up' }
}

/** The platform's own metrics: without them the alerts on its API can never fire. */
function platformReport(
  targets: readonly Reading[],
  requests: readonly Reading[],
  deadAlerts: readonly string[],
): ServiceReport {
  const report = jobReport(platformJob, targets)
  const missing =
    targets.every(({ labels }) => labels.job !== platformJob) || requests.every(({ value }) => value === 0)
  if (!missing) return report
  const why = targets.some(({ labels }) => labels.job === platformJob)
    ? `it shows no ${httpServerRequestDurationSeconds.name}`
    : 'no such job'
  const dead = deadAlerts.length === 0 ? 'the alerts on the API' : deadAlerts.join(', ')
  return { ...report, status: 'warning', detail: `${why}; without it these cannot fire: ${dead}` }
}

async function reachable(
  service: string,
  address: string,
  path: string,
  named: string,
  good: string,
): Promise<ServiceReport> {
  const target = hostAndPort(address)
  try {
    await getText(under(address, path), named, '*/*')
    return { service, target, status: 'ok', detail: good }
  } catch (error) {
    return { service, target, status: 'broken', detail: messageOf(error) }
  }
}

/** What is not configured. */
export function off(service: string, variable: string): ServiceReport {
  return { service, target: '–', status: 'off', detail: `${variable} is not set` }
}
