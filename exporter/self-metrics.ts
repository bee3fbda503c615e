import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { exporterBuildInfo, exporterLeader } from '../catalogue/exporter.ts'
import { httpServerRequestDurationSeconds } from '../catalogue/infrastructure.ts'

export type SelfMetrics = ReturnType<typeof createSelfMetrics>

/** Names end in _total though they are gauges, which promtool's linter rightly dislikes. */
const disliked = /^nodejs_active_.*_total$/

/** What the exporter measures of itself: the process, its requests, its version, whether it leads. */
export function createSelfMetrics(options: { version: string; leads: () => boolean }) {
  const registry = new Registry()
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
    registers,
  })
  return { registry, requestSeconds }
}
