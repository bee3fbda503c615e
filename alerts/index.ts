import { dependencyAlerts } from './dependencies.ts'
import { figureAlerts } from './figures.ts'
import { metaAlerts } from './meta.ts'
import { queueAlerts } from './queues.ts'
import { recordedFiguresGroup, recordedRateGroups } from './recordings.ts'

/** Every group of rules; a file of the same name is generated for each. */
export const ruleGroups = [
  dependencyAlerts,
  queueAlerts,
  figureAlerts,
  metaAlerts,
  recordedFiguresGroup,
  ...recordedRateGroups,
]
