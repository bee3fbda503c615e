import { characters, generationDurationSeconds, generationsFinished, images } from '../../catalogue/content.ts'
import { changeBy, growth, partsOf, ratio, sum, value } from '../../catalogue/promql.ts'
import { generationSuccessRatio } from '../../catalogue/slo.ts'
import { hoursOf } from '../../catalogue/windows.ts'
import { colors, higherIsBetter } from '../colors.ts'
import { stat } from '../panels.ts'
import { compared, filter } from '../queries.ts'
import { chosen } from './generations.ts'

const count = { unit: 'short', noData: 'no figures yet', color: colors.secondary }
const ended = (status: 'succeeded' | readonly ['succeeded', 'failed']) =>
  changeBy([], generationsFinished, { ...chosen, status }, '1d')
const ofMachine = filter('type', 'quality')
const { sum: seconds, count: measured } = partsOf(generationDurationSeconds)

/** What there is and what a day brings. */
export const contentNow = () => [
  stat({
    ...count,
    title: 'Generations succeeded, ever',
    width: 10,
    description: 'Generations that the filters leave and that ended well, ever.',
    queries: [{ expression: sum(value(generationsFinished, { ...chosen, status: 'succeeded' })), legend: 'now' }],
    change: {
      expression: growth(generationsFinished, { ...chosen, status: 'succeeded' }, '30d'),
      legend: 'change in 30 days',
    },
  }),
  stat({
    title: 'Success rate, 24 h',
    width: 10,
    unit: 'percentunit',
    decimals: 1,
    noData: 'nothing ended, or no figures of yesterday yet',
    description: `succeeded / (succeeded + failed) of the generations that ended in the last ${hoursOf('1d')}; cancelled in neither.`,
    queries: [{ expression: ratio(ended('succeeded'), ended(['succeeded', 'failed'])), legend: 'now' }],
    thresholds: higherIsBetter(generationSuccessRatio),
  }),
  stat({
    title: 'Average time, 24 h',
    width: 24,
    unit: 's',
    decimals: 1,
    noData: `nothing succeeded in ${hoursOf('1d')}, or no figures of yesterday yet`,
    description: `Mean of finished minus started over the generations that succeeded in the last ${hoursOf('1d')}, of everyone.`,
    queries: [
      {
        expression: ratio(changeBy([], seconds, ofMachine, '1d'), changeBy([], measured, ofMachine, '1d')),
        legend: 'mean',
      },
    ],
  }),
  stat({
    ...count,
    ...compared(characters, {}, '30d'),
    title: 'Characters',
    width: 8,
    description: 'Live characters of live users.',
  }),
  stat({
    ...count,
    ...compared(images, { window: 'ever' }, '30d'),
    title: 'Images',
    width: 8,
    description: 'Images of succeeded generations, ever.',
  }),
  stat({
    ...count,
    ...compared(images, { window: 'today' }, '1d'),
    title: 'Images today',
    width: 8,
    description: 'Images of generations that finished since midnight in the reporting time zone.',
  }),
]
