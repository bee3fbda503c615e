import { dependencyAlerts } from './dependencies.ts'
import { figureAlerts } from './figures.ts'
import { metaAlerts } from './meta.ts'
import { queueAlerts } from './queues.ts'

/** Every group of rules; a file of the same name is generated for each. */
export const ruleGroups = [dependencyAlerts, queueAlerts, figureAlerts, metaAlerts] as const
