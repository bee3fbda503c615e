import { columns, type View } from '../../catalogue/views.ts'
import { flat } from './names.ts'

/** What others call the values of the contract. A value that is not here is left to the adopter. */
const synonyms: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'generations.status': {
    queued: ['queued', 'pending', 'waiting', 'created', 'scheduled', 'submitted', 'enqueued', 'in_queue'],
    running: ['running', 'processing', 'in_progress', 'started', 'generating', 'active', 'rendering'],
    succeeded: ['succeeded', 'success', 'successful', 'completed', 'complete', 'done', 'finished'],
    failed: ['failed', 'failure', 'error', 'errored', 'timed_out', 'timeout'],
    cancelled: ['cancelled', 'canceled', 'aborted', 'revoked'],
  },
  'generations.type': {
    studio: ['studio'],
    base_image: ['base_image', 'base'],
    profile_picture: ['profile_picture', 'profile', 'profile_pic', 'avatar', 'pfp'],
  },
  'generations.quality': {
    draft: ['draft', 'low', 'fast', 'preview', 'sd'],
    hq: ['hq', 'high', 'hd', 'high_quality'],
  },
  'subscriptions.status': {
    trialing: ['trialing', 'trial', 'in_trial'],
    active: ['active'],
    past_due: ['past_due', 'overdue', 'in_grace_period'],
    paused: ['paused', 'on_hold'],
    canceled: ['canceled', 'cancelled', 'expired', 'ended', 'terminated', 'inactive'],
  },
  'subscriptions.interval': {
    week: ['week', 'weekly'],
    month: ['month', 'monthly'],
    year: ['year', 'yearly', 'annual', 'annually'],
  },
  'subscription_events.kind': {
    new: ['new', 'created', 'started', 'subscribed', 'subscription_created', 'activated'],
    upgrade: ['upgrade', 'upgraded'],
    downgrade: ['downgrade', 'downgraded'],
    cancel: ['cancel', 'canceled', 'cancelled', 'churned', 'paused', 'expired', 'ended'],
    reactivate: ['reactivate', 'reactivated', 'resumed', 'resubscribed'],
  },
  'payments.kind': {
    subscription: ['subscription', 'recurring', 'plan', 'membership', 'renewal', 'subscription_cycle'],
    credits: ['credits', 'credit_pack', 'pack', 'credit_purchase', 'credit', 'topup', 'top_up', 'tokens', 'coins'],
  },
  'credit_ledger.kind': {
    purchased: ['purchased', 'purchase', 'pack', 'credit_pack', 'buy', 'bought', 'topup', 'top_up'],
    consumed: ['consumed', 'consume', 'consumption', 'spend', 'spent', 'usage', 'used', 'debit', 'generation'],
    granted: [
      'granted',
      'grant',
      'bonus',
      'gift',
      'reward',
      'signup_bonus',
      'welcome',
      'welcome_bonus',
      'referral',
      'referral_bonus',
      'promo',
      'monthly_grant',
    ],
    refunded: ['refunded', 'refund'],
    expired: ['expired', 'expire', 'expiration', 'expiry'],
  },
  'influencer_requests.status': {
    pending: ['pending', 'new', 'submitted', 'open', 'in_review'],
    approved: ['approved', 'accepted'],
    rejected: ['rejected', 'declined', 'denied'],
  },
  // Anything but open is not, under whichever name.
  'bug_reports.status': {
    open: ['open', 'new', 'reported', 'unresolved'],
    closed: ['closed', 'resolved', 'fixed', 'done', 'wontfix', 'duplicate', 'invalid'],
  },
}

/** The values that the contract has for a column; undefined where any will do. */
export function wantedValues(view: View, column: string): readonly string[] | undefined {
  return (
    columns[view][column]?.values ?? (view === 'bug_reports' && column === 'status' ? ['open', 'closed'] : undefined)
  )
}

/** For each value that is found, the contract's, or undefined where none of ours is known to mean that. */
export function translate(view: View, column: string, found: readonly string[]): Map<string, string | undefined> {
  const known = Object.entries(synonyms[`${view}.${column}`] ?? {})
  const meaning = (value: string): string | undefined =>
    known.find(([, names]) => names.some((name) => flat(name) === flat(value)))?.[0]
  return new Map(found.map((value) => [value, meaning(value)]))
}

/** States of a row of payments or refunds in which money has moved, as others call them. */
export const settledStates: readonly string[] = [
  'succeeded',
  'success',
  'successful',
  'paid',
  'completed',
  'complete',
  'captured',
  'settled',
  'refunded',
  'partially_refunded',
  'disputed',
]
