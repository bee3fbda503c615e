import { mrrMovement, subscriptionChanges } from '../../../catalogue/revenue.ts'
import type { Cells } from '../../store/domain.ts'
import type { Collector, RangeFunction } from '../../store/figure.ts'
import { passes, sumsOver } from '../../store/ranges.ts'
import { sumsIn } from '../../store/windows.ts'
import { viewEdge } from '../edges.ts'
import { changesEver } from '../past-windows.ts'
import { currencyOf, fold, minorPerMajor, movedBy, movementOf, notInternal, oneOfSql, text } from '../rules.ts'
import { account } from '../states/account.ts'

const kinds = oneOfSql(subscriptionChanges.labels.change)
const isChange = `s.counted AND s.kind IN (${kinds})`

const movementSums: Cells = {
  name: 'mrr_movement',
  keys: { kind: text('s.kind'), currency: text(currencyOf('s')) },
  amounts: { moved_minor: 's.mrr_after_minor - s.mrr_before_minor' },
  where: isChange,
  at: { instant: 's.occurred_at', grains: ['ever', 'day'] },
}

const changeSums: Cells = {
  name: 'subscription_changes',
  keys: { kind: text('s.kind'), tier: text(`coalesce(nullif(s.to_tier::text, ''), s.from_tier::text, '')`) },
  where: isChange,
  at: { instant: 's.occurred_at', grains: ['ever', 'day'] },
}

const pastRows = (columns: string): string => `
SELECT ${columns}, e.occurred_at AS at
FROM subscription_events e
LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND e.kind IN (${kinds})`

const edge = viewEdge('subscription_events', 'occurred_at')

const movements: RangeFunction = {
  name: 'mrr_movements',
  returns: { bucket: 'date', movement: 'text', currency: 'text', amount: 'numeric' },
  needs: ['users', account, 'subscription_events'],
  sql: `
SELECT bucket, ${movementOf('kind')} AS movement, currency,
  sum(${movedBy('kind', 'moved_minor')}) / ${minorPerMajor('currency')} AS amount
FROM ${sumsOver(movementSums, edge)}
WHERE ${passes('currency', 'currency')}
GROUP BY 1, 2, 3`,
}

const changes: RangeFunction = {
  name: 'subscription_changes',
  returns: { bucket: 'date', change: 'text', tier: 'text', n: 'bigint' },
  needs: ['users', account, 'subscription_events'],
  sql: `
SELECT bucket, kind AS change, ${fold('tier', 'tier')} AS tier, sum(n)::bigint AS n
FROM ${sumsOver(changeSums, edge)}
WHERE ${passes('tier', fold('tier', 'tier'))}
GROUP BY 1, 2, 3`,
}

export const subscriptionEvents: Collector = {
  name: 'subscription-events',
  reads: [{ of: 'subscription_events', sums: [movementSums, changeSums] }],
  figures: [
    {
      metric: mrrMovement,
      emit: `
SELECT
  ${movementOf('r.kind')} AS movement,
  r.currency,
  sum(${movedBy('r.kind', 'r.moved_minor')}) / ${minorPerMajor('r.currency')} AS value
FROM ${sumsIn(movementSums, ['ever'])}
WHERE n > 0
GROUP BY 1, 2`,
      sql: `
SELECT
  ${movementOf('e.kind')} AS movement,
  ${currencyOf('e')} AS currency,
  sum(${movedBy('e.kind', 'e.mrr_after_minor - e.mrr_before_minor')})
    / ${minorPerMajor(currencyOf('e'))} AS value
FROM subscription_events e
LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND e.occurred_at <= :as_of
  AND e.kind IN (${kinds})
GROUP BY 1, ${currencyOf('e')}`,
      past: {
        divisor: minorPerMajor('currency'),
        changes: changesEver(
          Object.keys(mrrMovement.labels),
          pastRows(`
  ${movementOf('e.kind')} AS movement,
  ${currencyOf('e')} AS currency,
  ${movedBy('e.kind', 'e.mrr_after_minor - e.mrr_before_minor')} AS value`),
        ),
      },
    },
    {
      metric: subscriptionChanges,
      emit: `
SELECT r.kind AS change, ${fold('r.tier', 'tier')} AS tier, sum(n) AS value
FROM ${sumsIn(changeSums, ['ever'])}
WHERE n > 0
GROUP BY 1, 2`,
      sql: `
SELECT e.kind AS change, ${fold(`coalesce(nullif(e.to_tier, ''), e.from_tier)`, 'tier')} AS tier, count(*) AS value
FROM subscription_events e
LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND e.occurred_at <= :as_of
  AND e.kind IN (${kinds})
GROUP BY 1, 2`,
      past: {
        changes: changesEver(
          Object.keys(subscriptionChanges.labels),
          pastRows(
            `e.kind AS change, ${fold(`coalesce(nullif(e.to_tier, ''), e.from_tier)`, 'tier')} AS tier, 1 AS value`,
          ),
        ),
      },
    },
  ],
  ranges: [movements, changes],
}
