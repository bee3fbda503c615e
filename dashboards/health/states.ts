import { type DependencyName, vitalDependencies } from '../../catalogue/dependencies.ts'
import {
  dependencyUp,
  gpuJobs,
  gpuWorkers,
  queueJobs,
  queueWorkers,
  takeableStates,
  usableWorkerStates,
} from '../../catalogue/infrastructure.ts'
import { minBy, sum, sumBy, value } from '../../catalogue/promql.ts'
import { listed } from '../../catalogue/words.ts'
import { colors, type Thresholds } from '../colors.ts'
import type { ValueText } from '../panel-options.ts'

/** 1 where every target of a dependency answers. */
export const dependencyState = (dependency: DependencyName): string => minBy([], value(dependencyUp, { dependency }))

const waiting = sumBy(['queue'], value(queueJobs, { state: takeableStates }))
const workers = sumBy(['queue'], value(queueWorkers))

/** 1 where every queue has a worker or nothing that waits for one. */
export const queueState = minBy([], `clamp_max((${workers}) + ((${waiting}) == bool 0), 1)`)

const gpuWorkersThere = sum(value(gpuWorkers, { state: usableWorkerStates }))
const gpuJobsWait = sum(value(gpuJobs, { state: 'in_queue' }))

/** 1 where a GPU worker is there or no job waits for one: scaled to zero at rest is fine. */
export const gpuState = `clamp_max((${gpuWorkersThere}) + ((${gpuJobsWait}) == bool 0), 1)`

const vitalUp = value(dependencyUp, { dependency: vitalDependencies.map(({ name }) => name) })
const vitalInSentence = listed(
  vitalDependencies.map(({ tile }) => tile.inSentence),
  'or',
)

/** 2 where all answer, 1 where all but GPU workers and endpoints do, else 0. */
export const overallState = `(${minBy([], vitalUp)} * (1 + ${minBy([], value(dependencyUp))}))`

export const overallMeans = `Down where ${vitalInSentence} does not answer, degraded where only a GPU worker or endpoint does not.`

export const overallTexts: readonly ValueText[] = [
  { value: '2', text: 'healthy', color: colors.success },
  { value: '1', text: 'degraded', color: colors.warning },
  { value: '0', text: 'DOWN', color: colors.error },
]

export const overallThresholds: Thresholds = {
  base: colors.error,
  steps: [
    { from: 1, color: colors.warning },
    { from: 2, color: colors.success },
  ],
}

/** Probes come every 5 s; a finer step would only repeat them. */
export const live = { step: '5s' } as const
/** What rules record comes every minute, likewise. */
export const recorded = { step: '1m' } as const
