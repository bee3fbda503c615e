import { generationDurationSeconds, generationFailures, generationsFinished } from '../../../catalogue/content.ts'
import type { Metric } from '../../../catalogue/define.ts'
import { mrrMovement, subscriptionChanges } from '../../../catalogue/revenue.ts'

/** What a series shows at an instant, in seconds since 1970. */
export type Movement = (at: number) => number

/** The stretch of time in which a world moves, in seconds since 1970. */
export interface Span {
  begins: number
  ends: number
}

/** Of a figure that moves in a span, what it is at its end. */
export interface Figure {
  metric: Metric
  labels: Readonly<Record<string, string>>
  value: number
  seed: number
}

/** A number in [0, 1) that looks like any, the same for the same two numbers. */
export function noise(seed: number, place: number): number {
  let mixed = Math.imul(seed ^ Math.imul(place, 0x9e3779b1), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35)
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 4_294_967_296
}

/** The seed of a series: the same for the same text. */
export function seedOf(text: string): number {
  let seed = 0x811c9dc5
  for (let index = 0; index < text.length; index++) seed = Math.imul(seed ^ text.charCodeAt(index), 0x01000193)
  return seed
}

const [minute, day, week] = [60, 86_400, 604_800]
/** 1970 began on a Thursday. */
const firstMonday = 4 * day

/** What is counted ever without a window that says so. */
const everMetrics = new Set<string>(
  [generationsFinished, generationFailures, generationDurationSeconds, mrrMovement, subscriptionChanges].map(
    ({ name }) => name,
  ),
)
/** What was counted ever had three quarters of its value when a world began. */
const shareAtFirst = 0.75

/** How a business figure comes to its value: what is counted ever rises, what a day counts begins at midnight, the rest wanders. */
export function movementOfFigure(figure: Figure, span: Span): Movement {
  const { metric, labels, value } = figure
  if (metric.unit === 'timestamp') return (at) => at
  if (metric.unit === 'bool' || metric.unit === 'info') return () => value
  if (labels.window === 'ever' || everMetrics.has(metric.name)) return rising(figure, span)
  const begins = beginningOf[labels.window ?? '']
  return begins === undefined ? wandering(figure, span) : sinceBeginning(figure, span, begins)
}

const beginningOf: Readonly<Record<string, (at: number) => number>> = {
  today: (at) => at - (at % day),
  week: (at) => at - ((at - firstMonday) % week),
  month: (at) => {
    const date = new Date(at * 1_000)
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1) / 1_000
  },
}

/** Never falls: noise moves an instant forward by less than the minute after which the next comes. */
function rising({ value, seed }: Figure, { begins, ends }: Span): Movement {
  const round = roundingDown(value)
  return (at) => {
    const share = (at - begins + noise(seed, at) * minute - minute) / (ends - begins)
    return round(value * (shareAtFirst + (1 - shareAtFirst) * share))
  }
}

function sinceBeginning({ value, seed }: Figure, { ends }: Span, begins: (at: number) => number): Movement {
  const round = roundingDown(value)
  const perSecond = value / (ends - begins(ends))
  return (at) => {
    const passed = at - begins(at)
    return round(Math.max(0, passed - noise(seed, at) * minute) * perSecond)
  }
}

/** A tenth less at first, a fiftieth more and less by the time of day, and a little by chance. */
function wandering({ value, seed }: Figure, { begins, ends }: Span): Movement {
  const round = roundingDown(value)
  return (at) => {
    const share = (at - begins) / (ends - begins)
    const byDay = Math.sin((2 * Math.PI * at) / day)
    return round(value * (0.9 + 0.1 * share) * (1 + 0.02 * byDay + 0.002 * noise(seed, Math.floor(at / (5 * minute)))))
  }
}

/** Whole numbers stay whole, money has its decimals. */
function roundingDown(value: number): (exact: number) => number {
  return Number.isInteger(value) ? Math.floor : (exact) => Math.floor(exact * 100) / 100
}

/** What our own processes count: so many a second since the span began. */
export function counting(perSecond: number, seed: number, span: Span, everySeconds: number): Movement {
  return (at) => Math.floor((at - span.begins + noise(seed, at) * everySeconds) * perSecond)
}

/** Something about a level that is another each time it is looked at; never below 0. */
export function about(level: number, seed: number): Movement {
  return (at) => Math.floor(level * (0.5 + noise(seed, at) * (1 + Math.sin((2 * Math.PI * at) / day) / 2)))
}
