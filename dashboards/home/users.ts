import { overTime, sum, value } from '../../catalogue/promql.ts'
import * as users from '../../catalogue/users.ts'
import { colors } from '../colors.ts'
import { toBoard } from '../links.ts'
import { stat, timeseries } from '../panels.ts'
import { compared } from '../queries.ts'

const count = { unit: 'short', noData: 'no figures yet', links: [toBoard('users', 'Users')] }

/** There is a series for each tier, country, number of characters and activity: thousands, added up 120 times in 30 days. */
const manySeriesStep = '6h'

const newUsers = (title: string, window: 'today' | 'week' | 'month', since: string, before: '1d' | '7d' | '30d') =>
  stat({
    ...count,
    ...compared(users.signups, { window }, before),
    title,
    width: 5,
    description: `Users created since ${since} in the reporting time zone, against the same hour ${before} before; deleted ones count, internal ones do not.`,
  })

const active = (title: string, window: '1d' | '7d' | '30d', hours: number) =>
  stat({
    ...count,
    ...compared(users.activeUsers, { window }, window),
    title,
    width: 8,
    description: `Distinct live users who started a session in the last ${hours} hours, against the ${hours} hours before.`,
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
  active('Active in a day (DAU)', '1d', 24),
  active('Active in a week (WAU)', '7d', 168),
  active('Active in a month (MAU)', '30d', 720),
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

const activeAt = (window: '1d' | '7d' | '30d') => sum(value(overTime(users.activeUsers), { window }))

export const activeOverTime = () =>
  timeseries({
    ...count,
    title: 'Active users',
    width: 12,
    description: 'Distinct live users with a session in the last 24, 168 and 720 hours.',
    queries: [
      { expression: activeAt('1d'), legend: 'DAU' },
      { expression: activeAt('7d'), legend: 'WAU' },
      { expression: activeAt('30d'), legend: 'MAU' },
    ],
  })
