import { dependencyUp } from '../../catalogue/infrastructure.ts'
import { minBy, value } from '../../catalogue/promql.ts'
import { upOrDown } from '../colors.ts'
import { overallMeans, overallState, overallTexts, overallThresholds } from '../health/states.ts'
import { toBoard } from '../links.ts'
import { upTexts } from '../panel-options.ts'
import { tiles } from '../panels.ts'
import { prometheusOwn } from '../queries.ts'
import { figureTable } from '../tables.ts'

const links = [toBoard('health', 'Health')]

export const overallHealth = () =>
  tiles({
    title: 'Overall',
    width: 4,
    unit: 'short',
    noData: 'nothing is probed',
    step: '1m',
    description: overallMeans,
    queries: [{ expression: overallState, legend: 'overall' }],
    mappings: overallTexts,
    thresholds: overallThresholds,
    links,
  })

export const statusOfDependencies = () =>
  tiles({
    title: 'Dependencies',
    width: 20,
    unit: 'short',
    noData: 'nothing is probed',
    step: '1m',
    description: 'The last probe of each dependency; where there are several, the worst.',
    queries: [{ expression: minBy(['dependency'], value(dependencyUp)), legend: '{{dependency}}' }],
    mappings: upTexts,
    thresholds: upOrDown,
    links,
  })

export const firingAlerts = () =>
  figureTable({
    title: 'Firing alerts',
    width: 24,
    height: 5,
    unit: 'none',
    noData: 'no alert fires',
    description: 'Alerts that fire now, without the watchdog, which always does.',
    queries: [{ expression: prometheusOwn.firingAlerts }],
    columns: [
      { field: 'alertname', text: 'Alert' },
      { field: 'severity', text: 'Severity', width: 120 },
      { field: 'component', text: 'Component', width: 160 },
    ],
  })
