import { type DependencyAlert, dependencyAlertNames } from '../catalogue/dependencies.ts'
import type { Job } from '../catalogue/jobs.ts'

/** What an alert makes superfluous: nobody has to be told what follows from what they were told. */
export interface Inhibition {
  cause: string
  silences: readonly string[]
  /** Of TargetMissing, the targets of these jobs. */
  silencesTargetsOf?: readonly Job[]
}

const apiShares = [
  'ApiErrorRateHigh',
  'ApiAvailabilityBurnFast',
  'ApiAvailabilityBurnSlow',
  'ApiLatencyBurnFast',
  'ApiLatencyBurnSlow',
]
const queueAlerts = ['QueueWorkersGone', 'QueueStalled', 'QueueBacklogGrowing', 'QueueWaitHigh', 'JobFailureRateHigh']
const figures = ['SnapshotStale', 'CollectorFailing', 'GenerationSuccessRateLow', 'SignupsStopped', 'PaymentsStopped']

type Silences = Omit<Inhibition, 'cause'>

/**
 * What follows, by its cause; always within one environment. The alert of a dependency without a row here does not compile.
 */
const silencesOf = {
  DatabaseDown: {
    silences: [
      'ApiDown',
      'AuditApiDown',
      ...apiShares,
      ...figures,
      'QueueStalled',
      'JobFailureRateHigh',
      'AuditUnsealedLag',
    ],
    silencesTargetsOf: ['barometer-audit-api', 'platform-api'],
  },
  RedisDown: { silences: [...queueAlerts, 'ApiDown', ...apiShares], silencesTargetsOf: ['platform-api'] },
  StorageDown: { silences: ['JobFailureRateHigh', 'GenerationSuccessRateLow'] },
  ApiDown: { silences: apiShares, silencesTargetsOf: ['platform-api'] },
  // The same errors, which use up the budget later than they page.
  ApiErrorRateHigh: { silences: ['ApiAvailabilityBurnFast', 'ApiAvailabilityBurnSlow'] },
  NoGpuWorkers: {
    silences: [
      'QueueStalled',
      'QueueBacklogGrowing',
      'QueueWaitHigh',
      'JobFailureRateHigh',
      'GenerationSuccessRateLow',
    ],
  },
  // A generation is a job: if you know that jobs fail, you know why generations do.
  JobFailureRateHigh: { silences: ['GenerationSuccessRateLow'] },
  // Everything that the exporter measures.
  ExporterDown: {
    silences: [...dependencyAlertNames, 'ProbeStale', ...queueAlerts, 'GpuWorkerThrottled', 'GpuMemoryLow', ...figures],
    silencesTargetsOf: ['barometer-exporter', 'barometer-probes'],
  },
  AuditApiDown: { silences: ['AuditUnsealedLag'], silencesTargetsOf: ['barometer-audit-api'] },
} satisfies Record<DependencyAlert, Silences> & Record<string, Silences>

export const inhibitions: readonly Inhibition[] = Object.entries(silencesOf).map(([cause, of]) => ({ cause, ...of }))

/** What can be a cause: OutageEnding tells of these for a while after they have ended. */
export const outages = inhibitions.map(({ cause }) => cause)

type InhibitRule = { source_matchers: string[]; target_matchers: string[]; equal: string[] }

/** The rules as Alertmanager takes them; the last says that a critical alert silences the warnings of its component. */
export function inhibitRules(): InhibitRule[] {
  const equal = ['environment']
  const rules = inhibitions.flatMap(({ cause, silences, silencesTargetsOf = [] }) => {
    const targets = [[`alertname =~ "${silences.join('|')}"`]]
    if (silencesTargetsOf.length > 0)
      targets.push(['alertname = "TargetMissing"', `job =~ "${silencesTargetsOf.join('|')}"`])
    const sources = [[`alertname = "${cause}"`], ['alertname = "OutageEnding"', `cause = "${cause}"`]]
    return targets.flatMap((target_matchers) =>
      sources.map((source_matchers) => ({ source_matchers, target_matchers, equal })),
    )
  })
  const ofComponent = {
    source_matchers: ['severity = "critical"'],
    target_matchers: ['severity = "warning"'],
    equal: [...equal, 'component'],
  }
  return [...rules, ofComponent]
}
