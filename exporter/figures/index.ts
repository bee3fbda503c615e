import type { Collector } from '../store/figure.ts'
import { type Layout, layoutOf } from '../store/layout.ts'
import { characters } from './content/characters.ts'
import { durations } from './content/durations.ts'
import { generations } from './content/generations.ts'
import { images } from './content/images.ts'
import { popular, popularCounts, popularSums } from './content/popular.ts'
import { labelSets } from './labels.ts'
import { bugReports } from './requests/bug-reports.ts'
import { influencerRequests } from './requests/influencer-requests.ts'
import { creditBalances } from './revenue/credit-balances.ts'
import { credits } from './revenue/credits.ts'
import { payments } from './revenue/payments.ts'
import { refunds } from './revenue/refunds.ts'
import { subscriptionEvents } from './revenue/subscription-events.ts'
import { subscriptions } from './revenue/subscriptions.ts'
import { account } from './states/account.ts'
import { generation } from './states/generation.ts'
import { activeUsers } from './users/active-users.ts'
import { churn } from './users/churn.ts'
import { funnel } from './users/funnel.ts'
import { generatingUsers } from './users/generating-users.ts'
import { lifetime } from './users/lifetime.ts'
import { retention } from './users/retention.ts'
import { sessions } from './users/sessions.ts'
import { signups } from './users/signups.ts'
import { users } from './users/users.ts'

/** Every collector, in the order in which a refresh runs them. A new one is an import and a line here. */
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

/** What the exporter's store keeps and shows. */
export const layout: Layout = layoutOf({
  collectors,
  labelSets,
  dailyItems: { collector: popular.name, reads: generation, plain: popularCounts, emit: popularSums },
  accounts: account,
})
