import { changeBefore, changeBy } from '../catalogue/promql.ts'
import { lastWeek, signupsStopped } from '../catalogue/slo.ts'
import { signups } from '../catalogue/users.ts'
import type { RuleGroup } from './define.ts'
import { percent } from './words.ts'

const labels = ['environment'] as const
const { window, ratio, signupsMin } = signupsStopped
const now = changeBy(labels, signups, { window: 'ever' }, window)
const before = changeBefore(labels, signups, { window: 'ever' }, { window, ago: lastWeek })

export const userAlerts: RuleGroup = {
  name: 'barometer-users',
  interval: '1m',
  alerts: [
    {
      name: 'SignupsStopped',
      severity: 'warning',
      component: 'users',
      for: signupsStopped.for,
      expression: `${now} < ${ratio} * ${before} and ${before} >= ${signupsMin}`,
      summary: 'Hardly anybody signs up',
      description: `The last ${window} had less than ${percent(ratio)} of the sign-ups of the same hours last week, which were ${signupsMin} at least.`,
      panel: { board: 'barometer-users', title: 'Sign-ups a day by source' },
    },
  ],
}
