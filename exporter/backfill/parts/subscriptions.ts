import { mrr, payingUsers, subscriptions as subscriptionsMetric } from '../../../catalogue/revenue.ts'
import { changesOfSpans, hourOf, type Past } from '../../figures/past.ts'
import { tierSpans } from '../../figures/past-spans.ts'
import {
  currencyOf,
  fold,
  foldOneOf,
  givesTier,
  minorPerMajor,
  monthlyMinor,
  notInternal,
} from '../../figures/rules.ts'

/** A subscription with what it is now, while it ran. */
const running = (columns: string, where: string): string => `
SELECT ${columns}, ${hourOf('s.started_at')} AS since, ${hourOf(`coalesce(s.ended_at, 'infinity')`)} AS until
FROM subscriptions s
LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND ${where}`

export const subscriptions: readonly Past[] = [
  {
    metric: subscriptionsMetric,
    changes: changesOfSpans(
      running(
        `${fold('s.tier', 'tier')} AS tier,
  ${foldOneOf('s.status', subscriptionsMetric.labels.status.values ?? [])} AS status`,
        'true',
      ),
      ['tier', 'status'],
    ),
  },
  {
    metric: payingUsers,
    changes: `WITH ${tierSpans({
      name: 'tier_span',
      where: givesTier,
      whether: { pays: `s.status IN ('active', 'past_due') AND s.amount_minor > 0` },
    })}
${changesOfSpans(
  `SELECT t.tier, t.since, t.until FROM tier_span t LEFT JOIN users u USING (user_id) WHERE ${notInternal} AND t.pays`,
  ['tier'],
)}`,
  },
  {
    metric: mrr,
    divisor: minorPerMajor('currency'),
    changes: changesOfSpans(
      running(
        `${currencyOf('s')} AS currency, ${fold('s.tier', 'tier')} AS tier, coalesce(round(${monthlyMinor}), 0) AS minor`,
        `s.status IN ('active', 'past_due')`,
      ),
      ['currency', 'tier'],
      'span.minor',
    ),
  },
]
