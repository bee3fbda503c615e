import * as content from '../../catalogue/content.ts'
import { changeBy, changeDuring, ratio } from '../../catalogue/promql.ts'
import { generationSuccessRatio } from '../../catalogue/slo.ts'
import { hoursOf } from '../../catalogue/windows.ts'
import { colors, higherIsBetter } from '../colors.ts'
import { toBoard } from '../links.ts'
import { stat, timeseries } from '../panels.ts'
import { compared } from '../queries.ts'

const count = {
  unit: 'short',
  noData: 'no figures yet',
  links: [toBoard('content', 'Content')],
  color: colors.secondary,
}

const succeeded = changeBy([], content.generationsFinished, { status: 'succeeded' }, '1d')
const ended = changeBy([], content.generationsFinished, { status: ['succeeded', 'failed'] }, '1d')

/** What has been made, and how much of what was asked for came about. */
export const contentNow = () => [
  stat({
    ...count,
    ...compared(content.characters, {}, '30d'),
    title: 'Characters',
    width: 6,
    description: 'Live characters of live users.',
  }),
  stat({
    ...count,
    ...compared(content.images, { window: 'ever' }, '30d'),
    title: 'Images',
    width: 6,
    description: 'Images of succeeded generations, ever.',
  }),
  stat({
    ...count,
    ...compared(content.images, { window: 'today' }, '1d'),
    title: 'Images today',
    width: 6,
    description:
      'Images of generations that finished since midnight in the reporting time zone, against the same hour of yesterday.',
  }),
  stat({
    title: 'Success rate, 24 h',
    width: 6,
    unit: 'percentunit',
    decimals: 1,
    noData: 'nothing ended, or no figures of yesterday yet',
    description: `Of the generations that ended in the last ${hoursOf('1d')}: succeeded / (succeeded + failed). Cancelled count in neither.`,
    queries: [{ expression: ratio(succeeded, ended), legend: 'now' }],
    thresholds: higherIsBetter(generationSuccessRatio),
    links: count.links,
  }),
]

export const generationsADay = () =>
  timeseries({
    ...count,
    title: 'Generations a day',
    width: 12,
    bars: true,
    stacked: true,
    step: '1d',
    noData: 'nothing has ended',
    description: 'Generations that ended on each day, by what became of them; the last bar is today so far.',
    queries: [
      {
        expression: changeDuring(['status'], content.generationsFinished, {}, '1d'),
        legend: '{{status}}',
      },
    ],
    names: ['succeeded', 'failed', 'cancelled'],
  })
