/**
 * Thresholds, once: the same constant colours the panel and fires the alert.
 */

/** How long something must be down before it pages; below it a restart goes unnoticed. */
export const hardDownFor = '30s'
/** A page is not taken back for a blip of good in the middle of an outage. */
export const keepFiringFor = '1m'

/**
 * Share of generations that succeed, of those that succeeded or failed in the last ten minutes. When all fail, 15 %
 * of the window is enough to fall below: 90 s, and with refresh, scrape, evaluation and `for` a page within 300 s.
 */
export const generationSuccessRatio = {
  warning: 0.95,
  critical: 0.85,
  generationsMin: 20,
  window: '10m',
  for: '1m',
} as const

/**
 * Seconds since the figures were computed; they come every 60 s. 210 and not 300: evaluation, `for` and group wait take
 * up to 65 s more, and a page within 300 s is promised.
 */
export const snapshotAgeSeconds = { warning: 120, critical: 210 } as const

/** Seconds since a probe ended; they come every 5 s, and RunPod's every 10. */
export const probeAgeSeconds = { critical: 30 }

/** How far the change of MRR over a day may be from that of its movements, as a share of MRR. */
export const mrrTolerance = { ratio: 0.01, window: '1d' } as const

/** Share of answers of the platform's API that are no error. */
export const apiAvailabilityRatio = { warning: 0.995, critical: 0.99 }

/** Seconds that the job which waited longest has waited. */
export const queueOldestWaitingSeconds = { warning: 60, critical: 300 }
