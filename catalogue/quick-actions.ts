import { atMost, kept, metric, oneOf } from './define.ts'
import { hoursOf } from './windows.ts'

export const bugReportsOpen = metric({
  name: 'platform_bug_reports_open',
  type: 'gauge',
  unit: 'reports',
  exposition: 'figures',
  help: 'Bug reports that are open, by severity.',
  definition: 'Created by as_of, status open.',
  labels: { severity: kept('severity') },
  sources: ['bug_reports'],
  owner: 'bug-reports',
})

export const influencerRequestsPending = metric({
  name: 'platform_influencer_requests_pending',
  type: 'gauge',
  unit: 'requests',
  exposition: 'figures',
  help: 'Influencer requests that are pending.',
  definition: 'Created by as_of, status pending.',
  sources: ['influencer_requests'],
  owner: 'influencer-requests',
})

export const jobsFailed = metric({
  name: 'platform_jobs_failed',
  type: 'gauge',
  unit: 'jobs',
  exposition: 'probes',
  help: `Jobs in the queue's failed set that failed in the last ${hoursOf('1d')}.`,
  definition: 'By finishedOn. Jobs that removeOnFail took away are not there to be counted.',
  labels: { queue: atMost(20), window: oneOf('1d') },
  owner: 'queues',
})
