import * as figures from '../catalogue/revenue.ts'
import { subscribersAtStart } from '../catalogue/users.ts'
import { board } from './board.ts'
import { balances, creditsADay, creditsNow, creditsOutstanding } from './revenue/credits.ts'
import { movements, mrrNow, mrrOverTime, quickRatio } from './revenue/mrr.ts'
import { arppu, arpu, churnTrend, payments, paymentsNow, refunds } from './revenue/payments.ts'
import {
  changes,
  changesNow,
  subscriptionsByStatus,
  subscriptionsNow,
  subscriptionsOverTime,
} from './revenue/subscriptions.ts'
import { labelVariable } from './variables.ts'

/** What comes in, what goes, and what is owed. Currencies are never added. */
export const revenue = {
  name: 'revenue',
  build: () =>
    board({
      name: 'revenue',
      title: 'Revenue',
      description: 'Subscriptions, recurring revenue, credits, payments and refunds. Currencies are never added.',
      variables: [
        labelVariable(
          [figures.mrr, figures.mrrMovement, figures.paymentAmount, figures.refundAmount],
          'currency',
          'Currency',
        ),
        labelVariable([figures.subscriptions, figures.subscriptionChanges, subscribersAtStart], 'tier', 'Tier'),
      ],
      sections: [
        { title: 'Recurring revenue', panels: [mrrNow(), mrrOverTime(), movements(), quickRatio()] },
        {
          title: 'Subscriptions',
          panels: [
            subscriptionsNow(),
            changesNow(),
            subscriptionsOverTime(),
            changes(),
            subscriptionsByStatus(),
            churnTrend(),
          ],
        },
        { title: 'Payments', panels: [paymentsNow(), payments(), refunds(), arpu(), arppu()] },
        { title: 'Credits', panels: [creditsNow(), creditsOutstanding(), creditsADay(), balances()] },
      ],
    }),
} as const
