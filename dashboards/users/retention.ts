import { ratio, sumBy, value } from '../../catalogue/promql.ts'
import * as users from '../../catalogue/users.ts'
import { barChart } from '../charts.ts'
import { colors } from '../colors.ts'
import { apiFilter, timeRange } from '../infinity.ts'
import { timeseries } from '../panels.ts'
import { filter } from '../queries.ts'
import { shareTable } from '../tables.ts'

const share = { unit: 'percentunit', max: 1 }

export const retentionOverTime = () =>
  timeseries({
    ...share,
    title: 'D1, D7 and D30 over time',
    width: 12,
    noData: 'no cohort is old enough',
    description:
      'Of the newest day of sign-ups whose day N is over, the share with a session on day N itself (classic, calendar days of the reporting time zone).',
    queries: [
      {
        expression: ratio(
          sumBy(['horizon'], value(users.retainedUsers)),
          sumBy(['horizon'], value(users.retentionUsers)),
        ),
        legend: '{{horizon}}',
      },
    ],
  })

export const churnByTier = () =>
  timeseries({
    ...share,
    title: 'Churn by tier, 30 days',
    width: 24,
    noData: 'nobody subscribed 30 days ago',
    description:
      'Of the users with a subscription 30 days ago that is no trial, the share whose every subscription has ended. Paused is not ended.',
    queries: [
      {
        expression: ratio(
          sumBy(['tier'], value(users.churnedSubscribers, { window: '30d', ...filter('tier') })),
          sumBy(['tier'], value(users.subscribersAtStart, { window: '30d', ...filter('tier') })),
        ),
        legend: '{{tier}}',
      },
    ],
  })

export const lifetimeCurve = () =>
  barChart({
    ...share,
    title: 'User lifetime',
    width: 12,
    color: colors.primary,
    noData: 'nobody signed up',
    description:
      'Of the users for whom week w after sign-up has begun, the share whose last session is in or after it: how long users live.',
    queries: [
      {
        expression: ratio(
          sumBy(['week'], value(users.userLifetimeSurvivors)),
          sumBy(['week'], value(users.userLifetimeUsers)),
        ),
      },
    ],
    xField: 'week',
  })

/** Day 30 is the last that a cohort of days is asked for; of weeks and months the audit API gives fewer. */
const periods = Array.from({ length: 31 }, (_, period) => period)

export const cohorts = () =>
  shareTable({
    ...share,
    title: 'Cohorts',
    width: 24,
    height: 14,
    noData: 'no whole cohort signed up in this time; for weeks and months choose a longer range',
    description:
      'Users by the day, week or month of their sign-up, and the share of them with a session in each period after it (classic). Filters by what users are now. Exact, by the audit API.',
    route: '/v1/analytics/users/retention',
    parameters: [
      ['cohort', '${cohort}'],
      ['shape', 'wide'],
      ...timeRange,
      ...apiFilter('tier', 'country', 'activity', 'characters'),
    ],
    columns: [
      { selector: 'cohort', text: 'Cohort', type: 'string', width: 130 },
      { selector: 'users', text: 'Users', type: 'number', unit: 'short', width: 90 },
      ...periods.map((period) => ({ selector: `n${period}`, text: String(period), type: 'number' as const })),
    ],
    shares: { pattern: '/^\\d+$/' },
  })
