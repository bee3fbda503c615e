import { currencyDecimals } from '../../catalogue/currencies.ts'
import type { KeptSet, Metric } from '../../catalogue/define.ts'
import type { Inputs } from '../../exporter/store/figure.ts'
import type { History, Instant, Rows } from './history.ts'

/**
 * The rules that all figures share, written a second time and differently: loops over rows in place of SQL, whole
 * microseconds in place of timestamps, fractions of whole numbers in place of decimals, Intl in place of Postgres' zones.
 */
export interface World {
  history: History
  inputs: Inputs
  /** Microseconds since 1970. */
  now: bigint
}

export function worldOf(history: History, inputs: Inputs): World {
  return { history, inputs, now: microseconds(inputs.asOf) }
}

const parsed = new Map<Instant, bigint>()

export function microseconds(instant: Instant): bigint {
  const known = parsed.get(instant)
  if (known !== undefined) return known
  const match = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?Z$/.exec(instant)
  if (match === null) throw new Error(`${instant} is no instant in UTC`)
  const result =
    BigInt(Date.parse(`${match[1]}T${match[2]}Z`)) * 1_000n + BigInt((match[3] ?? '').padEnd(6, '0').slice(0, 6))
  parsed.set(instant, result)
  return result
}

export function instantOf(time: bigint): Instant {
  const text = new Date(Number(time / 1_000n)).toISOString()
  return `${text.slice(0, 10)} ${text.slice(11, 23)}${String(time % 1_000n).padStart(3, '0')}Z`
}

export const hour = 3_600_000_000n

/** Sums by labels; the labels' values in the order in which the metric declares them. */
export class Tally {
  readonly cells = new Map<string, bigint>()
  add(labels: readonly string[], amount: number | bigint = 1): void {
    const key = JSON.stringify(labels)
    this.cells.set(key, (this.cells.get(key) ?? 0n) + BigInt(amount))
  }
}

/** What a metric should show: by labels, a number, or a histogram's numbers. */
export type Expected = Map<string, number | readonly number[]>
export interface ExpectedMetric {
  metric: Metric
  expected: Expected
}

export function counts(metric: Metric, tally: Tally): ExpectedMetric {
  return { metric, expected: new Map([...tally.cells].map(([key, value]) => [key, Number(value)])) }
}

/** Money from minor units; which label is the currency is told by its place. */
export function money(metric: Metric, tally: Tally, currencyAt: number): ExpectedMetric {
  const expected = [...tally.cells].map(([key, value]) => {
    const currency = (JSON.parse(key) as string[])[currencyAt] ?? ''
    return [key, Number(shifted(value, decimalsOf(currency)))] as const
  })
  return { metric, expected: new Map(expected) }
}

/** A whole number with a decimal point put in. */
export function shifted(value: bigint, decimals: number): string {
  const digits = String(value < 0n ? -value : value).padStart(decimals + 1, '0')
  const point = digits.length - decimals
  return `${value < 0n ? '-' : ''}${digits.slice(0, point)}.${digits.slice(point) || '0'}`
}

export const decimalsOf = (currency: string): number => currencyDecimals[currency] ?? 2
export const currencyOf = (row: { currency: string }): string => row.currency || 'unknown'

export function by(world: World, instant: Instant | null): instant is Instant {
  return instant !== null && microseconds(instant) <= world.now
}

export function userOf(world: World, id: number): Rows['users'] | undefined {
  return world.history.users.find((user) => user.user_id === id)
}

export const isInternal = (world: World, id: number): boolean => userOf(world, id)?.is_internal ?? false

export function isLive(world: World, user: Rows['users'] | undefined): user is Rows['users'] {
  if (user === undefined || user.is_internal) return false
  return by(world, user.created_at) && !by(world, user.deleted_at)
}

export const liveUsers = (world: World): Rows['users'][] => world.history.users.filter((user) => isLive(world, user))

const formats = new Map<string, Intl.DateTimeFormat>()

/** The local date as YYYY-MM-DD. */
export function dateOf(world: World, time: bigint): string {
  const { timezone } = world.inputs
  let format = formats.get(timezone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-CA', { timeZone: timezone, dateStyle: 'short' })
    formats.set(timezone, format)
  }
  return format.format(Number(time / 1_000n))
}

/** Days from one date to another. */
export function daysBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 86_400_000
}

function mondayOf(date: string): string {
  const day = new Date(date)
  day.setUTCDate(day.getUTCDate() - ((day.getUTCDay() + 6) % 7))
  return day.toISOString().slice(0, 10)
}

const hoursBack: Readonly<Record<string, bigint>> = { '1d': 24n, '7d': 168n, '30d': 720n }

export function isIn(world: World, window: string, instant: Instant | null): boolean {
  if (!by(world, instant)) return false
  const time = microseconds(instant)
  const back = hoursBack[window]
  if (back !== undefined) return time > world.now - back * hour
  if (window === 'ever') return true
  const date = dateOf(world, time)
  const today = dateOf(world, world.now)
  if (window === 'today') return date === today
  return window === 'week' ? mondayOf(date) === mondayOf(today) : date.slice(0, 7) === today.slice(0, 7)
}

/** The windows that a metric's label enumerates and the instant lies in. */
export function windowsOf(world: World, metric: Metric, instant: Instant | null): string[] {
  return (metric.labels.window?.values ?? []).filter((window) => isIn(world, window, instant))
}

export function fold(world: World, value: string | null, set: KeptSet): string {
  if (value === null || value === '' || value === 'unknown') return 'unknown'
  if (set === 'tier' && value === 'free') return 'free'
  return world.inputs.kept[set].includes(value) ? value : 'other'
}

export function foldOneOf(value: string, metric: Metric, label: string): string {
  return metric.labels[label]?.values?.includes(value) ? value : 'other'
}

/** Monthly value in minor units, as a fraction. */
export function monthly(row: Rows['subscriptions']): { over: bigint; under: bigint } {
  const amount = BigInt(row.amount_minor)
  const count = BigInt(row.interval_count)
  if (row.interval === 'month') return { over: amount, under: count }
  if (row.interval === 'year') return { over: amount, under: 12n * count }
  return { over: 52n * amount, under: 12n * count }
}

export function runsAt(row: Rows['subscriptions'], time: bigint): boolean {
  return microseconds(row.started_at) <= time && (row.ended_at === null || microseconds(row.ended_at) > time)
}

/** The dearest of some subscriptions by monthly value in major units, ties by tier. */
export function dearest(rows: readonly Rows['subscriptions'][]): Rows['subscriptions'] | undefined {
  return [...rows].sort((one, other) => {
    const [a, b] = [monthly(one), monthly(other)]
    const left = a.over * b.under * 10n ** BigInt(decimalsOf(other.currency))
    const right = b.over * a.under * 10n ** BigInt(decimalsOf(one.currency))
    if (left !== right) return left > right ? -1 : 1
    return one.tier < other.tier ? -1 : one.tier > other.tier ? 1 : 0
  })[0]
}

export function tierOf(world: World, id: number): string {
  const live = world.history.subscriptions.filter(
    (row) => row.user_id === id && runsAt(row, world.now) && ['active', 'past_due', 'trialing'].includes(row.status),
  )
  const chosen = dearest(live)
  return chosen === undefined ? 'free' : fold(world, chosen.tier, 'tier')
}
