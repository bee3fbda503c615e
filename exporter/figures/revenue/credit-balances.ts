import { creditBalanceUsers, creditsOutstanding } from '../../../catalogue/revenue.ts'
import type { Collector } from '../../store/figure.ts'
import { balanceBucket, liveUser } from '../rules.ts'
import { balance } from '../users/account.ts'

const balances = `
WITH balance AS (
  SELECT u.user_id, coalesce(sum(CASE
    WHEN l.kind IN ('purchased', 'granted', 'refunded') THEN l.credits
    WHEN l.kind IN ('consumed', 'expired') THEN -l.credits
  END), 0) AS credits
  FROM users u
  LEFT JOIN credit_ledger l ON l.user_id = u.user_id AND l.created_at <= :as_of
  WHERE ${liveUser}
  GROUP BY u.user_id
)`

export const creditBalances: Collector = {
  name: 'credit-balances',
  views: creditBalanceUsers.sources,
  parts: [balance.name],
  oracle: [
    {
      metric: creditBalanceUsers,
      emit: `
SELECT balance, n AS value
FROM rollup_balances
WHERE n > 0`,
      sql: `${balances}
SELECT
  ${balanceBucket('credits')} AS balance,
  count(*) AS value
FROM balance
GROUP BY 1`,
    },
    {
      metric: creditsOutstanding,
      emit: `
SELECT coalesce(sum(credits), 0) AS value
FROM rollup_balances`,
      sql: `${balances}
SELECT coalesce(sum(credits), 0) AS value
FROM balance`,
    },
  ],
}
