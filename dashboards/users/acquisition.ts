import { changeDuring, ratio, sum, value } from '../../catalogue/promql.ts'
import { funnelUsers, signups } from '../../catalogue/users.ts'
import { calendarWindows } from '../../catalogue/windows.ts'
import { barGauge } from '../charts.ts'
import { colors } from '../colors.ts'
import { stat, timeseries } from '../panels.ts'
import { filter } from '../queries.ts'

const country = filter('country')
const count = { unit: 'short', noData: 'no figures yet' }
const steps = ['visit', 'signup', 'first_generation'] as const
const cohort = 'Visitors whose first visit ever was in the last 30 days'
const reached = (step: (typeof steps)[number]) => sum(value(funnelUsers, { window: '30d', step }))

export const signupsNow = () =>
  stat({
    ...count,
    title: 'Sign-ups',
    width: 24,
    description:
      'Users created since midnight, Monday and the first in the reporting time zone; deleted ones count, internal ones do not.',
    queries: ([...calendarWindows, 'ever'] as const).map((window) => ({
      expression: sum(value(signups, { window, ...country })),
      legend: window === 'today' || window === 'ever' ? window : `this ${window}`,
    })),
  })

export const signupsADay = () =>
  timeseries({
    ...count,
    title: 'Sign-ups a day by source',
    width: 24,
    step: '1d',
    bars: true,
    stacked: true,
    description:
      'Users created on each day, by where they came from (direct, referral, funnel …); the last bar is today so far.',
    queries: [
      { expression: changeDuring(['source'], signups, { window: 'ever', ...country }, '1d'), legend: '{{source}}' },
    ],
  })

export const funnel = () =>
  barGauge({
    ...count,
    title: 'Funnel, 30 days',
    width: 12,
    noData: 'there is no view of visits',
    description: `${cohort}; those who signed up; those of them with a succeeded generation.`,
    queries: steps.map((step) => ({ expression: reached(step), legend: step })),
    names: steps,
  })

export const funnelRates = () =>
  timeseries({
    title: 'Rates between the steps',
    width: 12,
    unit: 'percentunit',
    max: 1,
    noData: 'there is no view of visits',
    description: `${cohort}: the share that signed up, and the share of these that had a first generation succeed.`,
    queries: [
      { expression: ratio(reached('signup'), reached('visit')), legend: 'visit to sign-up' },
      { expression: ratio(reached('first_generation'), reached('signup')), legend: 'sign-up to first generation' },
    ],
    color: colors.primary,
  })
