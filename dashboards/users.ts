import { VariableSort } from '@grafana/grafana-foundation-sdk/dashboard'
import { subscriptions } from '../catalogue/revenue.ts'
import { users as registered, signups, subscribersAtStart } from '../catalogue/users.ts'
import { calendarUnits } from '../catalogue/windows.ts'
import { board } from './board.ts'
import { funnel, funnelRates, signupsADay, signupsNow } from './users/acquisition.ts'
import { activeNow, activeOverTime, generationsPerUser, sessionsPerUser, stickiness } from './users/engagement.ts'
import { churnByTier, cohorts, lifetimeCurve, retentionOverTime } from './users/retention.ts'
import { segmentsNow, segmentsOverTime, usersNow } from './users/segmentation.ts'
import { choiceVariable, labelVariable } from './variables.ts'

/** Growth and retention: who comes, who stays, and who they are. */
export const users = {
  name: 'users',
  build: () =>
    board({
      name: 'users',
      title: 'Users',
      description: 'Who comes, who is active, who stays, and how they divide into segments.',
      variables: [
        labelVariable([registered, subscriptions, subscribersAtStart], 'tier', 'Tier'),
        labelVariable([signups], 'country', 'Country'),
        labelVariable([registered], 'activity', 'Activity'),
        labelVariable([registered], 'characters', 'Characters', VariableSort.NumericalAsc),
        choiceVariable(
          'cohort',
          'Cohorts by',
          calendarUnits.map((unit) => ({ text: unit, value: unit })),
        ),
      ],
      sections: [
        { title: 'Users now', panels: usersNow() },
        { title: 'Acquisition', panels: [signupsNow(), signupsADay(), funnel(), funnelRates()] },
        {
          title: 'Engagement',
          panels: [...activeNow(), activeOverTime(), stickiness(), sessionsPerUser(), generationsPerUser()],
        },
        { title: 'Retention', panels: [retentionOverTime(), churnByTier(), lifetimeCurve(), cohorts()] },
        { title: 'Segments', panels: [...segmentsNow(), ...segmentsOverTime()] },
      ],
    }),
} as const
