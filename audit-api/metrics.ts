import { Counter, Histogram, Registry } from 'prom-client'
import {
  auditEventsIngestedTotal,
  auditExportDurationSeconds,
  auditExportRowsTotal,
  errorsTotal,
} from '../catalogue/audit.ts'
import { httpServerRequestDurationSeconds } from '../catalogue/infrastructure.ts'

export type AuditMetrics = ReturnType<typeof createMetrics>

export function createMetrics() {
  const registry = new Registry()
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
  const requestSeconds = new Histogram({
    name: httpServerRequestDurationSeconds.name,
    help: httpServerRequestDurationSeconds.help,
    labelNames: Object.keys(httpServerRequestDurationSeconds.labels),
    buckets: [...(httpServerRequestDurationSeconds.buckets ?? [])],
    registers,
  })
  return { registry, ingested, exportedRows, exportSeconds, errors, requestSeconds }
}
