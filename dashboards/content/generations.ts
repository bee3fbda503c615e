import { generationsFinished } from '../../catalogue/content.ts'
import { changeBy, changeDuring } from '../../catalogue/promql.ts'
import { hoursOf } from '../../catalogue/windows.ts'
import { pie } from '../charts.ts'
import { timeseries } from '../panels.ts'
import { filter } from '../queries.ts'

export const chosen = filter('type', 'quality', 'rating')
const count = { unit: 'short', noData: 'nothing of this kind has ended' }
const barsBegin =
  'Each bar stands at the beginning of what it counts, the last is so far. Weeks begin on Thursdays and 30 days anywhere, as Prometheus counts from 1970; calendar weeks and months are the audit API’s.'

const divisions = [
  { label: 'quality', title: 'quality', more: '', names: ['draft', 'hq'] },
  { label: 'type', title: 'type', more: '', names: [] },
  { label: 'aspect_ratio', title: 'aspect ratio', more: '', names: [] },
  { label: 'rating', title: 'rating', more: ' (NSFW against SFW)', names: ['sfw', 'nsfw'] },
] as const

export const generationsPerPeriod = () =>
  timeseries({
    ...count,
    title: 'Generations a day, a week, a month',
    width: 24,
    step: '$period',
    bars: true,
    stacked: true,
    description: `Generations that ended in each period, by what became of them. ${barsBegin}`,
    queries: [{ expression: changeDuring(['status'], generationsFinished, chosen, '$period'), legend: '{{status}}' }],
    names: ['succeeded', 'failed', 'cancelled'],
  })

export const divisionOverTime = () =>
  divisions.map(({ label, title, more, names }) =>
    timeseries({
      ...count,
      title: `By ${title}${more}`,
      width: 12,
      step: '$period',
      bars: true,
      stacked: true,
      description: `Succeeded generations that ended in each period. ${barsBegin}`,
      queries: [
        {
          expression: changeDuring([label], generationsFinished, { ...chosen, status: 'succeeded' }, '$period'),
          legend: `{{${label}}}`,
        },
      ],
      names,
    }),
  )

export const divisionNow = () =>
  divisions.map(({ label, title, names }) =>
    pie({
      ...count,
      title: `By ${title}, last 30 days`,
      width: 6,
      description: `Succeeded generations that ended in the last ${hoursOf('30d')}.`,
      queries: [
        {
          expression: `${changeBy([label], generationsFinished, { ...chosen, status: 'succeeded' }, '30d')} > 0`,
          legend: `{{${label}}}`,
        },
      ],
      names,
    }),
  )
