import { Counter, Histogram } from 'prom-client'
import { auditEventsIngestedTotal, auditExportDurationSeconds, auditExportRowsTotal } from '../../catalogue/audit.ts'
import type { ServiceRegistry } from '../../lib/service-metrics.ts'

export type EventMetrics = ReturnType<typeof createEventMetrics>

/** What is counted of events that come and go. */
export function createEventMetrics(registry: ServiceRegistry) {
  const registers = [registry]
  const ingested = new Counter({
    name: auditEventsIngestedTotal.name,
    help: auditEventsIngestedTotal.help,
    labelNames: ['result'],
    registers,
  })
  for (const result of auditEventsIngestedTotal.labels.result.values ?? []) ingested.inc({ result }, 0)
  const exportedRows = new Counter({ name: auditExportRowsTotal.name, help: auditExportRowsTotal.help, registers })
  const exportSeconds = new Histogram({
    name: auditExportDurationSeconds.name,
    help: auditExportDurationSeconds.help,
    buckets: [...(auditExportDurationSeconds.buckets ?? [])],
    registers,
  })
  return { ingested, exportedRows, exportSeconds }
}
