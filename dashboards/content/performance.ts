import { generationDurationSeconds, generationFailures, generationsFinished } from '../../catalogue/content.ts'
import { queueJobs, waitingStates } from '../../catalogue/infrastructure.ts'
import { changeBy, overTime, partsOf, quantileOf, ratio, sumBy, value } from '../../catalogue/promql.ts'
import { generationSuccessRatio } from '../../catalogue/slo.ts'
import { hoursOf } from '../../catalogue/windows.ts'
import { barGauge, heatmap } from '../charts.ts'
import { higherIsBetter } from '../colors.ts'
import { timeseries } from '../panels.ts'
import { filter } from '../queries.ts'
import { chosen } from './generations.ts'

const ofMachine = filter('type', 'quality')
const { bucket, sum, count } = partsOf(generationDurationSeconds)
const buckets = (window: string) => changeBy(['le'], bucket, ofMachine, window)
/** A figure of a whole day need not be asked for by the hour: a difference reads an hour of samples at each step. */
const dayStep = '6h'
const time = { unit: 's', noData: 'nothing succeeded' }
const share = { unit: 'percentunit', noData: 'nothing ended, or no figures of a day before yet' }

const successOver = (finished: typeof generationsFinished, window: string) =>
  ratio(
    changeBy(['type'], finished, { ...chosen, status: 'succeeded' }, window),
    changeBy(['type'], finished, { ...chosen, status: ['succeeded', 'failed'] }, window),
  )

export const durationOverTime = () =>
  timeseries({
    ...time,
    title: 'Duration',
    width: 12,
    step: dayStep,
    description: `Finished minus started of the generations that succeeded in the ${hoursOf('1d')} before each instant, of everyone, internal users too: mean, half and 95 of 100.`,
    queries: [
      { expression: quantileOf(0.5, buckets('1d')), legend: 'p50' },
      { expression: quantileOf(0.95, buckets('1d')), legend: 'p95' },
      {
        expression: ratio(changeBy([], sum, ofMachine, '1d'), changeBy([], count, ofMachine, '1d')),
        legend: 'mean',
      },
    ],
  })

export const durationHeatmap = () =>
  heatmap({
    ...time,
    title: 'Durations',
    width: 12,
    step: dayStep,
    description: 'How many generations succeeded in each stretch of time, by how long they took.',
    queries: [{ expression: buckets('$__interval'), legend: '{{le}}' }],
  })

export const successByType = () =>
  timeseries({
    ...share,
    title: 'Success rate by type',
    width: 12,
    step: dayStep,
    max: 1,
    description: `succeeded / (succeeded + failed) of the ${hoursOf('1d')} before each instant; cancelled in neither.`,
    queries: [{ expression: successOver(overTime(generationsFinished), '1d'), legend: '{{type}}' }],
  })

export const successByTypeNow = () =>
  barGauge({
    ...share,
    title: 'Success rate by type, range',
    width: 12,
    decimals: 1,
    description: 'succeeded / (succeeded + failed) of the generations that ended in the time range of the board.',
    queries: [{ expression: successOver(generationsFinished, '$__range'), legend: '{{type}}' }],
    thresholds: higherIsBetter(generationSuccessRatio),
  })

export const failureReasons = () =>
  timeseries({
    title: 'Failure reasons',
    width: 12,
    step: dayStep,
    unit: 'short',
    noData: 'nothing failed',
    stacked: true,
    description: `Generations that failed in the ${hoursOf('1d')} before each instant, by reason.`,
    queries: [
      {
        expression: `${changeBy(['reason'], generationFailures, filter('type'), '1d')}`,
        legend: '{{reason}}',
      },
    ],
  })

export const queueLength = () =>
  timeseries({
    title: 'Queue length',
    width: 12,
    unit: 'short',
    noData: 'no queue is watched',
    stacked: true,
    step: '1m',
    description: 'Jobs that wait for a worker, by queue, behind a pause too.',
    queries: [
      {
        expression: sumBy(['queue'], value(queueJobs, { state: waitingStates })),
        legend: '{{queue}}',
      },
    ],
  })
