import {
  credits,
  mrrMovement,
  paymentAmount,
  payments,
  refundAmount,
  refunds,
  subscriptionChanges,
} from '../../../catalogue/revenue.ts'
import type { Past } from '../../figures/past.ts'
import { changesEver, changesOfFacts } from '../../figures/past-windows.ts'
import { currencyOf, fold, minorPerMajor, movedBy, movementOf, notInternal } from '../../figures/rules.ts'

const paymentRows = (value: string): string => `
SELECT p.kind, ${currencyOf('p')} AS currency, p.paid_at AS at, ${value} AS value
FROM payments p
LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND p.kind IN ('subscription', 'credits')`

const refundRows = (value: string): string => `
SELECT ${currencyOf('r')} AS currency, r.refunded_at AS at, ${value} AS value
FROM refunds r
LEFT JOIN users u USING (user_id)
WHERE ${notInternal}`

const eventRows = (columns: string): string => `
SELECT ${columns}, e.occurred_at AS at
FROM subscription_events e
LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND e.kind IN ('new', 'upgrade', 'downgrade', 'cancel', 'reactivate')`

const kinds = credits.labels.kind.values?.map((kind) => `'${kind}'`).join(', ')
const inMajorUnits = minorPerMajor('currency')

export const money: readonly Past[] = [
  { metric: payments, changes: changesOfFacts({ metric: payments, rows: paymentRows('1') }) },
  {
    metric: paymentAmount,
    divisor: inMajorUnits,
    changes: changesOfFacts({ metric: paymentAmount, rows: paymentRows('p.amount_minor') }),
  },
  { metric: refunds, changes: changesOfFacts({ metric: refunds, rows: refundRows('1') }) },
  {
    metric: refundAmount,
    divisor: inMajorUnits,
    changes: changesOfFacts({ metric: refundAmount, rows: refundRows('r.amount_minor') }),
  },
  {
    metric: credits,
    changes: changesOfFacts({
      metric: credits,
      rows: `
SELECT l.kind, l.created_at AS at, l.credits AS value
FROM credit_ledger l
LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND l.kind IN (${kinds})`,
    }),
  },
  {
    metric: mrrMovement,
    divisor: inMajorUnits,
    changes: changesEver(
      Object.keys(mrrMovement.labels),
      eventRows(`
  ${movementOf('e.kind')} AS movement,
  ${currencyOf('e')} AS currency,
  ${movedBy('e.kind', 'e.mrr_after_minor - e.mrr_before_minor')} AS value`),
    ),
  },
  {
    metric: subscriptionChanges,
    changes: changesEver(
      Object.keys(subscriptionChanges.labels),
      eventRows(
        `e.kind AS change, ${fold(`coalesce(nullif(e.to_tier, ''), e.from_tier)`, 'tier')} AS tier, 1 AS value`,
      ),
    ),
  },
]
