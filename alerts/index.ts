import { apiAlerts, apiErrorAlerts } from './api.ts'
import { auditAlerts } from './audit.ts'
import { contentAlerts } from './content.ts'
import { dependencyAlerts } from './dependencies.ts'
import { exporterAlerts } from './exporter.ts'
import { gpuAlerts } from './gpu.ts'
import { monitoringAlerts } from './monitoring.ts'
import { queueAlerts } from './queues.ts'
import { recordedFiguresGroup, recordedRateGroups } from './recordings.ts'
import { revenueAlerts } from './revenue.ts'
import { userAlerts } from './users.ts'

/** Every group of rules; a file of the same name is generated for each. */
export const ruleGroups = [
  dependencyAlerts,
  queueAlerts,
  gpuAlerts,
  apiErrorAlerts,
  apiAlerts,
  exporterAlerts,
  auditAlerts,
  contentAlerts,
  userAlerts,
  revenueAlerts,
  monitoringAlerts,
  recordedFiguresGroup,
  ...recordedRateGroups,
]
