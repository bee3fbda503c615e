/**
 * What a metric is. Pure data and types: collectors fill metrics, dashboards and rules query them, docs/metrics.md is
 * printed from them, and a name or a label that does not exist does not compile.
 */

import type { View } from './views.ts'

/**
 * Label values that come from the source and are bounded by keeping 20: each names the set that is kept in the store.
 * Sources are kept twice, since they are chosen by users for sign-ups and by visitors for the funnel.
 */
export const keptSets = [
  'country',
  'signup_source',
  'visit_source',
  'tier',
  'aspect_ratio',
  'failure_reason',
  'severity',
] as const
export type KeptSet = (typeof keptSets)[number]
export const keptMax = 20

export interface Label<Value extends string = string> {
  /** All values, where they are our own enumeration: such series are there from the start, at 0. */
  values?: readonly Value[]
  /** The set of kept values, where the values come from the source. */
  kept?: KeptSet
  /** The greatest number of values. */
  bound: number
}

export function oneOf<const Value extends string>(...values: readonly Value[]): Label<Value> {
  return { values, bound: values.length }
}

/** All values of a label that is our own enumeration. */
export function valuesOf<Value extends string>({ values }: Label<Value>): readonly Value[] {
  if (values === undefined) throw new Error('the label has no values of its own; expected one made by oneOf()')
  return values
}

/** A label from the source: 20 kept values, `other`, `unknown`, and whatever is always there (`free`). */
export function kept(set: KeptSet, ...always: readonly string[]): Label {
  return { kept: set, bound: keptMax + 2 + always.length }
}

/** A label whose values come from configuration or from outside, in a number that is known. */
export function atMost<Value extends string = string>(bound: number): Label<Value> {
  return { bound }
}

export type Labels = Readonly<Record<string, Label>>
export type MetricType = 'gauge' | 'counter' | 'histogram'
export type Unit = 'seconds' | 'bytes' | 'currency' | 'credits' | 'timestamp' | 'bool' | 'info' | UnitOfCount
type UnitOfCount =
  | 'users'
  | 'sessions'
  | 'characters'
  | 'images'
  | 'generations'
  | 'subscriptions'
  | 'changes'
  | 'payments'
  | 'refunds'
  | 'reports'
  | 'requests'
  | 'jobs'
  | 'workers'
  | 'events'
  | 'rows'
  | 'series'
  | 'errors'

/** Where a metric is scraped: the exporter's figures, its probes, the audit API, or the platform's own API. */
export type Exposition = 'figures' | 'probes' | 'self' | 'audit-api' | 'platform-api'

export interface Metric<Of extends Labels = Labels, Type extends MetricType = MetricType> {
  name: string
  type: Type
  unit: Unit
  /** One line, shown by Prometheus. */
  help: string
  /** What exactly is counted, with the choice made where another definition is known. */
  definition: string
  labels: Of
  /** The views it is computed from; empty for what is not computed from the database. */
  sources: readonly View[]
  /** The collector or probe that fills it. */
  owner: string
  exposition: Exposition
  /** `same`: every replica shows the same figure. `share`: each replica counts its part, so they are added. */
  replicas: 'same' | 'share'
  /** Upper bounds of a histogram, without +Inf. */
  buckets?: readonly number[]
  /** The greatest number of label combinations, where it is less than the product of the bounds. */
  combinationsMax?: number
  /**
   * Recorded for what shows it over time, by the hour or by its quarters: a query over 30 days reads each sample of each
   * series, whatever its step.
   */
  recorded?: { minutes: 15 | 60; labels?: Readonly<Record<string, string>> }
}

type Definition<Of extends Labels, Type extends MetricType> = Omit<
  Metric<Of, Type>,
  'labels' | 'definition' | 'replicas' | 'sources'
> & {
  labels?: Of
  definition?: string
  replicas?: Metric['replicas']
  sources?: readonly View[]
}

/** A metric with what was left out filled in: no labels, the help as definition, the same on all replicas. */
export function metric<const Type extends MetricType, const Of extends Labels = Record<never, Label>>(
  definition: Definition<Of, Type>,
): Metric<Of, Type> {
  return {
    ...definition,
    labels: definition.labels ?? ({} as Of),
    definition: definition.definition ?? definition.help,
    sources: definition.sources ?? [],
    replicas: definition.replicas ?? 'same',
  }
}

/** The labels a sample of this metric must have: our own enumerations by value, the rest as text. */
export type LabelsOf<Of> =
  Of extends Metric<infer L> ? { [Name in keyof L]: L[Name] extends Label<infer Value> ? Value : never } : never

/** Series of one metric at most: combinations of labels, times buckets, `+Inf`, sum and count for a histogram. */
export function seriesMax(of: Metric): number {
  const product = Object.values(of.labels).reduce((total, label) => total * label.bound, 1)
  const combinations = of.combinationsMax ?? product
  return of.type === 'histogram' ? combinations * ((of.buckets?.length ?? 0) + 3) : combinations
}
