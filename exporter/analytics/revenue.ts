import { credits } from '../../catalogue/revenue.ts'
import { factsOf } from '../figures/facts.ts'
import { fold, minorPerMajor, movedBy, movementOf } from '../figures/rules.ts'
import { passes } from '../figures/segments.ts'
import { account } from '../figures/users/account.ts'
import { sumsOver, viewEdge } from '../store/ranges.ts'
import { cellsNamed } from '../store/windows.ts'
import type { AnalyticsFunction } from './functions.ts'

const accounts = ['feed users', account.name]
const creditKinds = credits.labels.kind.values?.map((kind) => `'${kind}'`).join(', ')
const events = factsOf('subscription_events').cells
const eventEdge = viewEdge('subscription_events', 'occurred_at')

export const revenue: readonly AnalyticsFunction[] = [
  {
    name: 'payments',
    returns: { bucket: 'date', kind: 'text', currency: 'text', n: 'bigint', amount: 'numeric' },
    parts: [...accounts, 'feed payments'],
    sql: `
SELECT bucket, kind, currency, sum(n)::bigint AS n, sum(amount_minor) / ${minorPerMajor('currency')} AS amount
FROM ${sumsOver(factsOf('payments').cells[0], viewEdge('payments', 'paid_at'))}
WHERE ${passes('currency', 'currency')}
GROUP BY 1, 2, 3`,
  },
  {
    name: 'refunds',
    returns: { bucket: 'date', currency: 'text', n: 'bigint', amount: 'numeric' },
    parts: [...accounts, 'feed refunds'],
    sql: `
SELECT bucket, currency, sum(n)::bigint AS n, sum(amount_minor) / ${minorPerMajor('currency')} AS amount
FROM ${sumsOver(factsOf('refunds').cells[0], viewEdge('refunds', 'refunded_at'))}
WHERE ${passes('currency', 'currency')}
GROUP BY 1, 2`,
  },
  {
    name: 'credits',
    returns: { bucket: 'date', kind: 'text', credits: 'numeric' },
    parts: [...accounts, 'feed credit_ledger'],
    sql: `
SELECT bucket, kind, sum(credits) AS credits
FROM ${sumsOver(factsOf('credit_ledger').cells[0], viewEdge('credit_ledger', 'created_at'))}
WHERE kind IN (${creditKinds})
GROUP BY 1, 2`,
  },
  {
    name: 'mrr_movements',
    returns: { bucket: 'date', movement: 'text', currency: 'text', amount: 'numeric' },
    parts: [...accounts, 'feed subscription_events'],
    sql: `
SELECT bucket, ${movementOf('kind')} AS movement, currency,
  sum(${movedBy('kind', 'moved_minor')}) / ${minorPerMajor('currency')} AS amount
FROM ${sumsOver(cellsNamed(events, 'mrr_movement'), eventEdge)}
WHERE ${passes('currency', 'currency')}
GROUP BY 1, 2, 3`,
  },
  {
    name: 'subscription_changes',
    returns: { bucket: 'date', change: 'text', tier: 'text', n: 'bigint' },
    parts: [...accounts, 'feed subscription_events'],
    sql: `
SELECT bucket, kind AS change, ${fold('tier', 'tier')} AS tier, sum(n)::bigint AS n
FROM ${sumsOver(cellsNamed(events, 'subscription_changes'), eventEdge)}
WHERE ${passes('tier', fold('tier', 'tier'))}
GROUP BY 1, 2, 3`,
  },
]
