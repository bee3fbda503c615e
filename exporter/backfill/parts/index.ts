import type { Past } from '../../figures/past.ts'
import { active } from './active-users.ts'
import { churn } from './churn.ts'
import { content } from './content.ts'
import { creditBalances } from './credit-balances.ts'
import { funnel } from './funnel.ts'
import { lifetime } from './lifetime.ts'
import { money } from './money.ts'
import { retention } from './retention.ts'
import { signupsAndSessions } from './sign-ups-and-sessions.ts'
import { subscriptions } from './subscriptions.ts'
import { users } from './users.ts'

/** Every metric whose past is known, in the order in which it is written. */
export const pasts: readonly Past[] = [
  ...users,
  ...signupsAndSessions,
  ...active,
  ...funnel,
  ...retention,
  ...churn,
  ...lifetime,
  ...content,
  ...subscriptions,
  ...money,
  ...creditBalances,
]
