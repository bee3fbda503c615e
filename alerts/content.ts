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

const { from, window: minute, few, outage } = recovery
const goodIn = (range: string) => `((${succeededIn(range)}) or 0 * ${endedIn(range)})`
const shareIn = (range: string) => ratio(goodIn(range), endedIn(range))
/** In the longer range without its last minute. */
const before = (of: (range: string) => string) => `(${of(few.window)}) - (${of(minute)})`
/** One minute says little where few end in it, unless it is plainly another one than those before. */
const fails = `(${shareIn(minute)} < ${from} or ${shareIn(few.window)} < ${from} and ${endedIn(minute)} < ${few.generations})`
const outageEnded = `(${shareIn(minute)} >= ${outage.from} and ${ratio(before(goodIn), before(endedIn))} < ${outage.below})`
/** Generations still fail: what the longer window remembers is not over. */
const stillFailing = `(${fails} unless ${outageEnded})`

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
      description: `Of the generations that ended in the last ${window} less than ${percent(successMin)} succeeded, out of ${generationsMin} at least. It ends with a minute in which ${percent(from)} do, or with three where fewer than ${few.generations} end in one; after an outage with a minute of ${percent(outage.from)}.`,
      panel: { board: 'barometer-content', title: 'Success rate by type' },
    },
  ],
}
