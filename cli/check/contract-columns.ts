import type { View } from '../../catalogue/define.ts'

/** What a column of the contract may be, and whether NULL may stand in it. */
export interface ContractColumn {
  name: string
  /** Types as format_type gives them, any of which is right. */
  types: readonly string[]
  nullable: boolean
}

const typesOf: Readonly<Record<string, readonly string[]>> = {
  id: ['bigint', 'uuid', 'text'],
  ts: ['timestamp with time zone'],
  text: ['text', 'character varying'],
  bool: ['boolean'],
  int: ['integer', 'bigint', 'smallint'],
  bigint: ['bigint', 'integer'],
  country: ['character(2)', 'text', 'character varying'],
  currency: ['character(3)', 'text', 'character varying'],
}

/** `name kind`, with a question mark where NULL may stand. */
const columns: Readonly<Record<View, string>> = {
  users:
    'user_id id, created_at ts, deleted_at ts?, updated_at ts, country country?, signup_source text?, visitor_id text?, is_internal bool',
  visits: 'visit_id id, visitor_id text, visited_at ts, source text?',
  sessions: 'session_id id, user_id id, started_at ts',
  characters: 'character_id id, user_id id, created_at ts, deleted_at ts?, updated_at ts',
  generations:
    'generation_id id, user_id id, created_at ts, started_at ts?, finished_at ts?, updated_at ts, status text, type text, quality text, aspect_ratio text, is_nsfw bool, image_count int, failure_reason text?, scene text?, environment text?, outfit text?, pose text?',
  subscriptions:
    'subscription_id id, user_id id, tier text, status text, amount_minor bigint, currency currency, interval text, interval_count int, started_at ts, ended_at ts?, updated_at ts',
  subscription_events:
    'event_id id, subscription_id id, user_id id, occurred_at ts, kind text, from_tier text?, to_tier text?, mrr_before_minor bigint, mrr_after_minor bigint, currency currency',
  payments: 'payment_id id, user_id id, paid_at ts, kind text, amount_minor bigint, currency currency',
  refunds: 'refund_id id, payment_id id, user_id id, refunded_at ts, amount_minor bigint, currency currency',
  credit_ledger: 'entry_id id, user_id id, created_at ts, kind text, credits bigint',
  bug_reports: 'bug_report_id id, created_at ts, updated_at ts, status text, severity text?',
  influencer_requests: 'request_id id, created_at ts, updated_at ts, status text',
}

export function contractColumns(view: View): ContractColumn[] {
  return columns[view].split(', ').map((column) => {
    const [name = '', kind = ''] = column.split(' ')
    return { name, types: typesOf[kind.replace('?', '')] ?? [], nullable: kind.endsWith('?') }
  })
}
