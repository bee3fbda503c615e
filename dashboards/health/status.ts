import { vitalDependencies } from '../../catalogue/dependencies.ts'
import { averageOf, quantileOf, sumBy } from '../../catalogue/promql.ts'
import { dependencyLatencyBuckets } from '../../catalogue/recordings.ts'
import { stateTimeline } from '../charts.ts'
import { upOrDown } from '../colors.ts'
import { upTexts } from '../panel-options.ts'
import { tiles, timeseries } from '../panels.ts'
import {
  dependencyState,
  gpuState,
  live,
  overallMeans,
  overallState,
  overallTexts,
  overallThresholds,
  queueState,
  recorded,
} from './states.ts'

const notProbed = { unit: 'short', noData: 'it is not probed' }

const states = [
  ...vitalDependencies.map(({ name, tile: { title, means } }) => ({ title, expression: dependencyState(name), means })),
  { title: 'Queue', expression: queueState, means: 'Every queue has a worker, or nothing that waits for one.' },
  { title: 'GPU', expression: gpuState, means: 'A GPU worker is there, or no job waits for one.' },
]

/** One for each, and one for all. */
export const statusTiles = () => [
  tiles({
    ...live,
    ...notProbed,
    title: 'Overall',
    width: 20,
    description: overallMeans,
    queries: [{ expression: overallState, legend: 'overall' }],
    mappings: overallTexts,
    thresholds: overallThresholds,
  }),
  ...states.map(({ title, expression, means }) =>
    tiles({
      ...live,
      ...notProbed,
      title,
      width: 4,
      description: means,
      queries: [{ expression, legend: title }],
      mappings: upTexts,
      thresholds: upOrDown,
    }),
  ),
]

export const stateOverTime = () =>
  stateTimeline({
    ...live,
    ...notProbed,
    title: 'State over time',
    width: 12,
    height: 9,
    description: `What was up and what was down at each time. ${states.map(({ title, means }) => `${title}: ${means}`).join(' ')}`,
    queries: states.map(({ title, expression }) => ({ expression, legend: title })),
    mappings: upTexts,
    thresholds: upOrDown,
  })

export const latencyOfDependencies = () =>
  timeseries({
    ...recorded,
    title: 'Latency of probes, p95',
    width: 12,
    height: 9,
    unit: 's',
    noData: 'nothing is probed',
    description:
      '95 of 100 probes took at most this long, failed and timed-out ones too; a probe is given up after 3 s.',
    queries: [
      {
        expression: quantileOf(
          0.95,
          sumBy(['dependency', 'target', 'le'], averageOf(dependencyLatencyBuckets, {}, '$__interval')),
        ),
        legend: '{{dependency}} {{target}}',
      },
    ],
  })
