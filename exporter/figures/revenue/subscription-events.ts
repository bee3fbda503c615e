import { mrrMovement, subscriptionChanges } from '../../../catalogue/revenue.ts'
import type { Collector } from '../../store/figure.ts'
import { cellsNamed, sumsIn } from '../../store/windows.ts'
import { factsOf } from '../facts.ts'
import { currencyOf, fold, minorPerMajor, movedBy, movementOf, notInternal } from '../rules.ts'

export const subscriptionEvents: Collector = {
  name: 'subscription-events',
  views: mrrMovement.sources,
  parts: ['feed subscription_events'],
  oracle: [
    {
      metric: mrrMovement,
      emit: `
SELECT
  ${movementOf('r.kind')} AS movement,
  r.currency,
  sum(${movedBy('r.kind', 'r.moved_minor')}) / ${minorPerMajor('r.currency')} AS value
FROM ${sumsIn(cellsNamed(factsOf('subscription_events').cells, 'mrr_movement'), ['ever'])}
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
  AND e.kind IN ('new', 'upgrade', 'downgrade', 'cancel', 'reactivate')
GROUP BY 1, ${currencyOf('e')}`,
    },
    {
      metric: subscriptionChanges,
      emit: `
SELECT r.kind AS change, ${fold('r.tier', 'tier')} AS tier, sum(n) AS value
FROM ${sumsIn(cellsNamed(factsOf('subscription_events').cells, 'subscription_changes'), ['ever'])}
WHERE n > 0
GROUP BY 1, 2`,
      sql: `
SELECT e.kind AS change, ${fold(`coalesce(nullif(e.to_tier, ''), e.from_tier)`, 'tier')} AS tier, count(*) AS value
FROM subscription_events e
LEFT JOIN users u USING (user_id)
WHERE ${notInternal} AND e.occurred_at <= :as_of
  AND e.kind IN ('new', 'upgrade', 'downgrade', 'cancel', 'reactivate')
GROUP BY 1, 2`,
    },
  ],
}
