import type { Metric } from '../../catalogue/define.ts'
import { overTime } from '../../catalogue/promql.ts'
import { renderHeader, renderName, renderNumber } from '../../lib/exposition.ts'
import { written } from '../store/written.ts'
import { type Hours, hourMs } from './hours.ts'
import type { HourlySeries } from './series.ts'
import type { Sink } from './sinks.ts'

export interface WriteOptions {
  hours: Hours
  sinks: readonly Sink[]
  /** Labels that every series gets, as Prometheus gives them when it scrapes. */
  labels: Readonly<Record<string, string>>
}

/**
 * Writes one family: OpenMetrics wants the samples of a family together, those of a label combination together, and their
 * timestamps in order. What the rules of Prometheus record of the metric goes with it: they know nothing of the past.
 * https://prometheus.io/docs/specs/om/open_metrics_spec/
 * @returns how many series and samples, without recorded ones
 */
export async function writeFamily(
  metric: Metric,
  all: AsyncIterable<HourlySeries> | Iterable<HourlySeries>,
  options: WriteOptions,
): Promise<{ series: number; samples: number }> {
  const { hours, sinks } = options
  const { name, type, help } = metric
  const header = renderHeader({ name, type, help }, 'openmetrics')
  const recorded = metric.recorded === undefined ? undefined : overTime(metric)
  for (const sink of sinks) {
    sink.add(header)
    if (recorded !== undefined) sink.addLater(renderHeader(recorded, 'openmetrics'))
  }
  const times = Array.from({ length: hours.count }, (_, place) => ` ${(hours.firstMs + place * hourMs) / 1_000}\n`)
  const count = { series: 0, samples: 0 }
  for await (const series of all) {
    const lines = linesOf(metric, series, options.labels)
    const recordedLines = recorded === undefined ? [] : linesOf(recorded, series, withoutReplica(options.labels))
    const isRecorded = Object.entries(recorded?.recorded?.labels ?? {}).every(
      ([name, text]) => series.labels[name] === text,
    )
    for (const sink of sinks) {
      const place = { times, first: sink.first, end: sink.end }
      sink.add(textOf(series, lines, place))
      if (isRecorded) sink.addLater(textOf(series, recordedLines, place))
      await sink.drain()
    }
    count.series += lines.length
    count.samples += lines.length * series.there.reduce((sum, one) => sum + one, 0)
  }
  return count
}

/** The rules take the greatest over replicas. */
function withoutReplica({ instance: _, pod: __, ...labels }: Readonly<Record<string, string>>): Record<string, string> {
  return labels
}

/** What stands before the value, and the column that the value is from. */
interface Line {
  start: string
  values: Float64Array
}

function linesOf(metric: Metric, series: HourlySeries, targetLabels: Readonly<Record<string, string>>): Line[] {
  const labels = { ...series.labels, ...targetLabels }
  const [first = new Float64Array()] = series.values
  if (metric.type !== 'histogram') {
    return [{ start: `${renderName({ name: metric.name, labels }, 'openmetrics')} `, values: first }]
  }
  const buckets = series.values.slice(0, -2)
  const [sum = first, count = first] = series.values.slice(-2)
  const columns = [...buckets, count, sum, count]
  const sample = { labels, buckets: buckets.map(() => 0), sum: 0, count: 0 }
  return written({ metric, samples: [sample] }).series.map((one, index) => ({
    start: `${renderName(one, 'openmetrics')} `,
    values: columns[index] ?? first,
  }))
}

function textOf(
  { there }: HourlySeries,
  lines: readonly Line[],
  { times, first, end }: { times: readonly string[]; first: number; end: number },
): string {
  let text = ''
  for (let place = first; place < end; place++) {
    if (there[place] !== 1) continue
    for (const { start, values } of lines) text += start + renderNumber(values[place] ?? 0) + times[place]
  }
  return text
}

export async function finish(sinks: readonly Sink[]): Promise<void> {
  for (const sink of sinks) await sink.close('# EOF\n')
}
