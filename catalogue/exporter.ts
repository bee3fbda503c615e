import { atMost, metric, oneOf } from './define.ts'
import { views } from './views.ts'

const self = { exposition: 'self', type: 'gauge', owner: 'exporter' } as const
const collector = atMost(30)

export const exporterBuildInfo = metric({
  ...self,
  name: 'platform_exporter_build_info',
  unit: 'info',
  help: 'Always 1; the version of the exporter and of Node.',
  labels: { version: atMost(1), node_version: atMost(1) },
})

export const exporterCollectorEnabled = metric({
  ...self,
  name: 'platform_exporter_collector_enabled',
  unit: 'bool',
  help: 'Whether the views that the collector needs are there.',
  labels: { collector },
})

export const exporterCollectorSuccess = metric({
  ...self,
  name: 'platform_exporter_collector_success',
  unit: 'bool',
  help: 'Whether the last run of the collector succeeded.',
  labels: { collector },
})

export const exporterCollectorDurationSeconds = metric({
  ...self,
  name: 'platform_exporter_collector_duration_seconds',
  unit: 'seconds',
  help: 'How long the last run of the collector took.',
  labels: { collector },
})

export const exporterCollectorLastSuccessTimestampSeconds = metric({
  ...self,
  name: 'platform_exporter_collector_last_success_timestamp_seconds',
  unit: 'timestamp',
  help: 'The as_of of the samples that the collector shows.',
  labels: { collector },
})

export const snapshotTimestampSeconds = metric({
  ...self,
  name: 'platform_snapshot_timestamp_seconds',
  unit: 'timestamp',
  help: 'The instant (as_of) at which all business figures were computed, to the microsecond.',
})

export const exporterBacklogRows = metric({
  ...self,
  name: 'platform_exporter_backlog_rows',
  unit: 'rows',
  help: 'Rows of the view that changed and wait to be counted; 0 unless more changed at once than one refresh takes.',
  definition:
    'Rows that the last refresh found changed and left for later, and users, generations and so on whose contribution waits to be computed. While it is above 0 the figures over the view keep their last values, with their own as_of; others go on.',
  labels: { view: oneOf(...views) },
})

export const exporterLeader = metric({
  ...self,
  name: 'platform_exporter_leader',
  unit: 'bool',
  replicas: 'share',
  help: 'Whether this replica is the one that refreshes.',
})

export const exporterRefreshDurationSeconds = metric({
  ...self,
  name: 'platform_exporter_refresh_duration_seconds',
  type: 'histogram',
  unit: 'seconds',
  replicas: 'share',
  help: 'How long the refreshes of this replica took.',
  definition:
    'From the first statement to the commit of the snapshot, without the building of history. A refresh that wrote a snapshot is a success, whatever became of single collectors.',
  labels: { result: oneOf('success', 'failure') },
  buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
})

export const exporterRollupDriftRows = metric({
  ...self,
  name: 'platform_exporter_rollup_drift_rows',
  unit: 'rows',
  help: 'Rows of the store that the last reconcile found different from the views, and repaired.',
  labels: { collector },
})

export const exporterSeries = metric({
  ...self,
  name: 'platform_exporter_series',
  unit: 'series',
  help: 'Series that the collector shows.',
  labels: { collector },
})
