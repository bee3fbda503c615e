import type { Metric } from '../../catalogue/define.ts'
import type { Series, Written } from '../../lib/exposition.ts'
import type { Family, Sample } from './figure.ts'

/** A family of the catalogue as it is written. */
export function written(family: Family): Written {
  const { name, type, help } = family.metric
  return { name, type, help, series: family.samples.flatMap((sample) => seriesOf(family.metric, sample)) }
}

function seriesOf(metric: Metric, sample: Sample): Series[] {
  const { labels } = sample
  if ('value' in sample) return [{ name: metric.name, labels, value: sample.value }]
  const buckets = (metric.buckets ?? []).map((le, index) => ({
    name: `${metric.name}_bucket`,
    labels: { ...labels, le: String(le) },
    value: sample.buckets[index] ?? 0,
  }))
  return [
    ...buckets,
    { name: `${metric.name}_bucket`, labels: { ...labels, le: '+Inf' }, value: sample.count },
    { name: `${metric.name}_sum`, labels, value: sample.sum },
    { name: `${metric.name}_count`, labels, value: sample.count },
  ]
}
