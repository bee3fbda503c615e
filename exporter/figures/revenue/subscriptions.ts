import { valuesOf } from '../../../catalogue/define.ts'
import { mrr, payingUsers, subscriptions as subscriptionsMetric } from '../../../catalogue/revenue.ts'
import type { Cells } from '../../store/domain.ts'
import type { Collector } from '../../store/figure.ts'
import { changesOfSpans, hourOf } from '../past.ts'
import { tierSpans } from '../past-spans.ts'
import {
  currencyOf,
  fold,
  foldOneOf,
  givesTier,
  minorPerMajor,
  monthlyMinor,
  notInternal,
  runningAt,
  text,
  tierOf,
} from '../rules.ts'
import { subscriber } from '../states/subscriber.ts'
import { subscription } from '../states/subscription.ts'

const payingSums: Cells = {
  name: 'paying_users',
  keys: { tier: text('s.paying_tier') },
  where: 's.paying_tier IS NOT NULL',
}

const runningSums: Cells = {
  name: 'subscriptions',
  keys: { tier: text('s.tier'), status: text('s.status') },
  where: 's.running',
}

const mrrSums: Cells = {
  name: 'mrr',
  keys: { currency: text('s.currency'), tier: text('s.tier') },
  amounts: { monthly_minor: 's.monthly_minor' },
  where: 's.running AND s.currency IS NOT NULL',
}

const status = foldOneOf('s.status', valuesOf(subscriptionsMetric.labels.status))

/** A subscription with what it is now, while it ran. */
const running = (columns: string, where: string): string => `
SELECT ${columns}, ${hourOf('s.started_at')} AS since, ${hourOf(`coalesce(s.ended_at, 'infinity')`)} AS until
FROM subscriptions s
LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND ${where}`

export const subscriptions: Collector = {
  name: 'subscriptions',
  reads: [
    { of: subscription, sums: [runningSums, mrrSums] },
    { of: subscriber, sums: [payingSums] },
  ],
  figures: [
    {
      metric: subscriptionsMetric,
      emit: `
SELECT ${fold('s.tier', 'tier')} AS tier,
  ${status} AS status, sum(n) AS value
FROM rollup_subscriptions s
WHERE n > 0
GROUP BY 1, 2`,
      sql: `
SELECT
  ${fold('s.tier', 'tier')} AS tier,
  ${status} AS status,
  count(*) AS value
FROM subscriptions s
LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND ${runningAt(':as_of')}
GROUP BY 1, 2`,
      past: {
        changes: changesOfSpans(
          running(
            `${fold('s.tier', 'tier')} AS tier,
  ${status} AS status`,
            'true',
          ),
          ['tier', 'status'],
        ),
      },
    },
    {
      metric: payingUsers,
      emit: `
SELECT ${fold('tier', 'tier')} AS tier, sum(n) AS value
FROM rollup_paying_users
WHERE n > 0
GROUP BY 1`,
      sql: `
WITH ${tierOf}
SELECT t.tier, count(DISTINCT s.user_id) AS value
FROM subscriptions s
JOIN tier_of t USING (user_id)
LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND ${runningAt(':as_of')} AND s.status IN ('active', 'past_due') AND s.amount_minor > 0
GROUP BY 1`,
      past: {
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
    },
    {
      metric: mrr,
      emit: `
SELECT s.currency, ${fold('s.tier', 'tier')} AS tier, sum(s.monthly_minor) / ${minorPerMajor('s.currency')} AS value
FROM rollup_mrr s
WHERE n > 0
GROUP BY 1, 2`,
      sql: `
SELECT
  ${currencyOf('s')} AS currency,
  ${fold('s.tier', 'tier')} AS tier,
  sum(round(${monthlyMinor})) / ${minorPerMajor(currencyOf('s'))} AS value
FROM subscriptions s
LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND ${runningAt(':as_of')} AND s.status IN ('active', 'past_due')
GROUP BY ${currencyOf('s')}, 2`,
      past: {
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
    },
  ],
}
