import {
  exporterCollectorEnabled,
  exporterCollectorSuccess,
  exporterRollupDriftRows,
  snapshotTimestampSeconds,
} from '../catalogue/exporter.ts'
import { value } from '../catalogue/promql.ts'
import { snapshotAgeSeconds } from '../catalogue/slo.ts'
import type { Panel, RuleGroup } from './define.ts'

const panel = (title: string): Panel => ({ board: 'barometer-exporter', title })

export const exporterAlerts: RuleGroup = {
  name: 'barometer-exporter',
  interval: '30s',
  alerts: [
    {
      name: 'SnapshotStale',
      severity: 'critical',
      component: 'exporter',
      for: '30s',
      // Not kept: figures that were computed are young for minutes.
      expression: `time() - ${value(snapshotTimestampSeconds)} > ${snapshotAgeSeconds.critical}`,
      summary: 'The business figures are old',
      description: `They were last computed more than ${snapshotAgeSeconds.critical} s ago, though they should be every minute.`,
      panel: panel('Age of the figures over time'),
    },
    {
      name: 'CollectorFailing',
      severity: 'warning',
      component: 'exporter',
      for: '5m',
      expression: `${value(exporterCollectorSuccess)} == 0 and on (environment, collector) ${value(exporterCollectorEnabled)} == 1`,
      summary: 'The collector {{ $labels.collector }} fails',
      description:
        "Its figures are the last good ones and go absent after STALE_AFTER. The exporter's log names the reason.",
      panel: panel('Collectors'),
    },
    {
      name: 'RollupDrift',
      severity: 'warning',
      component: 'exporter',
      // Until the next reconcile finds nothing: the figures were wrong, and are right again.
      expression: `${value(exporterRollupDriftRows)} > 0`,
      summary: 'The store of {{ $labels.collector }} had drifted from the views',
      description:
        'The last reconcile found rows of the store that differ from the views, and repaired them. What was shown before it was off by as much.',
      panel: panel('Collectors'),
    },
  ],
}
