import { contract, kindOf, type View } from '../../catalogue/views.ts'

/** What a column is called: `sure` is that and nothing else, `likely` is to be looked at. */
export interface ColumnNames {
  sure: readonly string[]
  likely?: readonly string[]
}

const created: ColumnNames = {
  sure: [
    'created_at',
    'created',
    'created_on',
    'creation_time',
    'create_time',
    'date_created',
    'created_date',
    'inserted_at',
  ],
  likely: [
    'timestamp',
    'occurred_at',
    'time',
    'ts',
    'date',
    'at',
    'added_at',
    'date_added',
    'requested_at',
    'submitted_at',
  ],
}
const updated: ColumnNames = {
  sure: [
    'updated_at',
    'updated',
    'updated_on',
    'update_time',
    'date_updated',
    'modified_at',
    'modified',
    'modified_on',
  ],
  likely: [
    'last_modified',
    'date_modified',
    'changed_at',
    'last_updated',
    'last_updated_at',
    'last_synced_at',
    'status_changed_at',
  ],
}
const deleted: ColumnNames = {
  sure: ['deleted_at', 'deleted_on', 'date_deleted', 'removed_at', 'removed'],
  likely: ['discarded_at', 'archived_at', 'deactivated_at', 'closed_at', 'soft_deleted_at', 'deleted'],
}
const amount: ColumnNames = {
  sure: ['amount_minor', 'amount_cents', 'amount_in_cents', 'cents', 'price_cents', 'total_cents', 'unit_amount'],
  likely: [
    'amount',
    'total',
    'total_amount',
    'amount_paid',
    'price',
    'value',
    'gross',
    'amount_total',
    'amount_refunded',
    'sum',
  ],
}
const currency: ColumnNames = { sure: ['currency', 'currency_code'] }
const status: ColumnNames = { sure: ['status'], likely: ['state', 'phase', 'stage'] }

/** Columns that are called the same in every view. */
const common: Readonly<Record<string, ColumnNames>> = {
  created_at: created,
  updated_at: updated,
  deleted_at: deleted,
  amount_minor: amount,
  currency,
  status,
}

/** What columns of single views are called beside `common`. A column that is in neither is looked for by its own name. */
const special: Readonly<Partial<Record<View, Readonly<Record<string, ColumnNames>>>>> = {
  users: {
    created_at: { ...created, sure: [...created.sure, 'date_joined', 'registered_at', 'joined_at', 'signed_up_at'] },
    country: {
      sure: ['country', 'country_code'],
      likely: ['signup_country', 'billing_country', 'region', 'locale_country'],
    },
    signup_source: {
      sure: ['signup_source', 'registration_source', 'acquisition_source', 'acquisition_channel'],
      likely: ['source', 'utm_source', 'referrer', 'referral_source', 'channel', 'came_from'],
    },
    visitor_id: {
      sure: ['visitor_id', 'anonymous_id'],
      likely: ['device_id', 'distinct_id', 'visitor', 'visitor_token', 'client_id'],
    },
    is_internal: {
      sure: ['is_internal', 'internal'],
      likely: [
        'is_staff',
        'is_superuser',
        'is_admin',
        'is_test',
        'is_tester',
        'is_bot',
        'staff',
        'admin',
        'role',
        'kind',
        'account_type',
        'user_type',
      ],
    },
  },
  visits: {
    visitor_id: {
      sure: ['visitor_id', 'anonymous_id'],
      likely: ['visitor', 'visitor_token', 'device_id', 'distinct_id', 'client_id', 'cookie_id'],
    },
    visited_at: { sure: ['visited_at', ...created.sure], likely: ['started_at', ...(created.likely ?? [])] },
    source: { sure: ['source', 'utm_source'], likely: ['referrer', 'referring_domain', 'channel', 'medium'] },
  },
  sessions: {
    started_at: {
      sure: ['started_at', 'start_time', 'session_start', 'logged_in_at', 'login_at', ...created.sure],
      likely: created.likely ?? [],
    },
  },
  generations: {
    created_at: { ...created, sure: [...created.sure, 'queued_at', 'enqueued_at'] },
    started_at: {
      sure: ['started_at', 'start_time', 'started', 'processing_started_at'],
      likely: ['processed_at', 'picked_up_at', 'began_at', 'began', 'begin'],
    },
    finished_at: {
      sure: ['finished_at', 'completed_at', 'finished', 'completed', 'ended', 'finish_time', 'end_time', 'ended_at'],
      likely: ['done_at', 'processed_at'],
    },
    type: { sure: ['type', 'generation_type'], likely: ['kind', 'purpose', 'mode', 'category', 'source', 'feature'] },
    quality: {
      sure: ['quality'],
      likely: [
        'quality_level',
        'preset',
        'mode',
        'resolution',
        'is_hd',
        'hd',
        'is_hq',
        'hq',
        'is_draft',
        'draft',
        'high_quality',
      ],
    },
    aspect_ratio: { sure: ['aspect_ratio'], likely: ['ratio', 'aspect', 'format', 'dimension', 'size'] },
    is_nsfw: {
      sure: ['is_nsfw', 'nsfw'],
      likely: [
        'is_adult',
        'adult',
        'explicit',
        'is_explicit',
        'nsfw_detected',
        'has_nsfw',
        'rating',
        'content_rating',
        'safety_rating',
      ],
    },
    image_count: {
      sure: ['image_count', 'num_image', 'number_of_image', 'images_count'],
      likely: [
        'count',
        'num_outputs',
        'batch_size',
        'n',
        'quantity',
        'image',
        'image_url',
        'output',
        'output_url',
        'result_url',
      ],
    },
    failure_reason: {
      sure: ['failure_reason', 'failed_reason', 'fail_reason', 'error_code'],
      likely: ['error', 'error_message', 'error_type', 'reason', 'failure_code', 'failure'],
    },
    scene: { sure: ['scene'], likely: ['scene_name', 'scene_id', 'background'] },
    environment: {
      sure: ['environment'],
      likely: ['environment_name', 'environment_id', 'location', 'setting', 'background'],
    },
    outfit: { sure: ['outfit'], likely: ['outfit_name', 'outfit_id', 'clothing', 'clothe'] },
    pose: { sure: ['pose'], likely: ['pose_name', 'pose_id'] },
  },
  subscriptions: {
    tier: {
      sure: ['tier', 'plan', 'plan_name', 'plan_code'],
      likely: ['plan_id', 'plan_type', 'level', 'product', 'product_id', 'package', 'price_id', 'stripe_price_id'],
    },
    interval: {
      sure: ['billing_interval', 'interval', 'billing_period'],
      likely: ['period', 'cycle', 'billing_cycle', 'recurring_interval', 'frequency', 'is_yearly', 'is_annual'],
    },
    interval_count: { sure: ['interval_count', 'billing_interval_count', 'recurring_interval_count'] },
    started_at: {
      sure: ['started_at', 'start_date', 'starts_at', 'started', 'subscribed_at'],
      likely: ['activated_at', ...created.sure],
    },
    ended_at: {
      sure: ['ended_at', 'ended', 'end_date'],
      likely: ['ends_at', 'expired_at', 'terminated_at', 'canceled_at', 'cancelled_at', 'expires_at'],
    },
  },
  subscription_events: {
    occurred_at: { sure: ['occurred_at', 'happened_at', 'changed_at', ...created.sure], likely: created.likely ?? [] },
    kind: { sure: ['kind', 'type', 'event_type', 'event', 'change_type'], likely: ['action', 'name'] },
    from_tier: {
      sure: ['from_tier', 'from_plan', 'old_plan', 'old_tier', 'previous_plan', 'previous_tier'],
      likely: ['plan_before', 'tier_before', 'from_plan_id', 'old_plan_id'],
    },
    to_tier: {
      sure: ['to_tier', 'to_plan', 'new_plan', 'new_tier'],
      likely: ['plan_after', 'tier_after', 'to_plan_id', 'new_plan_id', 'plan', 'tier'],
    },
    mrr_before_minor: {
      sure: ['mrr_before_minor', 'mrr_before_cents', 'old_mrr_cents'],
      likely: ['mrr_before', 'old_mrr', 'previous_mrr'],
    },
    mrr_after_minor: {
      sure: ['mrr_after_minor', 'mrr_after_cents', 'new_mrr_cents'],
      likely: ['mrr_after', 'new_mrr', 'mrr'],
    },
  },
  payments: {
    paid_at: {
      sure: ['paid_at', 'captured_at', 'paid_on', 'paid', 'payment_date'],
      likely: ['succeeded_at', 'completed_at', 'processed_at', ...created.sure, ...(created.likely ?? [])],
    },
    kind: {
      sure: ['kind', 'payment_type', 'type'],
      likely: ['purpose', 'product_type', 'category', 'reason', 'item_type', 'product'],
    },
  },
  refunds: {
    refunded_at: { sure: ['refunded_at', ...created.sure], likely: ['processed_at', ...(created.likely ?? [])] },
  },
  credit_ledger: {
    kind: {
      sure: ['kind', 'entry_type', 'transaction_type', 'type'],
      likely: ['reason', 'action', 'source', 'category', 'operation'],
    },
    credits: {
      sure: ['credit'],
      likely: ['amount', 'delta', 'change', 'quantity', 'value', 'token', 'coin', 'credit_amount', 'points'],
    },
  },
  bug_reports: { severity: { sure: ['severity'], likely: ['priority', 'level', 'impact'] } },
}

/** What a column of a view is called; nothing for ids, which are found by keys. */
export function columnNames(view: View, column: string): Required<ColumnNames> {
  const kind = contract[view][column]
  if (kind === undefined || kindOf(kind) === 'id') return { sure: [], likely: [] }
  return { likely: [], ...(special[view]?.[column] ?? common[column] ?? { sure: [column] }) }
}

/** Names of a column that holds whose row it is, where no foreign key says so; the first is sure. */
export const userColumnNames = [
  'user_id',
  'user',
  'uid',
  'owner_id',
  'account_id',
  'member_id',
  'customer_id',
  'author_id',
  'creator_id',
  'created_by',
  'profile_id',
]

/** Names of a column that holds Stripe's id of a customer (cus_…). */
export const stripeCustomerNames = [
  'stripe_customer_id',
  'stripe_customer',
  'stripe_id',
  'billing_customer_id',
  'customer_stripe_id',
  'customer_id',
]
