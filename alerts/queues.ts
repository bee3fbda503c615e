import {
  queueJobs,
  queueJobsFinishedTotal,
  queueOldestWaitingSeconds,
  queuePaused,
  queueWorkers,
  takeableStates,
} from '../catalogue/infrastructure.ts'
import { rate, ratio, sumBy, value } from '../catalogue/promql.ts'
import {
  hardDownFor,
  jobFailureRatio,
  keepFiringFor,
  keepShareFiringFor,
  queueBacklog,
  queueStalledFor,
  queueWaitFor,
  queueOldestWaitingSeconds as waitLimits,
} from '../catalogue/slo.ts'
import { type Panel, type RuleGroup, recording } from './define.ts'
import { percent, secondsOf } from './words.ts'

const labels = ['environment', 'queue'] as const
const on = `on (${labels.join(', ')})`
const panel = (title: string): Panel => ({ board: 'barometer-health', title })

const active = sumBy(labels, value(queueJobs, { state: 'active' }))
const notPaused = `unless ${on} (${value(queuePaused)} == 1)`

/** Jobs that a worker could take at once. */
const waiting = recording(
  labels,
  queueJobs.name,
  'sum_waiting',
  sumBy(labels, value(queueJobs, { state: takeableStates })),
)

const { window: failureWindow, critical: failureMax, jobsMin, recovery } = jobFailureRatio
const ended = sumBy(labels, rate(queueJobsFinishedTotal, {}, failureWindow))
const failed = sumBy(labels, rate(queueJobsFinishedTotal, { result: 'failed' }, failureWindow))
const endedRate = recording(labels, queueJobsFinishedTotal.name, `rate${failureWindow}`, ended)
const failureRatio = recording(
  labels,
  queueJobsFinishedTotal.name,
  `ratio_failed_rate${failureWindow}`,
  ratio(failed, ended),
)

const endedLately = sumBy(labels, rate(queueJobsFinishedTotal, {}, recovery.window))
const failedLately = sumBy(labels, rate(queueJobsFinishedTotal, { result: 'failed' }, recovery.window))
/** Jobs still fail: what the longer window remembers is not over. */
const stillFailing = `${ratio(failedLately, endedLately)} > ${recovery.below}`

const { jobsMin: backlogMin, window: stretch, before } = queueBacklog
const least = `min_over_time(${waiting.name}[${stretch}])`
const mostBefore = `max_over_time(${waiting.name}[${stretch}] offset ${before})`

export const queueAlerts: RuleGroup = {
  name: 'barometer-queues',
  interval: '5s',
  recordings: [waiting, endedRate, failureRatio],
  alerts: [
    {
      name: 'QueueWorkersGone',
      severity: 'critical',
      component: 'queue',
      for: hardDownFor,
      keepFiringFor,
      expression: `(${waiting.name} > 0) and ${on} (${value(queueWorkers)} == 0) ${notPaused}`,
      summary: 'Jobs wait in the queue {{ $labels.queue }} and no worker is connected',
      description: 'For 30 s jobs have waited with nobody to take them. A paused queue does not fire this.',
      panel: panel('Workers'),
    },
    {
      name: 'QueueStalled',
      severity: 'critical',
      component: 'queue',
      for: queueStalledFor,
      keepFiringFor,
      expression: `(${waiting.name} > 0) and ${on} (${active} == 0) and ${on} (${value(queueWorkers)} > 0) ${notPaused}`,
      summary: 'The queue {{ $labels.queue }} stands still',
      description: 'Jobs wait, workers are connected, and for 2 minutes none has taken a job.',
      panel: panel('Queue length'),
    },
    {
      name: 'JobFailureRateHigh',
      severity: 'critical',
      component: 'queue',
      for: jobFailureRatio.for,
      keepFiringFor: keepShareFiringFor,
      expression: `${failureRatio.name} > ${failureMax} and ${on} ${endedRate.name} * ${secondsOf(failureWindow)} >= ${jobsMin} and ${on} ${stillFailing}`,
      summary: 'Too many jobs of the queue {{ $labels.queue }} fail',
      description: `Of the jobs that ended in the last ${failureWindow} more than ${percent(failureMax)} failed, out of ${jobsMin} at least. It ends with a minute in which less than ${percent(recovery.below)} do.`,
      panel: panel('Processing rate'),
    },
    {
      name: 'QueueBacklogGrowing',
      severity: 'warning',
      component: 'queue',
      for: queueBacklog.for,
      // Every moment of this stretch is above every moment of the one before: it grows, and does not just swing.
      expression: `${least} > ${backlogMin} and ${least} > ${mostBefore} ${notPaused}`,
      summary: 'The backlog of the queue {{ $labels.queue }} grows',
      description: `More than ${backlogMin} jobs wait, and at no moment of the last ${stretch} were there as few as in the ${stretch} that ended ${before} ago: more comes than is done.`,
      panel: panel('Queue length'),
    },
    {
      name: 'QueueWaitHigh',
      severity: 'warning',
      component: 'queue',
      for: queueWaitFor,
      expression: `${value(queueOldestWaitingSeconds)} > ${waitLimits.critical} ${notPaused}`,
      summary: 'A job of the queue {{ $labels.queue }} waits too long',
      description: `For ${queueWaitFor} the job that has waited longest has waited more than ${waitLimits.critical} s.`,
      panel: panel('Waiting longest'),
    },
  ],
}
