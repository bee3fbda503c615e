import { overTime, sum, value } from '../../catalogue/promql.ts'
import * as users from '../../catalogue/users.ts'
import { allHours, type CalendarWindow, hoursOf, type RollingWindow } from '../../catalogue/windows.ts'
import { colors } from '../colors.ts'
import { toBoard } from '../links.ts'
import { stat, timeseries } from '../panels.ts'
import { compared } from '../queries.ts'

const count = { unit: 'short', noData: 'no figures yet', links: [toBoard('users', 'Users')] }

/** There is a series for each tier, country, number of characters and activity: thousands, added up 120 times in 30 days. */
const manySeriesStep = '6h'

const newUsers = (title: string, window: CalendarWindow, since: string, before: RollingWindow) =>
  stat({
    ...count,
    ...compared(users.signups, { window }, before),
    title,
    width: 5,
    description: `Users created since ${since} in the reporting time zone, against the same hour ${before} before; deleted ones count, internal ones do not.`,
  })

const active = (title: string, window: RollingWindow) =>
  stat({
    ...count,
    ...compared(users.activeUsers, { window }, window),
    title,
    width: 8,
    description: `Distinct live users who started a session in the last ${hoursOf(window)}, against the ${hoursOf(window)} before.`,
  })

/** How many there are, how many came, how many are active. */
export const usersNow = () => [
  stat({
    ...count,
    ...compared(users.users, {}, '30d'),
    title: 'Users',
    hasManySeries: true,
    width: 5,
    description: 'Registered users now: not deleted, not internal.',
  }),
  newUsers('New today', 'today', 'midnight', '1d'),
  newUsers('New this week', 'week', 'Monday', '7d'),
  newUsers('New this month', 'month', 'the first', '30d'),
  active('Active in a day (DAU)', '1d'),
  active('Active in a week (WAU)', '7d'),
  active('Active in a month (MAU)', '30d'),
]

export const growthOverTime = () =>
  timeseries({
    ...count,
    title: 'User growth',
    width: 12,
    step: manySeriesStep,
    color: colors.primary,
    description: 'Registered users at each instant: not deleted, not internal.',
    queries: [{ expression: sum(value(overTime(users.users))), legend: 'users' }],
  })

const activeAt = (window: RollingWindow) => sum(value(overTime(users.activeUsers), { window }))

export const activeOverTime = () =>
  timeseries({
    ...count,
    title: 'Active users',
    width: 12,
    description: `Distinct live users with a session in the last ${allHours()} hours.`,
    queries: [
      { expression: activeAt('1d'), legend: 'DAU' },
      { expression: activeAt('7d'), legend: 'WAU' },
      { expression: activeAt('30d'), legend: 'MAU' },
    ],
  })
