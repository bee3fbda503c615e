import { sum, value } from '../../catalogue/promql.ts'
import * as quick from '../../catalogue/quick-actions.ts'
import { hoursOf } from '../../catalogue/windows.ts'
import type { BoardSettings } from '../board.ts'
import { colors } from '../colors.ts'
import { type Link, toBoard } from '../links.ts'
import { stat } from '../panels.ts'
import { total } from '../queries.ts'

const some = { unit: 'short', width: 8 }

/** The page of the admin app, where it is known where that is, and the board that explains the figure. */
function links({ adminAppUrl }: BoardSettings, page: string, explained: Link): Link[] {
  const base = adminAppUrl?.replace(/\/$/, '')
  return base === undefined
    ? [explained]
    : [{ title: 'Open in the admin app', url: `${base}/${page}`, isElsewhere: true }, explained]
}

export const bugReports = (settings: BoardSettings) =>
  stat({
    ...some,
    title: 'Open bug reports',
    color: colors.warning,
    noData: 'no bug was ever reported',
    description: 'Bug reports whose status is open, of every severity.',
    queries: [{ expression: total(quick.bugReportsOpen), legend: 'open' }],
    links: links(settings, 'bug-reports?status=open', toBoard('audit', 'What admins did')),
  })

export const failedJobs = (settings: BoardSettings) =>
  stat({
    ...some,
    title: 'Failed jobs, 24 h',
    color: colors.error,
    noData: 'no queue is watched',
    step: '1m',
    description: `Jobs in the queues' failed sets that failed in the last ${hoursOf('1d')}.`,
    queries: [{ expression: total(quick.jobsFailed, { window: '1d' }), legend: 'failed' }],
    links: links(settings, 'jobs?state=failed', toBoard('health', 'Queues and errors')),
  })

export const influencerRequests = (settings: BoardSettings) =>
  stat({
    ...some,
    title: 'Pending influencer requests',
    color: colors.secondary,
    noData: 'no figures yet',
    description: 'Influencer requests that nobody has decided.',
    queries: [{ expression: sum(value(quick.influencerRequestsPending)), legend: 'pending' }],
    links: links(settings, 'influencer-requests?status=pending', toBoard('audit', 'What admins did')),
  })
