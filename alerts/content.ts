import { generationsFinished } from '../catalogue/content.ts'
import { changeBy, ratio } from '../catalogue/promql.ts'
import { generationSuccessRatio } from '../catalogue/slo.ts'
import { type RuleGroup, recording } from './define.ts'
import { percent } from './words.ts'

const labels = ['environment'] as const
const { critical: successMin, generationsMin, window, recovery } = generationSuccessRatio

const endedIn = (range: string) => changeBy(labels, generationsFinished, { status: ['succeeded', 'failed'] }, range)
const succeededIn = (range: string) => changeBy(labels, generationsFinished, { status: 'succeeded' }, range)

const ended = recording(labels, generationsFinished.name, `change${window}`, endedIn(window))
// Where none ever succeeded there is no such series, and the share is 0, not unknown.
const succeeded = recording(
  labels,
  generationsFinished.name,
  `ratio_succeeded_change${window}`,
  ratio(`(${succeededIn(window)}) or 0 * ${ended.name}`, ended.name),
)

const failsIn = (range: string) =>
  `${ratio(`(${succeededIn(range)}) or 0 * ${endedIn(range)}`, endedIn(range))} < ${recovery.from}`
/** Generations still fail: what the longer window remembers is not over. One minute says little where few end in it. */
const stillFailing = `(${failsIn(recovery.window)} or ${failsIn(recovery.few.window)} and ${endedIn(recovery.window)} < ${recovery.few.generations})`

export const contentAlerts: RuleGroup = {
  name: 'barometer-content',
  interval: '10s',
  recordings: [ended, succeeded],
  alerts: [
    {
      name: 'GenerationSuccessRateLow',
      severity: 'critical',
      component: 'content',
      for: generationSuccessRatio.for,
      expression: `${succeeded.name} < ${successMin} and ${ended.name} >= ${generationsMin} and ${stillFailing}`,
      summary: 'Too many generations fail',
      description: `Of the generations that ended in the last ${window} less than ${percent(successMin)} succeeded, out of ${generationsMin} at least. It ends with a minute in which ${percent(recovery.from)} do, or with three where fewer than ${recovery.few.generations} end in one.`,
      panel: { board: 'barometer-content', title: 'Success rate by type' },
    },
  ],
}
