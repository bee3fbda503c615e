import type { View } from '../../catalogue/define.ts'

/** Columns of the source contract that hold one of a few values. Another value is counted in no figure that names them. */
export const enumerations: Partial<Record<View, readonly { column: string; values: readonly string[] }[]>> = {
  generations: [
    { column: 'status', values: ['queued', 'running', 'succeeded', 'failed', 'cancelled'] },
    { column: 'type', values: ['studio', 'base_image', 'profile_picture'] },
    { column: 'quality', values: ['draft', 'hq'] },
  ],
  subscriptions: [
    { column: 'status', values: ['trialing', 'active', 'past_due', 'paused', 'canceled'] },
    { column: 'interval', values: ['week', 'month', 'year'] },
  ],
  subscription_events: [{ column: 'kind', values: ['new', 'upgrade', 'downgrade', 'cancel', 'reactivate'] }],
  payments: [{ column: 'kind', values: ['subscription', 'credits'] }],
  credit_ledger: [{ column: 'kind', values: ['purchased', 'consumed', 'granted', 'refunded', 'expired'] }],
  influencer_requests: [{ column: 'status', values: ['pending', 'approved', 'rejected'] }],
}
