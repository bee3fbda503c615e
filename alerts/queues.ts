import { queueJobs, queuePaused, queueWorkers } from '../catalogue/infrastructure.ts'
import { sumBy, value } from '../catalogue/promql.ts'
import { hardDownFor, keepFiringFor } from '../catalogue/slo.ts'
import type { RuleGroup } from './define.ts'

const waiting = sumBy(['environment', 'queue'], value(queueJobs, { state: ['waiting', 'prioritized'] }))
const active = sumBy(['environment', 'queue'], value(queueJobs, { state: 'active' }))
const on = 'on (environment, queue)'

export const queueAlerts: RuleGroup = {
  name: 'barometer-queues',
  interval: '5s',
  alerts: [
    {
      name: 'QueueWorkersGone',
      severity: 'critical',
      component: 'queue',
      for: hardDownFor,
      keepFiringFor,
      expression: `(${waiting} > 0) and ${on} (${value(queueWorkers)} == 0) unless ${on} (${value(queuePaused)} == 1)`,
      summary: 'Jobs wait in the queue {{ $labels.queue }} and no worker is connected',
      description: 'For 30 s jobs have waited with nobody to take them. A paused queue does not fire this.',
    },
    {
      name: 'QueueStalled',
      severity: 'critical',
      component: 'queue',
      for: '2m',
      keepFiringFor,
      expression: `(${waiting} > 0) and ${on} (${active} == 0) and ${on} (${value(queueWorkers)} > 0) unless ${on} (${value(queuePaused)} == 1)`,
      summary: 'The queue {{ $labels.queue }} stands still',
      description: 'Jobs wait, workers are connected, and for 2 minutes none has taken a job.',
    },
  ],
}
