import * as content from '../../catalogue/content.ts'
import { growth, overTime, ratio, sum, value } from '../../catalogue/promql.ts'
import { activeUsers, generatingUsers, sessions } from '../../catalogue/users.ts'
import { stat, timeseries } from '../panels.ts'
import { filter } from '../queries.ts'

const chosen = filter('tier', 'country')
const count = { unit: 'short', noData: 'no figures yet' }
const perUser = { ...count, decimals: 2, width: 12 }
const windows = [
  { window: '1d', name: 'DAU', hours: 24 },
  { window: '7d', name: 'WAU', hours: 168 },
  { window: '30d', name: 'MAU', hours: 720 },
] as const

const activeAt = (window: '1d' | '7d' | '30d') => sum(value(overTime(activeUsers), { window, ...chosen }))

export const activeNow = () =>
  windows.map(({ window, name, hours }) =>
    stat({
      ...count,
      title: name,
      width: 8,
      description: `Distinct live users who started a session in the last ${hours} hours, against the ${hours} hours before.`,
      queries: [{ expression: sum(value(activeUsers, { window, ...chosen })), legend: 'now' }],
      change: {
        expression: growth(activeUsers, { window, ...chosen }, window),
        legend: `change in ${hours} hours`,
      },
    }),
  )

export const activeOverTime = () =>
  timeseries({
    ...count,
    title: 'Active users',
    width: 12,
    description: 'Distinct live users with a session in the last 24, 168 and 720 hours, at each instant.',
    queries: windows.map(({ window, name }) => ({ expression: activeAt(window), legend: name })),
  })

export const stickiness = () =>
  timeseries({
    title: 'Stickiness',
    width: 12,
    unit: 'percentunit',
    max: 1,
    noData: 'nobody was active in 30 days',
    description: 'DAU / MAU: how much of a month the average active user is there.',
    queries: [
      { expression: ratio(activeAt('1d'), activeAt('30d')), legend: 'DAU / MAU' },
      { expression: ratio(activeAt('7d'), activeAt('30d')), legend: 'WAU / MAU' },
    ],
  })

export const sessionsPerUser = () =>
  timeseries({
    ...perUser,
    title: 'Sessions per active user',
    description:
      'Sessions started in the window over the distinct users who started one. Deleted users’ sessions count.',
    queries: windows.map(({ window }) => ({
      expression: ratio(sum(value(sessions, { window })), sum(value(overTime(activeUsers), { window }))),
      legend: window,
    })),
  })

export const generationsPerUser = () =>
  timeseries({
    ...perUser,
    title: 'Generations per generating user',
    description: 'Generations created in the window over the distinct live users who created one.',
    queries: windows.map(({ window }) => ({
      expression: ratio(sum(value(content.generationsCreated, { window })), sum(value(generatingUsers, { window }))),
      legend: window,
    })),
  })
