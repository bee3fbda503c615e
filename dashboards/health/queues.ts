import {
  queueJobs,
  queueJobsFinishedTotal,
  queueOldestWaitingSeconds,
  queueWorkers,
  waitingStates,
} from '../../catalogue/infrastructure.ts'
import { averageOf, quantileOf, rate, ratio, sum, sumBy, value } from '../../catalogue/promql.ts'
import { jobsFailed } from '../../catalogue/quick-actions.ts'
import { queueProcessing, queueWait } from '../../catalogue/recordings.ts'
import { queueOldestWaitingSeconds as oldestLimits } from '../../catalogue/slo.ts'
import { hoursOf } from '../../catalogue/windows.ts'
import { lowerIsBetter, noneIsBest } from '../colors.ts'
import { stat, timeseries } from '../panels.ts'
import { live, recorded } from './states.ts'

const watched = { ...live, noData: 'no queue is watched' }

const times = { ...watched, ...recorded, width: 12, unit: 's' }

/** Mean and 95 of 100. */
const timesOf = ({ bucket, sum: seconds, count }: typeof queueWait) => [
  {
    expression: ratio(sum(averageOf(seconds, {}, '$__interval')), sum(averageOf(count, {}, '$__interval'))),
    legend: 'mean',
  },
  { expression: quantileOf(0.95, sumBy(['le'], averageOf(bucket, {}, '$__interval'))), legend: 'p95' },
]

export const queueLength = () =>
  timeseries({
    ...watched,
    title: 'Queue length',
    width: 12,
    unit: 'short',
    stacked: true,
    description:
      'Jobs that wait for a worker, by queue, behind a pause too; delayed jobs wait for their time, not for a worker.',
    queries: [
      {
        expression: sumBy(['queue'], value(queueJobs, { state: waitingStates })),
        legend: '{{queue}}',
      },
    ],
  })

export const processingRate = () =>
  timeseries({
    ...watched,
    title: 'Processing rate',
    width: 12,
    unit: 'ops',
    stacked: true,
    description: 'Jobs a second that completed and that failed, over all queues.',
    queries: [
      { expression: sumBy(['result'], rate(queueJobsFinishedTotal, {}, '$__rate_interval')), legend: '{{result}}' },
    ],
    names: ['completed', 'failed'],
  })

export const failedJobs = () =>
  stat({
    ...watched,
    title: 'Failed jobs, 24 h',
    width: 12,
    unit: 'short',
    description: `Jobs in the queue's failed set that failed in the last ${hoursOf('1d')}, by queue.`,
    queries: [{ expression: sumBy(['queue'], value(jobsFailed, { window: '1d' })), legend: '{{queue}}' }],
    thresholds: noneIsBest,
  })

export const oldestWaiting = () =>
  stat({
    ...watched,
    title: 'Waiting longest',
    width: 12,
    unit: 's',
    decimals: 0,
    description: 'Age of the job that has waited longest, by queue; 0 where none waits.',
    queries: [{ expression: sumBy(['queue'], value(queueOldestWaitingSeconds)), legend: '{{queue}}' }],
    thresholds: lowerIsBetter(oldestLimits),
  })

export const waitTime = () =>
  timeseries({
    ...times,
    title: 'Wait',
    noData: 'no job began',
    description:
      'Time from waiting to active, mean and 95 of 100, over all queues; delays and retry back-off are no waiting.',
    queries: timesOf(queueWait),
  })

export const processingTime = () =>
  timeseries({
    ...times,
    title: 'Processing',
    noData: 'no job ended',
    description: 'Time from active to finished, completed and failed alike, mean and 95 of 100, over all queues.',
    queries: timesOf(queueProcessing),
  })

export const workers = () =>
  timeseries({
    ...watched,
    title: 'Workers',
    width: 24,
    unit: 'short',
    description: 'Workers connected to each queue.',
    queries: [{ expression: sumBy(['queue'], value(queueWorkers)), legend: '{{queue}}' }],
  })
