import type { Metric } from '../../catalogue/define.ts'
import {
  exporterBacklogRows,
  exporterCollectorDurationSeconds,
  exporterCollectorEnabled,
  exporterCollectorLastSuccessTimestampSeconds,
  exporterCollectorSuccess,
  exporterRollupDriftRows,
  exporterSeries,
  snapshotTimestampSeconds,
} from '../../catalogue/exporter.ts'
import { views } from '../../catalogue/views.ts'
import type { Family, Sample } from '../store/figure.ts'
import { type CollectorState, type Snapshot, secondsOf } from '../store/snapshot.ts'

export interface FiguresOptions {
  nowMs: number
  staleAfterMs: number
  /** Whether the store cannot be reached, so that no collector can be said to succeed. */
  cutOff: boolean
}

export interface FiguresOfNowOptions {
  snapshot: () => Snapshot | undefined
  isCutOff: () => boolean
  staleAfterMs: number
  /** Milliseconds since 1970. */
  now: () => number
}

/** The families of now; the same array as long as they are the same, so that they need not be rendered anew. */
export function createFigures({ snapshot, isCutOff, staleAfterMs, now }: FiguresOfNowOptions): () => readonly Family[] {
  const nothing: readonly Family[] = []
  let known: { of: Snapshot; cutOff: boolean; stale: string; families: readonly Family[] } | undefined
  return () => {
    const [of, cutOff, nowMs] = [snapshot(), isCutOff(), now()]
    if (of === undefined) return nothing
    // By the clock alone, only this changes.
    const stale = [...of.collectors]
      .filter(([, state]) => isStale(state, { nowMs, staleAfterMs }))
      .map(([name]) => name)
    if (known?.of !== of || known.cutOff !== cutOff || known.stale !== stale.join()) {
      known = { of, cutOff, stale: stale.join(), families: familiesOf(of, { nowMs, staleAfterMs, cutOff }) }
    }
    return known.families
  }
}

/**
 * The families that a snapshot gives at a moment: its figures, where they are not too old to be shown, and how its
 * collectors stand. Pure: the same on every replica that is not cut off.
 */
export function familiesOf(snapshot: Snapshot, options: FiguresOptions): Family[] {
  const states = [...snapshot.collectors].map(([name, state]) => ({ name, state: withoutStale(state, options) }))
  const enabled = states.filter(({ state }) => state.enabled)
  const each = (metric: Metric, of: typeof states, value: (state: CollectorState) => number): Family => ({
    metric,
    samples: of.map(({ name, state }): Sample => ({ labels: { collector: name }, value: value(state) })),
  })
  return [
    ...states.flatMap(({ state }) => state.families),
    each(exporterCollectorEnabled, states, (state) => Number(state.enabled)),
    each(exporterCollectorSuccess, enabled, (state) => Number(state.success && !options.cutOff)),
    each(exporterCollectorDurationSeconds, enabled, (state) => state.durationSeconds),
    each(
      exporterCollectorLastSuccessTimestampSeconds,
      enabled.filter(({ state }) => state.asOf !== null),
      (state) => secondsOf(state.asOf ?? ''),
    ),
    each(exporterSeries, enabled, seriesOf),
    each(
      exporterRollupDriftRows,
      enabled.filter(({ state }) => state.driftRows !== undefined),
      (state) => state.driftRows ?? 0,
    ),
    {
      metric: exporterBacklogRows,
      samples: views.map((view): Sample => ({ labels: { view }, value: snapshot.backlog.get(view) ?? 0 })),
    },
    { metric: snapshotTimestampSeconds, samples: [{ labels: {}, value: secondsOf(snapshot.asOf) }] },
  ]
}

function withoutStale(state: CollectorState, options: FiguresOptions): CollectorState {
  return isStale(state, options) ? { ...state, families: [] } : state
}

/** Figures older than STALE_AFTER are absent: an old figure that looks new is worse than none. */
function isStale(state: CollectorState, { nowMs, staleAfterMs }: Omit<FiguresOptions, 'cutOff'>): boolean {
  return state.asOf === null || nowMs - secondsOf(state.asOf) * 1_000 > staleAfterMs
}

function seriesOf(state: CollectorState): number {
  return state.families.reduce((total, { metric, samples }) => {
    // Buckets, +Inf, sum and count are a series each.
    const each = metric.type === 'histogram' ? (metric.buckets?.length ?? 0) + 3 : 1
    return total + samples.length * each
  }, 0)
}
