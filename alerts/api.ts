import { httpServerRequestDurationSeconds as requests } from '../catalogue/infrastructure.ts'
import { platformJob } from '../catalogue/jobs.ts'
import { type Expression, rate, rateWithin, ratio, sumBy } from '../catalogue/promql.ts'
import {
  apiAvailabilityRatio,
  apiErrorRatio,
  apiLatencyRatio,
  type BurnRate,
  burnRates,
  burnRequestsMin,
  keepFiringFor,
  keepShareFiringFor,
} from '../catalogue/slo.ts'
import { type Panel, type Recording, type RuleGroup, recording } from './define.ts'
import { percent, secondsOf } from './words.ts'

const platform = { job: platformJob } as const
const failing = { ...platform, http_response_status_code: { matches: '5..' } } as const
const labels = ['environment'] as const
const panel = (title: string): Panel => ({ board: 'barometer-health', title })

const all = (range: string) => sumBy(labels, rate(requests, platform, range))
/** 0 where there was never an error, and so no such series. */
const errors = (range: string) => `(${sumBy(labels, rate(requests, failing, range))} or 0 * ${all(range)})`

const interval = '30s'
/** Requests a second of five minutes; every longer stretch is made of these, which reads little however long it is. */
const base = '5m'
const record = (operations: string, expression: Expression): Recording =>
  recording(labels, requests.name, operations, expression)
const total = record(`rate${base}`, all(base))
const failed = record(`errors_rate${base}`, errors(base))
const slow = record(
  `slow_rate${base}`,
  `clamp_min(${total.name} - ${sumBy(labels, rateWithin(requests, platform, base, apiLatencyRatio.seconds))}, 0)`,
)

/** The share of bad answers over one window. */
type Share = (window: string) => Recording
const sumOver = (of: Recording, window: string) => (window === base ? of.name : `sum_over_time(${of.name}[${window}])`)
const share =
  (what: string, bad: Recording): Share =>
  (window) =>
    record(`ratio_${what}_rate${window}`, ratio(sumOver(bad, window), sumOver(total, window)))
const errorShare = share('errors', failed)
const slowShare = share('slow', slow)

const rates: readonly BurnRate[] = [...burnRates.critical, ...burnRates.warning]
const windows = [...new Set(rates.flatMap(({ long, short }) => [short, long]))].sort(
  (one, other) => secondsOf(one) - secondsOf(other),
)

/** One of the burn rates is reached in both its windows, with requests enough to say so. */
function burns(of: Share, goal: number, among: readonly BurnRate[]): Expression {
  const parts = among.map(({ long, short, factor }) => {
    const limit = Number((factor * (1 - goal)).toFixed(4))
    const requested = `sum_over_time(${total.name}[${long}]) * ${secondsOf(interval)} >= ${burnRequestsMin}`
    // Of a window that reaches back before the first scrapes, the rest counts as good: a new installation has all its budget.
    const recorded = `clamp_max(count_over_time(${total.name}[${long}:${base}]) / ${secondsOf(long) / secondsOf(base)}, 1)`
    return `(${of(long).name} * ${recorded} > ${limit} and ${of(short).name} > ${limit} and ${requested})`
  })
  return parts.join(' or ')
}

const sentence = (what: string, goal: number, among: readonly BurnRate[]) =>
  `${what} use up the budget of a goal of ${percent(goal)} ${among
    .map(
      ({ long, short, factor }) =>
        `${factor === 1 ? '' : `${factor} times `}as fast as they may, over ${long} and ${short}`,
    )
    .join(', or ')}.`

const { window, critical, requestsMin, recovery } = apiErrorRatio
const stillFailing = `${ratio(errors(recovery.window), all(recovery.window))} > ${recovery.below}`
const availability = apiAvailabilityRatio.critical
const latency = apiLatencyRatio.critical
const tooSlow = `Answers slower than ${apiLatencyRatio.seconds} s`

/** Looked at more often than the burn rates, since it pages and ends within minutes. */
export const apiErrorAlerts: RuleGroup = {
  name: 'barometer-api-errors',
  interval: '10s',
  alerts: [
    {
      name: 'ApiErrorRateHigh',
      severity: 'critical',
      component: 'api',
      for: apiErrorRatio.for,
      keepFiringFor: keepShareFiringFor,
      expression: `${ratio(errors(window), all(window))} > ${critical} and ${all(window)} * ${secondsOf(window)} >= ${requestsMin} and ${stillFailing}`,
      summary: "The platform's API answers with errors",
      description: `Of the answers of the last ${window} more than ${percent(critical)} were 500 or above, out of ${requestsMin} at least. It ends with a minute of less than ${percent(recovery.below)}.`,
      panel: panel('Error rate'),
    },
  ],
}

export const apiAlerts: RuleGroup = {
  name: 'barometer-api',
  interval,
  recordings: [total, failed, slow, ...windows.flatMap((each) => [errorShare(each), slowShare(each)])],
  alerts: [
    {
      name: 'ApiAvailabilityBurnFast',
      severity: 'critical',
      component: 'api',
      keepFiringFor,
      expression: burns(errorShare, availability, burnRates.critical),
      summary: "The platform's API uses up its error budget fast",
      description: sentence('Errors', availability, burnRates.critical),
      panel: panel('Burn rate, 1 h'),
    },
    {
      name: 'ApiAvailabilityBurnSlow',
      severity: 'warning',
      component: 'api',
      expression: burns(errorShare, availability, burnRates.warning),
      summary: "The platform's API uses up its error budget",
      description: sentence('Errors', availability, burnRates.warning),
      panel: panel('Error budget left'),
    },
    {
      name: 'ApiLatencyBurnFast',
      severity: 'critical',
      component: 'api',
      keepFiringFor,
      expression: burns(slowShare, latency, burnRates.critical),
      summary: "Far too many answers of the platform's API are slow",
      description: sentence(tooSlow, latency, burnRates.critical),
      panel: panel('Response times'),
    },
    {
      name: 'ApiLatencyBurnSlow',
      severity: 'warning',
      component: 'api',
      expression: burns(slowShare, latency, burnRates.warning),
      summary: "More answers of the platform's API are slow than may be",
      description: sentence(tooSlow, latency, burnRates.warning),
      panel: panel('Response times'),
    },
  ],
}
