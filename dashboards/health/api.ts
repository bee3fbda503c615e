import { platformJob } from '../../catalogue/jobs.ts'
import { averageOf, orZero, quantileOf, ratio, sum, sumBy } from '../../catalogue/promql.ts'
import {
  newestBucketsOfRoutes,
  requestBuckets,
  requestBucketsOfRoutes,
  requestRate,
} from '../../catalogue/recordings.ts'
import { apiAvailabilityRatio } from '../../catalogue/slo.ts'
import { colors, higherIsBetter } from '../colors.ts'
import { stat, timeseries } from '../panels.ts'
import { figureTable } from '../tables.ts'
import { recorded } from './states.ts'

const platform = { job: platformJob } as const
const failing = { ...platform, http_response_status_code: { matches: '5..' } } as const
const silent = { noData: 'the job platform-api is not scraped, or nobody asks it' }

const all = (range: string) => sum(averageOf(requestRate, platform, range))
const failed = (range: string) => orZero(sum(averageOf(requestRate, failing, range)))
const errorRatio = (range: string) => ratio(failed(range), all(range))
/** What may fail: the limit that pages. */
const budget = 1 - apiAvailabilityRatio.critical
const percent = (share: number) => `${Number((share * 100).toFixed(2))} %`

/** What was promised and how much of it is used up. */
export const apiBudget = () => [
  stat({
    ...recorded,
    ...silent,
    title: `Availability (goal ${percent(apiAvailabilityRatio.critical)})`,
    width: 8,
    unit: 'percentunit',
    decimals: 2,
    description: 'Answers of the platform’s API below 500 in the time range of the board, of all answers.',
    queries: [{ expression: `1 - ${errorRatio('$__range')}`, legend: 'availability', instant: true }],
    thresholds: higherIsBetter(apiAvailabilityRatio),
  }),
  stat({
    ...recorded,
    ...silent,
    title: 'Error budget left',
    width: 8,
    unit: 'percentunit',
    decimals: 1,
    description: `Of the ${percent(budget)} of answers that may be errors, what the time range of the board has left.`,
    queries: [{ expression: `1 - ${errorRatio('$__range')} / ${budget.toFixed(4)}`, legend: 'left', instant: true }],
    thresholds: {
      base: colors.error,
      steps: [
        { from: 0, color: colors.warning },
        { from: 0.5, color: colors.success },
      ],
    },
  }),
  stat({
    ...recorded,
    ...silent,
    title: 'Burn rate, 1 h',
    width: 8,
    unit: 'short',
    decimals: 2,
    description: 'How many times as fast as it may the last hour used up the error budget: above 1 the goal is missed.',
    queries: [{ expression: `${errorRatio('1h')} / ${budget.toFixed(4)}`, legend: 'times' }],
    thresholds: {
      base: colors.success,
      steps: [
        { from: 1, color: colors.warning },
        { from: 6, color: colors.error },
      ],
    },
  }),
]

export const apiRate = () =>
  timeseries({
    ...recorded,
    ...silent,
    title: 'Requests by route',
    width: 12,
    unit: 'reqps',
    stacked: true,
    description: 'Requests a second to the platform’s API.',
    queries: [
      { expression: sumBy(['http_route'], averageOf(requestRate, platform, '$__interval')), legend: '{{http_route}}' },
    ],
  })

export const apiErrors = () =>
  timeseries({
    ...recorded,
    ...silent,
    title: 'Error rate',
    width: 12,
    unit: 'percentunit',
    softMax: 0.01,
    color: colors.error,
    description: 'Answers of 500 and above, of all answers of the platform’s API.',
    queries: [{ expression: errorRatio('$__interval'), legend: 'errors' }],
  })

const buckets = sumBy(['le'], averageOf(requestBuckets, platform, '$__interval'))

export const apiLatency = () =>
  timeseries({
    ...recorded,
    ...silent,
    title: 'Response times',
    width: 12,
    unit: 's',
    description: 'Half, 95 and 99 of 100 requests were answered within this time.',
    queries: [
      { expression: quantileOf(0.5, buckets), legend: 'p50' },
      { expression: quantileOf(0.95, buckets), legend: 'p95' },
      { expression: quantileOf(0.99, buckets), legend: 'p99' },
    ],
  })

const byRoute = (matchers: typeof platform | typeof failing) =>
  sumBy(['http_route'], averageOf(requestRate, matchers, '$__range'))
/** What is recorded comes every five minutes: before that, what was scraped since the start. */
const bucketsInRange = `${averageOf(requestBucketsOfRoutes, platform, '$__range')} or ${newestBucketsOfRoutes}`
const ofRoute = (q: number) => quantileOf(q, sumBy(['http_route', 'le'], bucketsInRange))

export const apiRoutes = () =>
  figureTable({
    ...silent,
    title: 'Routes',
    width: 12,
    unit: 's',
    description: 'Requests a second, share of errors and response times of each route in the time range of the board.',
    queries: [
      { expression: byRoute(platform) },
      {
        expression: ratio(`(${byRoute(failing)} or 0 * ${byRoute(platform)})`, byRoute(platform)),
      },
      { expression: ofRoute(0.5) },
      { expression: ofRoute(0.95) },
      { expression: ofRoute(0.99) },
    ],
    joinBy: 'http_route',
    columns: [
      { field: 'http_route', text: 'Route' },
      { field: 'Value #A', text: 'Requests', unit: 'reqps', width: 110 },
      { field: 'Value #B', text: 'Errors', unit: 'percentunit', width: 90 },
      { field: 'Value #C', text: 'p50', unit: 's', width: 90 },
      { field: 'Value #D', text: 'p95', unit: 's', width: 90 },
      { field: 'Value #E', text: 'p99', unit: 's', width: 90 },
    ],
  })
