import { atMost, metric, oneOf } from './define.ts'

const audit = { exposition: 'audit-api', owner: 'audit-api' } as const

export const auditEventsIngestedTotal = metric({
  ...audit,
  name: 'audit_events_ingested_total',
  type: 'counter',
  unit: 'events',
  replicas: 'share',
  help: 'Audit events received, by what became of them.',
  labels: { result: oneOf('stored', 'duplicate', 'conflict', 'rejected') },
})

export const auditUnsealedEvents = metric({
  ...audit,
  name: 'audit_unsealed_events',
  type: 'gauge',
  unit: 'events',
  help: 'Committed audit events that have no place in the chain yet.',
})

export const auditChainHeadSequence = metric({
  ...audit,
  name: 'audit_chain_head_sequence',
  type: 'gauge',
  unit: 'events',
  help: 'The sequence number of the newest sealed event.',
})

export const auditChainValid = metric({
  ...audit,
  name: 'audit_chain_valid',
  type: 'gauge',
  unit: 'bool',
  help: 'Whether the last verification found the chain whole.',
})

export const auditExportRowsTotal = metric({
  ...audit,
  name: 'audit_export_rows_total',
  type: 'counter',
  unit: 'rows',
  replicas: 'share',
  help: 'Rows of the audit log exported.',
})

export const auditExportDurationSeconds = metric({
  ...audit,
  name: 'audit_export_duration_seconds',
  type: 'histogram',
  unit: 'seconds',
  replicas: 'share',
  help: 'Duration of exports of the audit log.',
  buckets: [0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600],
})

export const errorsTotal = metric({
  ...audit,
  name: 'platform_errors_total',
  type: 'counter',
  unit: 'errors',
  replicas: 'share',
  help: 'Errors reported by the services of the platform; the 50 most frequent types, the rest is other.',
  definition:
    'Errors stored by POST /v1/errors; one that was sent again is counted once. A service and type reported three times in a day get a series of their own within a minute, the most frequent first, at 0, while there is room (50 types, 19 services); no count moves, so what came before stays in `other`. They keep it as long as the log (30 days) has an error of them.',
  labels: { service: atMost(20), error_type: atMost(51) },
  combinationsMax: 200,
})

export const adminAnalyticsEventsTotal = metric({
  ...audit,
  name: 'admin_analytics_events_total',
  type: 'counter',
  unit: 'events',
  replicas: 'share',
  help: 'What admins did with the dashboards.',
  labels: {
    event: oneOf(
      'admin_dashboard_viewed',
      'admin_analytics_filtered',
      'admin_analytics_exported',
      'admin_audit_log_viewed',
    ),
    dashboard: atMost(7),
  },
})
