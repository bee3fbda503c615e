/**
 * The source contract: the views that Barometer reads, and what each column must be. One entry is all that the exporter,
 * `barometer check`, the tests' platforms and docs/views.md know of a view.
 */

/** What a column holds. `minorUnits` is money in cents, or another amount that is never a fraction. */
export type Kind = 'id' | 'instant' | 'text' | 'country' | 'currency' | 'flag' | 'number' | 'minorUnits'
/** `?` marks a column that may be NULL. */
export type Column = Kind | `${Kind}?`

/** A column with what docs/views.md says of it; `values` are those that figures name, where another counts in none. */
interface DescribedColumn {
  kind: Column
  note?: string
  values?: readonly string[]
}
type Columns = Readonly<Record<string, Column | DescribedColumn>>

interface SourceView<Of extends Columns = Columns> {
  /** One sentence, in Markdown: the head of the view in docs/views.md and in what `barometer init` drafts. */
  about: string
  /** What docs/views.md says beyond it. */
  more?: string
  /** By name, in the view's order: the first is its own id. */
  columns: Of
}

/** A view whose rows arrive and never change; `appendedBy` is the time at which they do. */
function added<const Of extends Columns>(appendedBy: keyof Of & string, view: SourceView<Of>) {
  return { ...view, appendedBy }
}

/** A view whose rows change: each change moves `updated_at` forward. */
function changing<const Of extends Columns & { readonly updated_at: 'instant' }>(view: SourceView<Of>) {
  return { ...view, appendedBy: undefined }
}

/** Every view, in the order in which it is read and shown. */
export const sourceViews = {
  users: changing({
    about: 'One row a registered user.',
    columns: {
      user_id: 'id',
      created_at: { kind: 'instant', note: 'when they signed up' },
      deleted_at: {
        kind: 'instant?',
        note: 'when they were deleted; from then on they are no user any more, but the sign-up and the payments stay counted',
      },
      updated_at: 'instant',
      country: { kind: 'country?', note: 'ISO 3166, in capitals' },
      signup_source: {
        kind: 'text?',
        note: 'where they came from: direct, referral, funnel, … 20 values are shown',
      },
      visitor_id: { kind: 'text?', note: 'the visitor of `visits` whom they were' },
      is_internal: {
        kind: 'flag',
        note: 'staff, tests and bots: counted nowhere. Mark them; do not leave them out',
      },
    },
  }),
  visits: added('visited_at', {
    about: 'Visits of the site, by people who need not be users yet.',
    columns: {
      visit_id: 'id',
      visitor_id: { kind: 'text', note: 'the same for all visits of a visitor' },
      visited_at: 'instant',
      source: { kind: 'text?', note: 'where they came from' },
    },
  }),
  sessions: added('started_at', {
    about: 'One row each time a user comes to use the platform.',
    more: 'Active users and retention are counted by these rows. A table of logins that last for months is none.',
    columns: { session_id: 'id', user_id: 'id', started_at: 'instant' },
  }),
  characters: changing({
    about: 'What users create to have images made of.',
    columns: {
      character_id: 'id',
      user_id: 'id',
      created_at: 'instant',
      deleted_at: 'instant?',
      updated_at: 'instant',
    },
  }),
  generations: changing({
    about: 'One row a request for images, from queued to its end.',
    columns: {
      generation_id: 'id',
      user_id: 'id',
      created_at: { kind: 'instant', note: 'when it was asked for' },
      started_at: { kind: 'instant?', note: 'when work on it began' },
      finished_at: {
        kind: 'instant?',
        note: 'when it ended, whichever way; without it nothing counts as finished',
      },
      updated_at: 'instant',
      status: { kind: 'text', values: ['queued', 'running', 'succeeded', 'failed', 'cancelled'] },
      type: { kind: 'text', values: ['studio', 'base_image', 'profile_picture'] },
      quality: { kind: 'text', values: ['draft', 'hq'] },
      aspect_ratio: { kind: 'text', note: '1:1, 2:3, … 20 values are shown' },
      is_nsfw: 'flag',
      image_count: { kind: 'number', note: 'images made' },
      failure_reason: { kind: 'text?', note: 'a short code: 20 values are shown, the rest is other' },
      scene: { kind: 'text?', note: 'what was asked for; the 20 most frequent are shown' },
      environment: { kind: 'text?', note: 'as `scene`' },
      outfit: { kind: 'text?', note: 'as `scene`' },
      pose: { kind: 'text?', note: 'as `scene`' },
    },
  }),
  subscriptions: changing({
    about: '`amount_minor` is for one billing interval, after recurring discounts, before tax.',
    columns: {
      subscription_id: 'id',
      user_id: 'id',
      tier: { kind: 'text', note: '20 values are shown' },
      status: {
        kind: 'text',
        values: ['trialing', 'active', 'past_due', 'paused', 'canceled'],
        note: 'active and past_due are MRR',
      },
      amount_minor: 'minorUnits',
      currency: 'currency',
      interval: { kind: 'text', values: ['week', 'month', 'year'] },
      interval_count: { kind: 'number', note: '3 with month: every quarter' },
      started_at: 'instant',
      ended_at: { kind: 'instant?', note: 'when it ended; not when somebody asked that it should' },
      updated_at: 'instant',
    },
  }),
  subscription_events: added('occurred_at', {
    about: "Each change of a subscription's monthly value, before and after.",
    more: '`mrr_…` is the monthly value, 0 where it is not paid for.',
    columns: {
      event_id: 'id',
      subscription_id: 'id',
      user_id: 'id',
      occurred_at: 'instant',
      kind: {
        kind: 'text',
        values: ['new', 'upgrade', 'downgrade', 'cancel', 'reactivate'],
        note: 'a trial that starts to pay is new, a pause is cancel',
      },
      from_tier: 'text?',
      to_tier: 'text?',
      mrr_before_minor: 'minorUnits',
      mrr_after_minor: 'minorUnits',
      currency: 'currency',
    },
  }),
  payments: added('paid_at', {
    about: 'Money that came in, for subscriptions and for credits.',
    more: 'Attempts that failed or are under way are none.',
    columns: {
      payment_id: 'id',
      user_id: 'id',
      paid_at: { kind: 'instant', note: 'when it came in: a row must not appear hours after it' },
      kind: { kind: 'text', values: ['subscription', 'credits'] },
      amount_minor: { kind: 'minorUnits', note: 'before refunds' },
      currency: 'currency',
    },
  }),
  refunds: added('refunded_at', {
    about: 'Money that went back.',
    columns: {
      refund_id: 'id',
      payment_id: 'id',
      user_id: 'id',
      refunded_at: 'instant',
      amount_minor: { kind: 'minorUnits', note: 'above 0' },
      currency: 'currency',
    },
  }),
  credit_ledger: added('created_at', {
    about: 'Credits are above 0, the kind says which way they went.',
    columns: {
      entry_id: 'id',
      user_id: 'id',
      created_at: 'instant',
      kind: {
        kind: 'text',
        values: ['purchased', 'consumed', 'granted', 'refunded', 'expired'],
        note: 'consumed and expired take away, the others add',
      },
      credits: { kind: 'minorUnits', note: 'above 0' },
    },
  }),
  bug_reports: changing({
    about: 'Open is open, any other status is not.',
    columns: {
      bug_report_id: 'id',
      created_at: 'instant',
      updated_at: 'instant',
      status: { kind: 'text', note: 'open is open, anything else is not' },
      severity: { kind: 'text?', note: '20 values are shown' },
    },
  }),
  influencer_requests: changing({
    about: 'Who asks to be an influencer, until somebody decides.',
    columns: {
      request_id: 'id',
      created_at: 'instant',
      updated_at: 'instant',
      status: { kind: 'text', values: ['pending', 'approved', 'rejected'] },
    },
  }),
} as const

export type View = keyof typeof sourceViews
export const views = Object.keys(sourceViews) as View[]

/** The view without which there is no figure; all others are optional. */
export const requiredView = 'users' satisfies View

/** The columns of a view that a test or a generator names by type, with their kinds. */
export type ColumnsOf<Of extends View> = {
  -readonly [Name in keyof (typeof sourceViews)[Of]['columns']]: KindOf<(typeof sourceViews)[Of]['columns'][Name]>
}
type KindOf<Of> = Of extends { readonly kind: infer Named } ? Named : Of

const described = (column: Column | DescribedColumn): DescribedColumn =>
  typeof column === 'string' ? { kind: column } : column

const byView = <Value>(make: (view: View) => Value): Readonly<Record<View, Value>> =>
  Object.fromEntries(views.map((view) => [view, make(view)])) as Record<View, Value>

/** Everything that is said of the columns, by view and name. */
export const columns: Readonly<Record<View, Readonly<Record<string, DescribedColumn>>>> = byView((view) =>
  Object.fromEntries(
    Object.entries<Column | DescribedColumn>(sourceViews[view].columns).map(([name, column]) => [
      name,
      described(column),
    ]),
  ),
)

/** The kinds of the columns, by view and name. */
export const contract: Readonly<Record<View, Readonly<Record<string, Column>>>> = byView((view) =>
  Object.fromEntries(Object.entries(columns[view]).map(([name, { kind }]) => [name, kind])),
)

/** The time column of the views whose rows are only added; the other views change, and are followed by `updated_at`. */
export const appendedBy: Readonly<Record<View, string | undefined>> = byView((view) => sourceViews[view].appendedBy)

/** The kind without the mark that the column may be NULL. */
export const kindOf = (column: Column): Kind => column.replace('?', '') as Kind
export const isOptional = (column: Column): boolean => column.endsWith('?')
