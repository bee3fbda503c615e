import { type BoardSettings, board } from './board.ts'
import { contentNow, generationsADay } from './home/content.ts'
import { firingAlerts, overallHealth, statusOfDependencies } from './home/health.ts'
import { bugReports, failedJobs, influencerRequests } from './home/quick-actions.ts'
import { mrrOverTime, revenueNow } from './home/revenue.ts'
import { activeOverTime, growthOverTime, usersNow } from './home/users.ts'

/** The home board: the platform at a glance, now first, then over time. Every figure leads to the board that explains it. */
export const home = {
  name: 'home',
  build: (settings: BoardSettings) =>
    board({
      name: 'home',
      title: 'Barometer',
      description: 'Users, content, revenue and health of the platform at a glance.',
      sections: [
        { title: 'Users', panels: usersNow() },
        { title: 'Content', panels: contentNow() },
        { title: 'Revenue', panels: revenueNow() },
        {
          title: 'To be done',
          panels: [bugReports(settings), failedJobs(settings), influencerRequests(settings)],
        },
        { title: 'Health', panels: [overallHealth(), statusOfDependencies(), firingAlerts()] },
        {
          title: 'Over time',
          panels: [growthOverTime(), activeOverTime(), generationsADay(), mrrOverTime()],
        },
      ],
    }),
} as const
