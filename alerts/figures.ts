import { generationsFinished } from '../catalogue/content.ts'
import { exporterCollectorEnabled, exporterCollectorSuccess, snapshotTimestampSeconds } from '../catalogue/exporter.ts'
import { changeBy, ratio, sumBy, value } from '../catalogue/promql.ts'
import { mrr, mrrMovement } from '../catalogue/revenue.ts'
import { generationSuccessRatio, keepFiringFor, mrrTolerance, snapshotAgeSeconds } from '../catalogue/slo.ts'
import type { RuleGroup } from './define.ts'

const percent = (share: number): string => `${Math.round(share * 100)} %`

const { critical: successMin, generationsMin, window: successWindow } = generationSuccessRatio
const ended = changeBy(['environment'], generationsFinished, { status: ['succeeded', 'failed'] }, successWindow)
const succeeded = changeBy(['environment'], generationsFinished, { status: 'succeeded' }, successWindow)
// Where none ever succeeded there is no such series, and the share is 0, not unknown.
const successRatio = ratio(`(${succeeded}) or 0 * (${ended})`, ended)

const byCurrency = ['environment', 'currency'] as const
const mrrNow = sumBy(byCurrency, value(mrr))
const mrrChange = changeBy(byCurrency, mrr, {}, mrrTolerance.window)
const movementOf = (...movement: ('new' | 'expansion' | 'reactivation' | 'contraction' | 'churn')[]) =>
  changeBy(byCurrency, mrrMovement, { movement }, mrrTolerance.window)
const movements = `(${movementOf('new', 'expansion', 'reactivation')} - ${movementOf('contraction', 'churn')})`

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
      description: `They were last computed more than ${snapshotAgeSeconds.critical} s ago, though they should be every minute.`,
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
      for: generationSuccessRatio.for,
      keepFiringFor,
      expression: `${successRatio} < ${successMin} and on (environment) ${ended} >= ${generationsMin}`,
      summary: 'Too many generations fail',
      description: `Of the generations that ended in the last ${successWindow} less than ${percent(successMin)} succeeded, out of ${generationsMin} at least.`,
    },
    {
      name: 'MrrDoesNotAddUp',
      severity: 'warning',
      component: 'revenue',
      for: '15m',
      // Changes, not totals: the events of many platforms do not reach back to their first subscription.
      expression: `abs(${mrrChange} - ${movements}) > ${mrrTolerance.ratio} * ${mrrNow}`,
      summary: 'MRR in {{ $labels.currency }} did not change by the sum of its movements',
      description: `Over ${mrrTolerance.window} it is off by more than ${percent(mrrTolerance.ratio)}: subscription events are missing, doubled or wrong.`,
    },
  ],
}
