import { Gauge, Histogram } from 'prom-client'
import { exporterBuildInfo, exporterLeader, exporterRefreshDurationSeconds } from '../../catalogue/exporter.ts'
import { httpServerRequestDurationSeconds } from '../../catalogue/infrastructure.ts'
import { addProcessMetrics, addRequestSeconds, createServiceRegistry } from '../../lib/service-metrics.ts'
import { exemplarLabels } from '../../lib/tracing.ts'
import type { RefreshRun } from '../refresh/refresh.ts'

export type SelfMetrics = ReturnType<typeof createSelfMetrics>

/** What the exporter measures of itself: the process, its requests, its version, whether it leads. */
export function createSelfMetrics(options: { version: string; leads: () => boolean }) {
  const registry = createServiceRegistry()
  const registers = [registry]
  addProcessMetrics(registry)
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
  const requestSeconds = addRequestSeconds(registry, httpServerRequestDurationSeconds)
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
