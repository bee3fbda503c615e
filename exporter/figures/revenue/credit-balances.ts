import { creditBalanceUsers, creditsOutstanding } from '../../../catalogue/revenue.ts'
import type { Cells, State } from '../../store/domain.ts'
import type { Collector } from '../../store/figure.ts'
import { changesOfSpans, hourOf } from '../past.ts'
import { liveUsers } from '../past-spans.ts'
import { balanceBucket, lives, liveUser, text } from '../rules.ts'

const state: State = {
  name: 'balance',
  views: ['users', 'credit_ledger'],
  entity: { view: 'users', id: 'user_id' },
  columns: { counted: 'boolean', credits: 'numeric' },
  contribution: (entities) => `
SELECT d.id, ${liveUser} AS counted, l.credits, least(${lives}) AS next_at
FROM ${entities('u')}
CROSS JOIN LATERAL (
  SELECT coalesce(sum(CASE WHEN kind IN ('purchased', 'granted', 'refunded') THEN credits
    WHEN kind IN ('consumed', 'expired') THEN -credits END), 0) AS credits
  FROM credit_ledger WHERE user_id = d.id AND created_at <= :as_of
) AS l`,
}

const sums: Cells = {
  name: 'balances',
  keys: { balance: text(balanceBucket('s.credits')) },
  amounts: { credits: 's.credits' },
  where: 's.counted',
}

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

/** `balance(user_id, credits, since, until)` of live users. */
const pastBalances = `${liveUsers},
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

export const creditBalances: Collector = {
  name: 'credit-balances',
  reads: [{ of: state, sums: [sums] }],
  figures: [
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
      past: {
        changes: `WITH ${pastBalances}
${changesOfSpans(
  `SELECT since, until,
        ${balanceBucket('credits')} AS balance
  FROM balance`,
  ['balance'],
)}`,
      },
    },
    {
      metric: creditsOutstanding,
      emit: `
SELECT coalesce(sum(credits), 0) AS value
FROM rollup_balances`,
      sql: `${balances}
SELECT coalesce(sum(credits), 0) AS value
FROM balance`,
      past: {
        changes: `WITH ${pastBalances}
${changesOfSpans('SELECT credits, since, until FROM balance', [], 'span.credits')}`,
      },
    },
  ],
}
