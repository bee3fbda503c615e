import type { Metric } from '../../../catalogue/define.ts'
import { seriesMax } from '../../../catalogue/define.ts'
import { collectors } from '../../../exporter/figures/index.ts'
import type { Family, Sample } from '../../../exporter/store/figure.ts'
import type { CollectorState } from '../../../exporter/store/snapshot.ts'

/** Series of one sample: buckets, +Inf, sum and count are a series each. */
const seriesEach = (metric: Metric): number => (metric.type === 'histogram' ? (metric.buckets?.length ?? 0) + 3 : 1)

/**
 * How many samples each metric of the collectors has, so that there are exactly so many series: each gets one more in turn
 * until it has all that it can have. So small metrics are whole and the rest is in those with many labels, as on a platform
 * that grows.
 * @throws where the catalogue has no room for so many
 */
function sampleCounts(seriesCount: number): ReadonlyMap<Metric, number> {
  const metrics = collectors.flatMap((collector) => collector.figures.map(({ metric }) => metric))
  const counts = new Map(metrics.map((metric) => [metric, 0]))
  let left = seriesCount
  while (left > 0) {
    const before = left
    for (const metric of metrics) {
      const count = counts.get(metric) ?? 0
      const each = seriesEach(metric)
      if (each > left || (count + 1) * each > seriesMax(metric)) continue
      counts.set(metric, count + 1)
      left -= each
    }
    if (left === before) throw new Error(`the catalogue has room for ${seriesCount - left} series, not ${seriesCount}`)
  }
  return counts
}

/** The labels of a metric's sample by its number: every combination once. */
function labelsOf(metric: Metric, number: number): Record<string, string> {
  let rest = number
  return Object.fromEntries(
    Object.entries(metric.labels).map(([name, { values, bound }]) => {
      const position = rest % bound
      rest = Math.floor(rest / bound)
      return [name, values?.[position] ?? `${name}-${position}`]
    }),
  )
}

/** A whole number below a million that looks like any, the same for the same two numbers. */
const scramble = (number: number, round: number): number => ((number + 1) * 2_654_435_761 + round * 40_503) % 1_000_003

function sampleOf(metric: Metric, number: number, round: number): Sample {
  const labels = labelsOf(metric, number)
  const count = scramble(number, round)
  if (metric.type !== 'histogram')
    return { labels, value: metric.unit === 'currency' || metric.unit === 'seconds' ? count / 100 : count }
  const bounds = metric.buckets ?? []
  const buckets = bounds.map((_, index) => Math.floor((count * (index + 1)) / (bounds.length + 1)))
  return { labels, buckets, sum: count * 1.37, count }
}

/** What a refresh would have found on a platform with exactly so many series; other values in each round. */
export function collectorStates(seriesCount: number, round: number, asOf: string): ReadonlyMap<string, CollectorState> {
  const counts = sampleCounts(seriesCount)
  return new Map(
    collectors.map(({ name, figures }) => {
      const families = figures.map(({ metric }): Family => {
        const samples = Array.from({ length: counts.get(metric) ?? 0 }, (_, number) => sampleOf(metric, number, round))
        return { metric, samples }
      })
      return [name, { enabled: true, success: true, durationSeconds: 0.01, asOf, families }] as const
    }),
  )
}
