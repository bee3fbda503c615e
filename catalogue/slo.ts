import type { RollingWindow } from './windows.ts'

/**
 * Thresholds, once: the same constant colours the panel and fires the alert.
 */

/** How long something must be down before it pages; below it a restart goes unnoticed. */
export const hardDownFor = '30s'
/** A page is not taken back for a blip of good in the middle of an outage. */
export const keepFiringFor = '1m'
/** What ends with a good minute has waited long enough by it; with Alertmanager's minute more than this is over 180 s. */
export const keepShareFiringFor = '30s'

/**
 * Share of generations that succeed, of those that succeeded or failed in the last ten minutes. When all fail, 15 %
 * of the window is enough to fall below: 90 s, and with refresh, scrape, evaluation and `for` a page within 300 s. A good
 * minute ends it, at once: the window would remember for almost ten, and figures that come every minute leave no time to
 * keep it within 180 s. Where 94 % succeed, as on a good day, one of 200 minutes with 90 generations is below 87.5 %, and
 * one of 20 below 90 %; `for` is longer than a minute, so that such a one does not page again. Of fewer than 30 one minute
 * is chance when 70 % succeed, so three must be good; when 80 % do it is chance up to 150, and it may page twice.
 * After two minutes in which most failed 75 % are no chance, however few: that is over at once.
 */
export const generationSuccessRatio = {
  warning: 0.95,
  critical: 0.85,
  generationsMin: 20,
  window: '10m',
  for: '75s',
  recovery: {
    ...{ from: 0.875, window: '1m', few: { generations: 30, window: '3m' } },
    outage: { below: 0.5, from: 0.75 },
  },
} as const

/**
 * Seconds since the figures were computed; they come every 60 s. 210 and not 300: evaluation, `for` and group wait take
 * up to 65 s more, and a page within 300 s is promised.
 */
export const snapshotAgeSeconds = { warning: 120, critical: 210 } as const

/**
 * Seconds since a probe ended. They come every 5 s, RunPod's every 10, and take 3 s at most: 15 s are never reached for
 * as long as `hardDownFor`, and with it a page is out within the minute.
 */
export const probeAgeSeconds = { critical: 15 } as const

/** How far the change of MRR over a day may be from that of its movements, as a share of MRR. */
export const mrrTolerance = { ratio: 0.01, window: '1d' } as const

/** Share of answers of the platform's API that are no error. The lower is the goal, whose budget is burnt. */
export const apiAvailabilityRatio = { warning: 0.995, critical: 0.99 }

/** Share of the platform's API's answers that come within the time; the time is a bucket's bound. */
export const apiLatencyRatio = { critical: 0.95, seconds: 0.5 } as const

/**
 * Share of errors of the API that pages at once. A burn rate of 14.4 needs 8.6 minutes at a goal of 99 % when everything
 * fails; this needs 2. Below the minimum a single error would be a high share. A good minute ends it.
 */
export const apiErrorRatio = {
  critical: 0.1,
  requestsMin: 30,
  window: '2m',
  for: '1m',
  recovery: { below: 0.05, window: '1m' },
} as const

/** A burn rate, and over how long: the short window takes the page back when it is over. */
export interface BurnRate {
  long: '1h' | '6h' | '1d' | '3d'
  short: '5m' | '30m' | '2h' | '6h'
  factor: number
}

/**
 * How many times as fast as it may the error budget of 30 days is used up: 14.4 for an hour is 2 % of it, 6 for six hours
 * 5 %, 3 for a day and 1 for three days 10 %. https://sre.google/workbook/alerting-on-slos/
 */
export const burnRates = {
  critical: [
    { long: '1h', short: '5m', factor: 14.4 },
    { long: '6h', short: '30m', factor: 6 },
  ],
  warning: [
    { long: '1d', short: '2h', factor: 3 },
    { long: '3d', short: '6h', factor: 1 },
  ],
} as const satisfies Record<string, readonly BurnRate[]>
/** Requests in the long window below which a share says nothing. */
export const burnRequestsMin = 100

/** Seconds that the job which waited longest has waited. */
export const queueOldestWaitingSeconds = { warning: 60, critical: 300 }
/** How long the oldest job waits too long before it is said. */
export const queueWaitFor = '5m'
/** How long jobs wait with workers there and none active. */
export const queueStalledFor = '2m'
/** Waiting jobs below which a backlog is none, and which stretch is compared with the one that ended how long before. */
export const queueBacklog = { jobsMin: 100, window: '15m', before: '20m', for: '10m' } as const

/**
 * Share of jobs that fail, of those that ended. When all fail, a quarter of the window is enough: 75 s. A good minute ends
 * it: the window would remember for almost five.
 */
export const jobFailureRatio = {
  critical: 0.25,
  jobsMin: 10,
  window: '5m',
  for: '1m',
  recovery: { below: 0.125, window: '1m' },
} as const

/** RunPod holds workers back for a while every day; below this it passes by itself. */
export const gpuThrottledFor = '10m'
/** Share of a GPU's memory that is free. A loaded model fills most of it, so only what is nearly nothing counts. */
export const gpuMemoryFreeRatio = { warning: 0.05, for: '15m' } as const

/**
 * Sealing takes a second. More than this many events without a place, or a head that does not move though events wait,
 * is a sealer that does not work.
 */
export const auditUnsealed = { eventsMax: 10_000, window: '5m', for: '5m' } as const

/** How long ago the same hours of last week were. */
export const lastWeek: RollingWindow = '7d'
/** Sign-ups and payments against the same hours of last week; below the minimum of then, nothing is said. */
export const signupsStopped = { ratio: 0.1, signupsMin: 20, window: '3h', for: '15m' } as const
export const paymentsStopped = { ratio: 0.1, paymentsMin: 20, window: '6h', for: '15m' } as const

/** The last day against the mean of the seven days before it. */
export const spikeWindows = { recent: '1d', before: '7d' } as const satisfies Record<string, RollingWindow>
export const refundSpike = { factor: 3, refundsMin: 20, for: '15m' } as const
export const creditsGrantedSpike = { factor: 3, creditsMin: 1_000, for: '15m' } as const

/**
 * How long a way for pages fails. A restart of either side loses one and counts within 5 minutes; only what goes on is
 * said.
 */
export const deliveryFor = '10m'

/** How long after an outage what follows from it is still taken to follow from it: windows of up to 5 minutes pass. */
export const outageTail = '5m'
