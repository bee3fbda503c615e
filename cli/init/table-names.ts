import type { View } from '../../catalogue/views.ts'

/** How to find the table behind a view: its names with a weight up to 10, and words that speak against it. */
export interface TableNames {
  names: Readonly<Record<string, number>>
  not?: readonly string[]
  /** Its columns tell a table by themselves, whatever its name; times and a state alone are in too many. */
  hasTellingColumns?: true
  /** Money: a copy of Stripe's objects has a table for it. */
  isInStripe?: true
}

export const tableNames: Readonly<Record<View, TableNames>> = {
  users: {
    names: { user: 10, app_user: 10, auth_user: 10, member: 7, account: 6, customer: 5, profile: 5, person: 4 },
    not: ['admin', 'permission', 'group', 'role', 'token', 'email', 'setting', 'mapping', 'stat'],
  },
  visits: {
    names: { visit: 10, page_view: 8, site_visit: 10, landing: 5, hit: 5, page_visit: 9, pageview: 8 },
    not: ['doctor'],
  },
  sessions: {
    names: { session: 10, login: 7, sign_in: 7, user_session: 10, login_history: 7, login_event: 7, activity: 5 },
    not: ['checkout', 'upload', 'chat', 'django', 'training', 'portal', 'attempt', 'failed'],
  },
  characters: {
    names: {
      character: 10,
      persona: 8,
      companion: 7,
      avatar: 6,
      influencer: 5,
      ai_model: 6,
      digital_twin: 5,
      subject: 5,
    },
    not: ['request', 'application', 'tag', 'like'],
  },
  generations: {
    names: {
      generation: 10,
      image_generation: 10,
      generation_job: 10,
      generation_request: 10,
      generation_task: 10,
      image_job: 9,
      prediction: 7,
      render: 7,
      render_job: 8,
      creation: 5,
      inference: 6,
      artwork: 5,
      job: 5,
    },
    not: ['like', 'tag', 'comment', 'log', 'event', 'failed', 'queue'],
    hasTellingColumns: true,
  },
  subscriptions: {
    names: { subscription: 10, user_subscription: 10, membership: 7, user_plan: 7 },
    not: ['item', 'schedule', 'push', 'newsletter', 'webhook', 'topic', 'event', 'log', 'team'],
    hasTellingColumns: true,
    isInStripe: true,
  },
  subscription_events: {
    names: {
      subscription_event: 10,
      subscription_change: 10,
      subscription_history: 9,
      subscription_log: 9,
      plan_change: 8,
      billing_event: 5,
      mrr_movement: 9,
    },
    hasTellingColumns: true,
    isInStripe: true,
  },
  payments: {
    names: { payment: 10, charge: 9, purchase: 8, order: 6, transaction: 6, payment_transaction: 9, invoice: 5 },
    not: ['method', 'item', 'intent', 'credit', 'token', 'attempt', 'refund', 'line', 'payout', 'coin'],
    hasTellingColumns: true,
    isInStripe: true,
  },
  refunds: {
    names: { refund: 10, payment_refund: 10, charge_refund: 10 },
    not: ['request', 'policy'],
    hasTellingColumns: true,
    isInStripe: true,
  },
  credit_ledger: {
    names: {
      credit_ledger: 10,
      credit_ledger_entry: 10,
      credit_transaction: 10,
      credit_entry: 10,
      credit_log: 9,
      credit_history: 9,
      credit_movement: 10,
      credit_usage: 6,
      token_transaction: 8,
      coin_transaction: 8,
      wallet_transaction: 8,
      ledger_entry: 7,
      ledger: 7,
      credit: 5,
    },
    not: ['note', 'card', 'grant', 'pack', 'package'],
    hasTellingColumns: true,
  },
  bug_reports: {
    names: { bug_report: 10, bug: 9, problem_report: 9, issue_report: 9, support_ticket: 6, feedback: 5, ticket: 5 },
    not: ['comment', 'attachment', 'message'],
  },
  influencer_requests: {
    names: {
      influencer_request: 10,
      influencer_application: 10,
      creator_application: 8,
      creator_request: 8,
      ambassador_application: 7,
      partner_application: 6,
      affiliate_application: 6,
    },
  },
}
