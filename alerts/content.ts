import { generationsFinished } from '../catalogue/content.ts'
import { changeBy, ratio } from '../catalogue/promql.ts'
import { generationSuccessRatio, keepFiringFor } from '../catalogue/slo.ts'
import { type RuleGroup, recording } from './define.ts'
import { percent } from './words.ts'

const labels = ['environment'] as const
const { critical: successMin, generationsMin, window, recovery } = generationSuccessRatio

const endedChange = changeBy(labels, generationsFinished, { status: ['succeeded', 'failed'] }, window)
const succeededChange = changeBy(labels, generationsFinished, { status: 'succeeded' }, window)
const ended = recording(labels, generationsFinished.name, `change${window}`, endedChange)
// Where none ever succeeded there is no such series, and the share is 0, not unknown.
const succeeded = recording(
  labels,
  generationsFinished.name,
  `ratio_succeeded_change${window}`,
  ratio(`(${succeededChange}) or 0 * ${ended.name}`, ended.name),
)

const endedLately = changeBy(labels, generationsFinished, { status: ['succeeded', 'failed'] }, recovery.window)
const succeededLately = changeBy(labels, generationsFinished, { status: 'succeeded' }, recovery.window)
/** Generations still fail: what the longer window remembers is not over. */
const stillFailing = `${ratio(`(${succeededLately}) or 0 * ${endedLately}`, endedLately)} < ${recovery.from}`

export const contentAlerts: RuleGroup = {
  name: 'barometer-content',
  interval: '30s',
  recordings: [ended, succeeded],
  alerts: [
    {
      name: 'GenerationSuccessRateLow',
      severity: 'critical',
      component: 'content',
      for: generationSuccessRatio.for,
      keepFiringFor,
      expression: `${succeeded.name} < ${successMin} and ${ended.name} >= ${generationsMin} and ${stillFailing}`,
      summary: 'Too many generations fail',
      description: `Of the generations that ended in the last ${window} less than ${percent(successMin)} succeeded, out of ${generationsMin} at least. It ends with a minute in which ${percent(recovery.from)} do.`,
      panel: { board: 'barometer-content', title: 'Success rate by type' },
    },
  ],
}
