import type { Label, Labels, LabelsOf, Metric } from './define.ts'
import { exporterCollectorSuccess, snapshotTimestampSeconds } from './exporter.ts'
import type { Job } from './jobs.ts'

/**
 * A small typed PromQL builder over the catalogue: a metric or a label that does not exist does not compile. Expressions
 * are texts with brackets where they are needed, so they can be put together freely.
 */
export type Expression = string

/** Exact values by label, or a pattern (`{ matches: '…' }`), or anything but a value. */
type Matcher<Value extends string> = Value | readonly Value[] | { matches: string } | { not: string }
export type Matchers<Of extends Metric> = {
  [Name in keyof LabelsOf<Of>]?: Matcher<Extract<LabelsOf<Of>[Name], string>>
}
/** Labels that Prometheus adds when it scrapes. */
type TargetMatchers = { job?: Job; instance?: string }

type CounterOrHistogram = Metric<Labels, 'counter' | 'histogram'>

function selectorOf(name: string, matchers: Readonly<Record<string, Matcher<string> | undefined>>): Expression {
  const pairs = Object.entries(matchers).flatMap(([label, matcher]) =>
    matcher === undefined ? [] : [`${label}${condition(matcher)}`],
  )
  return pairs.length === 0 ? name : `${name}{${pairs.join(', ')}}`
}

function condition(matcher: Matcher<string>): string {
  if (typeof matcher === 'string') return `=${JSON.stringify(matcher)}`
  if ('matches' in matcher) return `=~${JSON.stringify(matcher.matches)}`
  if ('not' in matcher) return `!=${JSON.stringify(matcher.not)}`
  return `=~${JSON.stringify(matcher.map(escapePattern).join('|'))}`
}

const escapePattern = (value: string): string => value.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** Every series of a metric as scraped, replicas and all. */
export function series<Of extends Metric>(of: Of, matchers: Matchers<Of> & TargetMatchers = {}): Expression {
  return selectorOf(of.name, matchers)
}

/** Every series of several metrics. */
export function anyOf(metrics: readonly Metric[]): Expression {
  const names = metrics.map(({ name }) => name)
  return names.length === 1 ? (names[0] ?? '') : `{__name__=~${JSON.stringify(names.join('|'))}}`
}

/** One value for each label combination, whatever number of replicas there is: the greatest, or their sum. */
export function value<Of extends Metric>(of: Of, matchers: Matchers<Of> & TargetMatchers = {}): Expression {
  const all = series(of, matchers)
  return isRecorded(of) ? `last_over_time(${all}[${of.recorded?.minutes ?? 5}m])` : acrossReplicas(of, all)
}

/** The same as it was some time ago, of what is scraped live: history has an hour between its samples. */
export function valueBefore<Of extends Metric>(
  of: Of,
  matchers: Matchers<Of> & TargetMatchers,
  ago: string,
): Expression {
  return acrossReplicas(of, `${series(of, matchers)} offset ${ago}`)
}

/** The least it was over a stretch of time, of what is scraped live. */
export function leastOver<Of extends Metric>(
  of: Of,
  matchers: Matchers<Of> & TargetMatchers,
  window: string,
): Expression {
  return acrossReplicas(of, `min_over_time(${series(of, matchers)}[${window}])`)
}

function acrossReplicas(of: Metric, expression: Expression): Expression {
  return isRecorded(of)
    ? expression
    : `${of.replicas === 'same' ? 'max' : 'sum'} without (instance, pod) (${expression})`
}

/** What a rule records: a metric of its own, without replicas. */
export type Recorded<Of extends Metric> = Of & { recordedBy: Expression }

const isRecorded = (of: Metric): of is Recorded<Metric> => 'recordedBy' in of

/**
 * What the rules record of a figure of many series, for panels that show it over time: what was scraped last before each hour,
 * or each quarter of an hour. Grafana lays the points of such panels on whole hours and days of the board's time zone, and these
 * are quarters of an hour in every zone.
 * @throws where the figure is not recorded
 */
export function overTime<Of extends Metric>(of: Of): Recorded<Of> {
  if (of.recorded === undefined)
    throw new Error(`${of.name} is not recorded; expected a metric of the catalogue that is`)
  const { minutes, labels = {} } = of.recorded
  const scraped = acrossReplicas(of, selectorOf(of.name, labels))
  const isLast = `minute() % ${minutes} == ${minutes - 1}`
  return { ...of, name: `job:${of.name}:max`, recordedBy: `${scraped} and on () (${isLast})` }
}

/** Increase a second of a counter of our own. Business figures are gauges and have no rate: see `change`. */
export function rate<Of extends CounterOrHistogram>(
  of: Of,
  matchers: Matchers<Of> & TargetMatchers,
  range: string,
): Expression {
  refuseFigure(of)
  const name = of.type === 'histogram' ? `${of.name}_count` : of.name
  return acrossReplicas(of, `rate(${selectorOf(name, matchers)}[${range}])`)
}

/** The same of the series of a counter or histogram by their name. */
export function rateOfSeries(
  of: CounterOrHistogram,
  name: string,
  options: { job: string; range: string; without: readonly string[] },
): Expression {
  refuseFigure(of)
  const { job, range, without } = options
  const all = acrossReplicas(of, `rate(${selectorOf(name, { job })}[${range}])`)
  return without.length === 0 ? all : `sum without (${without.join(', ')}) (${all})`
}

/** Of a rate that is recorded, that over a longer range. */
export function averageOf<Of extends Recorded<Metric>>(
  of: Of,
  matchers: Matchers<Of> & TargetMatchers,
  range: string,
): Expression {
  return `avg_over_time(${series(of, matchers)}[${range}])`
}

/** Observations a second of a histogram of our own that were at most a bucket's bound. */
export function rateWithin<Of extends Metric<Labels, 'histogram'>>(
  of: Of,
  matchers: Matchers<Of> & TargetMatchers,
  range: string,
  bound: number,
): Expression {
  refuseFigure(of)
  if (!of.buckets?.includes(bound)) throw new Error(`${of.name} has no bucket of ${bound}`)
  const selector = selectorOf(`${of.name}_bucket`, { ...matchers, le: String(bound) })
  return acrossReplicas(of, `rate(${selector}[${range}])`)
}

/** Quantile of a histogram of our own over a range, by the labels that are left. */
export function quantile<Of extends CounterOrHistogram>(
  q: number,
  of: Of,
  options: { matchers?: Matchers<Of> & TargetMatchers; range: string; by?: readonly (keyof LabelsOf<Of> & string)[] },
): Expression {
  refuseFigure(of)
  const buckets = `rate(${selectorOf(`${of.name}_bucket`, options.matchers ?? {})}[${options.range}])`
  return `histogram_quantile(${q}, ${sumBy(['le', ...(options.by ?? [])], acrossReplicas(of, buckets))})`
}

/** Mean of what a histogram of our own observed over a range, by the labels that are left; nothing where nothing was. */
export function mean<Of extends Metric<Labels, 'histogram'>>(
  of: Of,
  options: { matchers?: Matchers<Of> & TargetMatchers; range: string; by?: readonly (keyof LabelsOf<Of> & string)[] },
): Expression {
  refuseFigure(of)
  const part = (suffix: string) =>
    sumBy(
      options.by ?? [],
      acrossReplicas(of, `rate(${selectorOf(`${of.name}_${suffix}`, options.matchers ?? {})}[${options.range}])`),
    )
  return ratio(part('sum'), part('count'))
}

/**
 * What a histogram of the figures is made of, as figures of their own: of these there are differences, and a quantile
 * is taken of the differences of the buckets.
 */
export function partsOf<const Of extends Labels>(of: Metric<Of, 'histogram'>) {
  const part = (suffix: string) => ({ ...of, type: 'gauge', name: `${of.name}_${suffix}` }) as const
  const le: Label = { bound: (of.buckets?.length ?? 0) + 1 }
  return { bucket: { ...part('bucket'), labels: { ...of.labels, le } }, sum: part('sum'), count: part('count') }
}

/** Quantile of cumulative buckets, which have the label le. */
export function quantileOf(q: number, buckets: Expression): Expression {
  return `histogram_quantile(${q}, ${buckets})`
}

function refuseFigure(of: Metric): void {
  if (of.exposition === 'figures') {
    throw new Error(`${of.name} is computed from the database and can be corrected; expected change(), not rate()`)
  }
}

/**
 * What a business figure grew by over a stretch of time, exactly: where a series did not exist then, it was 0; where no
 * figures at all existed then, there is no answer. Backfilled history has a sample an hour, so the past is read with
 * last_over_time.
 */
export function change<Of extends Metric>(of: Of, matchers: Matchers<Of>, window: string): Expression {
  return difference(value(of, matchers), past(of, matchers, window), window)
}

/**
 * The same of a sum by labels: added before it is taken away, so that a series which is no more (a tier that lost its
 * last subscriber) counts with what it was.
 */
export function changeBy<Of extends Metric>(
  labels: readonly ('environment' | (keyof LabelsOf<Of> & string))[],
  of: Of,
  matchers: Matchers<Of>,
  window: string,
): Expression {
  return difference(sumBy(labels, value(of, matchers)), sumBy(labels, past(of, matchers, window)), window)
}

/**
 * What a sum by labels grew by in a stretch of time that ended some time ago, to compare with how it grows now: 3 h that
 * ended 7 d ago are the same hours of last week.
 */
export function changeBefore<Of extends Metric>(
  labels: readonly ('environment' | (keyof LabelsOf<Of> & string))[],
  of: Of,
  matchers: Matchers<Of>,
  { window, ago }: { window: string; ago: string },
): Expression {
  const at = (offset: string) => sumBy(labels, past(of, matchers, offset))
  const begin = addDurations(ago, window)
  return difference(at(ago), at(begin), begin)
}

/**
 * What a sum by labels grows by in the stretch of time that begins at each instant, as far as it has gone: for bars that
 * stand at the day they count, the last of them being today's. Only of what is counted ever: such a figure does not begin
 * anew at midnight. Looks ahead and at the end of the range, which Prometheus does from 2.33 on.
 *
 * The end of a stretch is read from one hour, as its beginning is, and from what is recorded where the figure is; the whole
 * stretch is read at the last instant alone, since at each of 30 days that would be every sample of 30 days.
 */
export function changeDuring<Of extends Metric>(
  labels: readonly ('environment' | (keyof LabelsOf<Of> & string))[],
  of: Of,
  matchers: Matchers<Of>,
  window: string,
): Expression {
  const last = (from: Of, range: string) =>
    sumBy(labels, acrossReplicas(from, `last_over_time(${series(from, matchers)}${range})`))
  const at = (range: string) => last(of.recorded === undefined ? of : overTime(of), range)
  const snapshot = (range: string) => `max(last_over_time(${snapshotTimestampSeconds.name}${range}))`
  const newest = `[${window}] @ end() offset -${window}`
  // The newest figures of this stretch are the newest of all.
  const isLast = `${snapshot(`[${window}] offset -${window}`)} == ${snapshot(newest)}`
  // In the last hour of a stretch its end is known, without what was counted before in the stretch and is no more.
  const lastHour = last(of, `[1h] @ end() offset -${window}`)
  const latest = `(${lastHour} or (${last(of, newest)} unless on () (${lastHour})))`
  const end = `((${latest} and on () (${isLast})) or ${at(`[1h] offset -${window}`)})`
  return `((${end} - (${at('[1h]')} or 0 * ${end})) and on () (${snapshot('[1h]')}))`
}

/** By which part a sum is greater or less than it was: 0.1 is a tenth more. Nothing where it was 0 or not there. */
export function growth<Of extends Metric>(of: Of, matchers: Matchers<Of>, window: string): Expression {
  return `(${ratio(sum(value(of, matchers)), sum(past(of, matchers, window)))} - 1)`
}

const unitHours = { h: 1, d: 24, w: 168 } as const

/** Two durations of whole hours, days or weeks as one, in hours. */
function addDurations(...durations: readonly string[]): string {
  const hours = durations.map((duration) => {
    const [, count, unit] = /^(\d+)([hdw])$/.exec(duration) ?? []
    if (unit === undefined) throw new Error(`${duration}; expected whole hours, days or weeks, such as 3h`)
    return Number(count) * unitHours[unit as keyof typeof unitHours]
  })
  return `${hours.reduce((sum, each) => sum + each, 0)}h`
}

function past<Of extends Metric>(of: Of, matchers: Matchers<Of>, window: string): Expression {
  return acrossReplicas(of, `last_over_time(${series(of, matchers)}[1h] offset ${window})`)
}

function difference(now: Expression, then: Expression, window: string): Expression {
  const existed = `count(last_over_time(${snapshotTimestampSeconds.name}[1h] offset ${window}))`
  return `(((${now}) - ((${then}) or 0 * (${now}))) and on () (${existed}))`
}

/**
 * An expression only where figures were already scraped some time ago, and not backfilled: the past of what is a state
 * now (the amount of a subscription, its status) is made of rows as they are now.
 */
export function whereScraped(expression: Expression, ago: string): Expression {
  return `((${expression}) and on () (count(last_over_time(${exporterCollectorSuccess.name}[1h] offset ${ago}))))`
}

export function sum(expression: Expression): Expression {
  return `sum(${expression})`
}

export function sumBy(labels: readonly string[], expression: Expression): Expression {
  return `sum by (${labels.join(', ')}) (${expression})`
}

export function minBy(labels: readonly string[], expression: Expression): Expression {
  return `min by (${labels.join(', ')}) (${expression})`
}

export function maxBy(labels: readonly string[], expression: Expression): Expression {
  return `max by (${labels.join(', ')}) (${expression})`
}

/** The greatest of them, at each instant. */
export function topmost(count: number, expression: Expression): Expression {
  return `topk(${count}, ${expression})`
}

/** One expression over another; nothing where the lower is 0. */
export function ratio(upper: Expression, lower: Expression): Expression {
  return `((${upper}) / ((${lower}) > 0))`
}

export function orZero(expression: Expression): Expression {
  return `((${expression}) or vector(0))`
}
