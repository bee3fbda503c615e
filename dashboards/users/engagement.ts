import * as content from '../../catalogue/content.ts'
import { growth, overTime, ratio, sum, value } from '../../catalogue/promql.ts'
import { activeUsers, generatingUsers, sessions } from '../../catalogue/users.ts'
import { allHours, hoursOf, type RollingWindow } from '../../catalogue/windows.ts'
import { stat, timeseries } from '../panels.ts'
import { filter } from '../queries.ts'

const chosen = filter('tier', 'country')
const count = { unit: 'short', noData: 'no figures yet' }
const perUser = { ...count, decimals: 2, width: 12 }
const windows = [
  { window: '1d', name: 'DAU' },
  { window: '7d', name: 'WAU' },
  { window: '30d', name: 'MAU' },
] as const

const activeAt = (window: RollingWindow) => sum(value(overTime(activeUsers), { window, ...chosen }))

export const activeNow = () =>
  windows.map(({ window, name }) =>
    stat({
      ...count,
      title: name,
      width: 8,
      description: `Distinct live users who started a session in the last ${hoursOf(window)}, against the ${hoursOf(window)} before.`,
      queries: [{ expression: sum(value(activeUsers, { window, ...chosen })), legend: 'now' }],
      change: {
        expression: growth(activeUsers, { window, ...chosen }, window),
        legend: `change in ${hoursOf(window)}`,
      },
    }),
  )

export const activeOverTime = () =>
  timeseries({
    ...count,
    title: 'Active users',
    width: 12,
    description: `Distinct live users with a session in the last ${allHours()} hours, at each instant.`,
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
