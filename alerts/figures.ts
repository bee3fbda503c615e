import { generationsFinished } from '../catalogue/content.ts'
import { exporterCollectorEnabled, exporterCollectorSuccess, snapshotTimestampSeconds } from '../catalogue/exporter.ts'
import { change, ratio, sumBy, value } from '../catalogue/promql.ts'
import { mrr, mrrMovement } from '../catalogue/revenue.ts'
import { generationSuccessRatio, keepFiringFor, mrrToleranceRatio, snapshotAgeSeconds } from '../catalogue/slo.ts'
import type { RuleGroup } from './define.ts'

const succeeded = sumBy(['environment'], change(generationsFinished, { status: 'succeeded' }, '30m'))
const ended = sumBy(['environment'], change(generationsFinished, { status: ['succeeded', 'failed'] }, '30m'))
const { critical: successMin, generationsMin } = generationSuccessRatio

const mrrNow = sumBy(['environment', 'currency'], value(mrr))
const gained = sumBy(
  ['environment', 'currency'],
  value(mrrMovement, { movement: ['new', 'expansion', 'reactivation'] }),
)
const lost = sumBy(['environment', 'currency'], value(mrrMovement, { movement: ['contraction', 'churn'] }))

export const figureAlerts: RuleGroup = {
  name: 'barometer-figures',
  interval: '30s',
  alerts: [
    {
      name: 'SnapshotStale',
      severity: 'critical',
      component: 'exporter',
      for: '30s',
      keepFiringFor,
      expression: `time() - ${value(snapshotTimestampSeconds)} > ${snapshotAgeSeconds.critical}`,
      summary: 'The business figures are old',
      description: 'They were last computed more than 5 minutes ago, though they should be every minute.',
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
    },
    {
      name: 'GenerationSuccessRateLow',
      severity: 'critical',
      component: 'content',
      for: '2m',
      keepFiringFor,
      expression: `${ratio(succeeded, ended)} < ${successMin} and on (environment) ${ended} >= ${generationsMin}`,
      summary: 'Too many generations fail',
      description: 'Of the generations that ended in the last 30 minutes less than 85 % succeeded, out of 20 at least.',
    },
    {
      name: 'MrrDoesNotAddUp',
      severity: 'warning',
      component: 'revenue',
      for: '15m',
      expression: `abs(${mrrNow} - (${gained} - ${lost})) > ${mrrToleranceRatio} * ${mrrNow}`,
      summary: 'MRR in {{ $labels.currency }} is not the sum of its movements',
      description: 'It is off by more than 1 %: subscription events are missing, doubled or wrong.',
    },
  ],
}
