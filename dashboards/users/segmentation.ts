import { growth, overTime, sum, sumBy, value } from '../../catalogue/promql.ts'
import { users } from '../../catalogue/users.ts'
import { barGauge } from '../charts.ts'
import { stat, timeseries } from '../panels.ts'
import { filter } from '../queries.ts'

const chosen = filter('tier', 'country', 'activity', 'characters')
const count = { unit: 'short', noData: 'nobody is in this segment, or no figures yet' }

const segments = [
  { label: 'tier', title: 'tier', meaning: 'The tier of the dearest live subscription, else free.' },
  { label: 'country', title: 'country', meaning: 'The 20 greatest countries; the others are other.' },
  { label: 'characters', title: 'number of characters', meaning: 'Live characters of the user.' },
  {
    label: 'activity',
    title: 'activity',
    meaning:
      'By generations created in 30 days: power from 50, regular from 10, casual from 1, dormant 0, unless set otherwise.',
  },
] as const

/** How many the filters leave, and how many of these do something. */
export const usersNow = () => [
  stat({
    ...count,
    title: 'Users in this segment',
    hasManySeries: true,
    width: 10,
    description: 'Registered users that the filters leave: not deleted, not internal.',
    queries: [{ expression: sum(value(users, chosen)), legend: 'now' }],
    change: { expression: growth(users, chosen, '30d'), legend: 'change in 30 days' },
  }),
  stat({
    ...count,
    title: 'Power against casual',
    hasManySeries: true,
    width: 10,
    description:
      'Users that the filters leave, by activity: power from 50 generations in 30 days, casual from 1, unless set otherwise.',
    queries: [
      {
        expression: sumBy(['activity'], value(users, chosen)),
        legend: '{{activity}}',
      },
    ],
  }),
]

export const segmentsNow = () =>
  segments.map(({ label, title, meaning }) =>
    barGauge({
      ...count,
      title: `By ${title}, now`,
      width: 6,
      height: 10,
      description: `Registered users now. ${meaning}`,
      queries: [{ expression: `sort_desc(${sumBy([label], value(users, chosen))} > 0)`, legend: `{{${label}}}` }],
    }),
  )

export const segmentsOverTime = () =>
  segments.map(({ label, title, meaning }) =>
    timeseries({
      ...count,
      title: `By ${title}, over time`,
      width: 12,
      // Thousands of series: by the day they are added up 30 times in 30 days.
      step: '1d',
      stacked: true,
      description: `Registered users at each instant. ${meaning}`,
      queries: [{ expression: sumBy([label], value(overTime(users), chosen)), legend: `{{${label}}}` }],
    }),
  )
