/**
 * Thresholds, once: the same constant colours the panel and fires the alert.
 */

/** How long something must be down before it pages; below it a restart goes unnoticed. */
export const hardDownFor = '30s'
/** A page is not taken back for a blip of good in the middle of an outage. */
export const keepFiringFor = '1m'

/** Share of generations that succeed, of those that succeeded or failed. */
export const generationSuccessRatio = { warning: 0.95, critical: 0.85, generationsMin: 20 }

/** Seconds since the figures were computed; they come every 60 s. */
export const snapshotAgeSeconds = { warning: 180, critical: 300 }

/** Seconds since a probe ended; they come every 5 s, and RunPod's every 10. */
export const probeAgeSeconds = { critical: 30 }

/** How far MRR may be from the sum of its movements. */
export const mrrToleranceRatio = 0.01

/** Share of answers of the platform's API that are no error. */
export const apiAvailabilityRatio = { warning: 0.995, critical: 0.99 }

/** Seconds that the job which waited longest has waited. */
export const queueOldestWaitingSeconds = { warning: 60, critical: 300 }
