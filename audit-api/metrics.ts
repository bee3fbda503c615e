import { Counter, Histogram } from 'prom-client'
import {
  adminAnalyticsEventsTotal,
  auditEventsIngestedTotal,
  auditExportDurationSeconds,
  auditExportRowsTotal,
  errorsTotal,
} from '../catalogue/audit.ts'
import { dashboardUids } from '../catalogue/dashboards.ts'
import { httpServerRequestDurationSeconds } from '../catalogue/infrastructure.ts'
import { addRequestSeconds, createServiceRegistry } from '../lib/service-metrics.ts'
import { createChainFigures } from './chain/figures.ts'

export type AuditMetrics = ReturnType<typeof createMetrics>

export function createMetrics() {
  const registry = createServiceRegistry()
  const registers = [registry]
  const results = auditEventsIngestedTotal.labels.result.values ?? []
  const ingested = new Counter({
    name: auditEventsIngestedTotal.name,
    help: auditEventsIngestedTotal.help,
    labelNames: ['result'],
    registers,
  })
  for (const result of results) ingested.inc({ result }, 0)
  const exportedRows = new Counter({ name: auditExportRowsTotal.name, help: auditExportRowsTotal.help, registers })
  const exportSeconds = new Histogram({
    name: auditExportDurationSeconds.name,
    help: auditExportDurationSeconds.help,
    buckets: [...(auditExportDurationSeconds.buckets ?? [])],
    registers,
  })
  const errors = new Counter({
    name: errorsTotal.name,
    help: errorsTotal.help,
    labelNames: ['service', 'error_type'] as const,
    registers,
  })
  const requestSeconds = addRequestSeconds(registry, httpServerRequestDurationSeconds)
  const analyticsEvents = new Counter({
    name: adminAnalyticsEventsTotal.name,
    help: adminAnalyticsEventsTotal.help,
    labelNames: ['event', 'dashboard'] as const,
    registers,
  })
  for (const dashboard of dashboardUids)
    for (const event of adminAnalyticsEventsTotal.labels.event.values ?? [])
      if (event !== 'admin_audit_log_viewed' || dashboard === 'barometer-audit')
        analyticsEvents.inc({ event, dashboard }, 0)
  return {
    registry,
    ingested,
    exportedRows,
    exportSeconds,
    errors,
    requestSeconds,
    analyticsEvents,
    chain: createChainFigures(registry),
  }
}
