import type { Collector } from '../collector.ts'
import { activeUsers } from './active-users.ts'
import { bugReports } from './bug-reports.ts'
import { characters } from './characters.ts'
import { churn } from './churn.ts'
import { creditBalances } from './credit-balances.ts'
import { credits } from './credits.ts'
import { durations } from './durations.ts'
import { funnel } from './funnel.ts'
import { generatingUsers } from './generating-users.ts'
import { generations } from './generations.ts'
import { images } from './images.ts'
import { influencerRequests } from './influencer-requests.ts'
import { lifetime } from './lifetime.ts'
import { payments } from './payments.ts'
import { popular } from './popular.ts'
import { refunds } from './refunds.ts'
import { retention } from './retention.ts'
import { sessions } from './sessions.ts'
import { signups } from './signups.ts'
import { subscriptionEvents } from './subscription-events.ts'
import { subscriptions } from './subscriptions.ts'
import { users } from './users.ts'

/** Every collector, in the order in which a refresh runs them. */
export const collectors: readonly Collector[] = [
  users,
  signups,
  activeUsers,
  sessions,
  generatingUsers,
  funnel,
  retention,
  churn,
  lifetime,
  characters,
  images,
  generations,
  durations,
  popular,
  subscriptions,
  subscriptionEvents,
  payments,
  refunds,
  credits,
  creditBalances,
  bugReports,
  influencerRequests,
]
