import { creditBalanceUsers, creditsOutstanding } from '../../../catalogue/revenue.ts'
import { changesOfSpans, hourOf, type Past } from '../../figures/past.ts'
import { liveUsers } from '../../figures/past-spans.ts'
import { balanceBucket } from '../../figures/rules.ts'

/** `balance(user_id, credits, since, until)` of live users. */
const balances = `${liveUsers},
entry AS MATERIALIZED (
  SELECT user_id, hour, sum(credits) AS credits
  FROM (
    SELECT user_id, ${hourOf('created_at')} AS hour, CASE
      WHEN kind IN ('purchased', 'granted', 'refunded') THEN credits
      WHEN kind IN ('consumed', 'expired') THEN -credits
      ELSE 0
    END AS credits
    FROM credit_ledger
    WHERE created_at <= :to
    UNION ALL
    SELECT user_id, since, 0 FROM live
  ) AS entries
  GROUP BY user_id, hour
),
counted AS MATERIALIZED (
  SELECT user_id, sum(credits) OVER earlier AS credits, hour AS since, lead(hour, 1, :end) OVER earlier AS until
  FROM entry
  WINDOW earlier AS (PARTITION BY user_id ORDER BY hour)
),
balance AS MATERIALIZED (
  SELECT c.credits, greatest(c.since, l.since) AS since, least(c.until, l.until) AS until
  FROM counted c JOIN live l USING (user_id)
)`

export const creditBalances: readonly Past[] = [
  {
    metric: creditBalanceUsers,
    changes: `WITH ${balances}
${changesOfSpans(
  `SELECT since, until,
    ${balanceBucket('credits')} AS balance
  FROM balance`,
  ['balance'],
)}`,
  },
  {
    metric: creditsOutstanding,
    changes: `WITH ${balances}
${changesOfSpans('SELECT credits, since, until FROM balance', [], 'span.credits')}`,
  },
]
