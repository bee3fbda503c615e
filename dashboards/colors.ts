/** Colours by meaning, the same on every board. */
export const colors = {
  primary: '#a855f7',
  secondary: '#ec4899',
  success: '#22c55e',
  warning: '#f59e0b',
  error: '#ef4444',
  // Readable on a dark board and on a light one.
  muted: '#8b8b8b',
} as const

/** The first colour holds below the first step, each other from its step on. */
export interface Thresholds {
  base: string
  steps: readonly { from: number; color: string }[]
}

/** Two limits of catalogue/slo.ts, below which it is worse. */
export function higherIsBetter(limits: { warning: number; critical: number }): Thresholds {
  return {
    base: colors.error,
    steps: [
      { from: limits.critical, color: colors.warning },
      { from: limits.warning, color: colors.success },
    ],
  }
}

/** Two limits of catalogue/slo.ts, from which on it is worse. */
export function lowerIsBetter(limits: { warning: number; critical: number }): Thresholds {
  return {
    base: colors.success,
    steps: [
      { from: limits.warning, color: colors.warning },
      { from: limits.critical, color: colors.error },
    ],
  }
}

/** Anything at all is wrong. */
export const noneIsBest: Thresholds = { base: colors.success, steps: [{ from: 1, color: colors.error }] }

/** 1 is up, 0 is down. */
export const upOrDown: Thresholds = { base: colors.error, steps: [{ from: 1, color: colors.success }] }

/** What a series of this name means wherever it is drawn; other names take a colour of Grafana's palette. */
export const meanings: Readonly<Record<string, string>> = {
  succeeded: colors.success,
  completed: colors.success,
  failed: colors.error,
  failure: colors.error,
  cancelled: colors.muted,
  new: colors.success,
  reactivation: colors.primary,
  reactivate: colors.primary,
  expansion: colors.secondary,
  upgrade: colors.secondary,
  contraction: colors.warning,
  downgrade: colors.warning,
  churn: colors.error,
  cancel: colors.error,
  purchased: colors.success,
  consumed: colors.primary,
  granted: colors.secondary,
  refunded: colors.warning,
  expired: colors.muted,
  nsfw: colors.secondary,
  sfw: colors.primary,
  hq: colors.primary,
  draft: colors.secondary,
  p50: colors.primary,
  mean: colors.muted,
  p95: colors.warning,
  p99: colors.error,
  visit: colors.muted,
  signup: colors.primary,
  first_generation: colors.success,
}
