import type { View } from '../../catalogue/define.ts'
import type { Facts } from '../store/domain.ts'
import { currencyOf } from './rules.ts'

const key = (from: string) => ({ type: 'text', from })
const currency = key(currencyOf('s'))
const changes = `s.counted AND s.kind IN ('new', 'upgrade', 'downgrade', 'cancel', 'reactivate')`

/** What is added up as it happens: nothing of a single row is kept beyond the overlap. */
export const facts: readonly Facts[] = [
  {
    view: 'sessions',
    cells: [
      {
        name: 'sessions',
        keys: {},
        where: 's.counted',
        at: { instant: 's.started_at', grains: ['ever', 'day', 'hour', 'slot'], slotMinutes: 1 },
      },
    ],
  },
  {
    view: 'payments',
    cells: [
      {
        name: 'payments',
        keys: { kind: key('s.kind'), currency },
        amounts: { amount_minor: 's.amount_minor' },
        where: `s.counted AND s.kind IN ('subscription', 'credits')`,
        at: { instant: 's.paid_at', grains: ['ever', 'day', 'hour'] },
      },
    ],
  },
  {
    view: 'refunds',
    cells: [
      {
        name: 'refunds',
        keys: { currency },
        amounts: { amount_minor: 's.amount_minor' },
        where: 's.counted',
        at: { instant: 's.refunded_at', grains: ['ever', 'day', 'hour'] },
      },
    ],
  },
  {
    view: 'credit_ledger',
    cells: [
      {
        name: 'credits',
        keys: { kind: key('s.kind') },
        amounts: { credits: 's.credits' },
        where: 's.counted',
        at: { instant: 's.created_at', grains: ['ever', 'day'] },
      },
    ],
  },
  {
    view: 'subscription_events',
    cells: [
      {
        name: 'mrr_movement',
        keys: { kind: key('s.kind'), currency },
        amounts: { moved_minor: 's.mrr_after_minor - s.mrr_before_minor' },
        where: changes,
        at: { instant: 's.occurred_at', grains: ['ever', 'day'] },
      },
      {
        name: 'subscription_changes',
        keys: {
          kind: key('s.kind'),
          tier: key(`coalesce(nullif(s.to_tier::text, ''), s.from_tier::text, '')`),
        },
        where: changes,
        at: { instant: 's.occurred_at', grains: ['ever', 'day'] },
      },
    ],
  },
]

/** The facts of a view. */
export function factsOf(view: View): Facts {
  const found = facts.find((one) => one.view === view)
  if (found === undefined) throw new Error(`nothing is added up from the view ${view}`)
  return found
}
