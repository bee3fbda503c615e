import * as audit from './audit.ts'
import type { Label, Labels, Metric } from './define.ts'
import { catalogue } from './index.ts'
import * as infrastructure from './infrastructure.ts'
import { type Job, platformJob, scrapeSeconds } from './jobs.ts'
import { type Expression, overTime, type Recorded, rateOfSeries } from './promql.ts'

/**
 * What Prometheus records by rules, named `level:metric:operations` as is its custom: metrics of their own for the builder.
 */
export type Recording = Recorded<Metric>

/** Of the figures that are many, for what shows them over time. */
export const recordedFigures: readonly Recording[] = catalogue
  .filter(({ recorded }) => recorded !== undefined)
  .map((metric) => overTime(metric))

/** How often rates are recorded, in seconds. */
const rhythms = { '1m': 60, '5m': 300 } as const
export type Rhythm = keyof typeof rhythms

/**
 * What a recorded rate is over: from one recording to the next and a scrape before, so that what is counted between two scrapes is
 * in one of them, and the mean of the rates over any stretch is the rate of that stretch.
 */
const rangeOf = (job: Job, every: Rhythm): string => `${rhythms[every] + scrapeSeconds[job]}s`

interface RateOptions<Without extends string> {
  part?: 'bucket' | 'sum' | 'count'
  job: Job
  without?: readonly Without[]
  every?: Rhythm
}

type RateLabels<Of extends Labels, Without> = Omit<Of, Extract<Without, keyof Of>> & Record<'le', Label>

/** A rate of a counter or of a part of a histogram, without some labels. */
function rateOf<const Of extends Labels, const Without extends keyof Of & string = never>(
  of: Metric<Of, 'counter' | 'histogram'>,
  { part, job, without = [], every = '1m' }: RateOptions<Without>,
): Recorded<Metric<RateLabels<Of, Without>, 'gauge'>> {
  const name = part === undefined ? of.name : `${of.name}_${part}`
  const kept = Object.entries(of.labels).filter(([label]) => !without.some((each) => each === label))
  const le = part === 'bucket' ? { le: { bound: (of.buckets?.length ?? 0) + 1 } } : {}
  const labels = { ...Object.fromEntries(kept), ...le } as RateLabels<Of, Without>
  const range = rangeOf(job, every)
  return {
    ...of,
    ...{ type: 'gauge', labels },
    name: `${['job', ...Object.keys(labels)].join('_')}:${name}:rate${range}`,
    recordedBy: rateOfSeries(of, name, { job, range, without }),
  }
}

const { httpServerRequestDurationSeconds: requests } = infrastructure
const platform = { job: platformJob } as const

/** Of the platform's API: a histogram of hundreds of series, scraped every 15 s. */
export const requestRate = rateOf(requests, { ...platform, part: 'count', without: ['http_request_method'] })
export const requestBuckets = rateOf(requests, {
  ...{ ...platform, part: 'bucket' },
  without: ['http_request_method', 'http_route', 'http_response_status_code'],
})
const ofRoutes = ['http_request_method', 'http_response_status_code'] as const
/** For what is said of a whole range at once. */
export const requestBucketsOfRoutes = rateOf(requests, {
  ...{ ...platform, part: 'bucket', every: '5m' },
  without: ofRoutes,
})
/** The same as scraped in the last minutes, where nothing is recorded yet. */
export const newestBucketsOfRoutes: Expression = rateOfSeries(requests, `${requests.name}_bucket`, {
  ...{ ...platform, range: rangeOf(platform.job, '5m') },
  without: ofRoutes,
})

export const auditRequestBuckets = rateOf(requests, { job: 'barometer-audit-api', part: 'bucket', without: ofRoutes })

export const dependencyLatencyBuckets = rateOf(infrastructure.dependencyLatencySeconds, {
  ...{ job: 'barometer-probes', part: 'bucket' },
})

/** Over all queues. */
const ofQueues = (of: typeof infrastructure.queueWaitSeconds) => {
  const all = { job: 'barometer-probes', without: ['queue'] } as const
  return {
    bucket: rateOf(of, { ...all, part: 'bucket' }),
    sum: rateOf(of, { ...all, part: 'sum' }),
    count: rateOf(of, { ...all, part: 'count' }),
  }
}
export const queueWait = ofQueues(infrastructure.queueWaitSeconds)
export const queueProcessing = ofQueues(infrastructure.queueProcessingSeconds)

export const errorRate = rateOf(audit.errorsTotal, { job: 'barometer-audit-api' })

export const recordedRates: Readonly<Record<Rhythm, readonly Recording[]>> = {
  '1m': [
    requestRate,
    requestBuckets,
    auditRequestBuckets,
    dependencyLatencyBuckets,
    ...Object.values(queueWait),
    ...Object.values(queueProcessing),
    errorRate,
  ],
  '5m': [requestBucketsOfRoutes],
}
