import { collectDefaultMetrics, Gauge, Histogram, type OpenMetricsContentType, Registry } from 'prom-client'
import { exporterBuildInfo, exporterLeader, exporterRefreshDurationSeconds } from '../../catalogue/exporter.ts'
import { httpServerRequestDurationSeconds } from '../../catalogue/infrastructure.ts'
import { exemplarLabels } from '../../lib/tracing.ts'
import type { RefreshRun } from '../refresh/refresh.ts'

export type SelfMetrics = ReturnType<typeof createSelfMetrics>

/** Names end in _total though they are gauges, which promtool's linter rightly dislikes. */
const disliked = /^nodejs_active_.*_total$/

/** What the exporter measures of itself: the process, its requests, its version, whether it leads. */
export function createSelfMetrics(options: { version: string; leads: () => boolean }) {
  // Of this kind are those whose histograms may have exemplars; in which format they are written is decided elsewhere.
  const registry = new Registry<OpenMetricsContentType>()
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  for (const { name } of registry.getMetricsAsArray()) {
    if (disliked.test(name)) registry.removeSingleMetric(name)
  }
  new Gauge({
    name: exporterBuildInfo.name,
    help: exporterBuildInfo.help,
    labelNames: Object.keys(exporterBuildInfo.labels),
    registers,
  }).set({ version: options.version, node_version: process.versions.node }, 1)
  new Gauge({
    name: exporterLeader.name,
    help: exporterLeader.help,
    registers,
    collect() {
      this.set(Number(options.leads()))
    },
  })
  const requestSeconds = new Histogram({
    name: httpServerRequestDurationSeconds.name,
    help: httpServerRequestDurationSeconds.help,
    labelNames: Object.keys(httpServerRequestDurationSeconds.labels),
    buckets: [...(httpServerRequestDurationSeconds.buckets ?? [])],
    enableExemplars: true,
    registers,
  })
  const refreshSeconds = new Histogram({
    name: exporterRefreshDurationSeconds.name,
    help: exporterRefreshDurationSeconds.help,
    labelNames: ['result'] as const,
    buckets: [...(exporterRefreshDurationSeconds.buckets ?? [])],
    enableExemplars: true,
    registers,
  })
  for (const result of exporterRefreshDurationSeconds.labels.result.values ?? []) refreshSeconds.zero({ result })
  const observeRefresh = ({ seconds, succeeded }: RefreshRun): void =>
    refreshSeconds.observe({
      labels: { result: succeeded ? 'success' : 'failure' },
      value: seconds,
      exemplarLabels: exemplarLabels(),
    })
  return { registry, requestSeconds, observeRefresh }
}
