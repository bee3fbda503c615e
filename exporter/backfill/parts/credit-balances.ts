import { creditBalanceUsers, creditsOutstanding } from '../../../catalogue/revenue.ts'
import { changesOfSpans, hourOf, type Past } from '../figure.ts'
import { liveUsers } from '../spans.ts'

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
    CASE
      WHEN credits < 0 THEN 'debt'
      WHEN credits = 0 THEN '0'
      WHEN credits <= 10 THEN '1-10'
      WHEN credits <= 50 THEN '11-50'
      WHEN credits <= 100 THEN '51-100'
      WHEN credits <= 500 THEN '101-500'
      WHEN credits <= 1000 THEN '501-1000'
      WHEN credits <= 5000 THEN '1001-5000'
      ELSE '5001+'
    END AS balance
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
