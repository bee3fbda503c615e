import { type Label, type Metric, seriesMax } from '../../catalogue/define.ts'
import { catalogue, domains } from '../../catalogue/index.ts'

/** docs/metrics.md: the catalogue, to be read. */
export function renderMetricsPage(): string {
  const total = catalogue
    .filter((metric) => metric.exposition !== 'platform-api')
    .reduce((sum, metric) => sum + seriesMax(metric), 0)
  return `# Metrics

Every metric of Barometer, printed from the catalogue. Business figures are computed at one instant (\`as_of\`) and are
gauges: what happened in a stretch of time is a difference of two of them, never \`rate()\`. Labels from the source keep 20
values, the rest is \`other\`; NULL and the empty string are \`unknown\`. At most ${total} series in all.

${domains.map(({ title, metrics }) => `## ${title}\n\n${metrics.map(renderMetric).join('\n')}`).join('\n')}`
}

function renderMetric(metric: Metric): string {
  const facts = [
    `${metric.type}, ${metric.unit}`,
    `at most ${seriesMax(metric)} series`,
    metric.replicas === 'same' ? 'the same on every replica' : 'each replica counts its share',
    `from ${metric.sources.length > 0 ? metric.sources.map((view) => `\`${view}\``).join(', ') : metric.owner}`,
  ]
  const labels = Object.entries(metric.labels).map(([name, label]) => `- \`${name}\`: ${describe(label)}`)
  const buckets = metric.buckets === undefined ? [] : [`- buckets: ${metric.buckets.join(', ')}`]
  const list = [...labels, ...buckets]
  return `### \`${metric.name}\`

${metric.help}${metric.definition === metric.help ? '' : `\n\n${metric.definition}`}

${list.length > 0 ? `${list.join('\n')}\n\n` : ''}${facts.join(' · ')}
`
}

function describe(label: Label): string {
  if (label.values !== undefined) {
    const short = label.values.length > 12
    return short
      ? `\`${label.values[0]}\` to \`${label.values.at(-1)}\``
      : label.values.map((value) => `\`${value}\``).join(', ')
  }
  return label.kept === undefined ? `at most ${label.bound} values` : `from the source, at most ${label.bound} values`
}
