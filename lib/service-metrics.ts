import { collectDefaultMetrics, Histogram, type OpenMetricsContentType, Registry } from 'prom-client'

/** The registry of a service. Of this kind are those whose histograms may have exemplars. */
export type ServiceRegistry = Registry<OpenMetricsContentType>

/** Names end in _total though they are gauges, which promtool's linter rightly dislikes. */
const disliked = /^nodejs_active_.*_total$/

/** An empty registry. In which format its metrics are written is decided for each request. */
export function createServiceRegistry(): ServiceRegistry {
  const registry = new Registry<OpenMetricsContentType>()
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  return registry
}

/** Adds CPU, memory, event loop and garbage collection of this process. */
export function addProcessMetrics(registry: ServiceRegistry): void {
  collectDefaultMetrics({ register: registry })
  for (const { name } of registry.getMetricsAsArray()) {
    if (disliked.test(name)) registry.removeSingleMetric(name)
  }
}

/** What the catalogue says of a histogram. */
export interface HistogramDefinition {
  name: string
  help: string
  labels: Readonly<Record<string, unknown>>
  buckets?: readonly number[]
}

/** Adds the histogram that `observeRequests` fills: every service has it under the same name. */
export function addRequestSeconds(registry: ServiceRegistry, definition: HistogramDefinition): Histogram<string> {
  return new Histogram({
    name: definition.name,
    help: definition.help,
    labelNames: Object.keys(definition.labels),
    buckets: [...(definition.buckets ?? [])],
    enableExemplars: true,
    registers: [registry],
  })
}
