import { keptSets, type View, views } from '../../catalogue/define.ts'
import type { Inputs } from '../../exporter/store/figure.ts'
import { contract } from '../../exporter/store/source-contract.ts'
import type { PoolClient } from '../../lib/postgres.ts'

/** An instant as text that Postgres reads: UTC, up to microseconds. */
export type Instant = string

/** The rows of the twelve views. Ids are whole numbers, which `insertHistory` makes into ids of the schema's type. */
export interface Rows {
  users: {
    user_id: number
    created_at: Instant
    deleted_at: Instant | null
    updated_at: Instant
    country: string | null
    signup_source: string | null
    visitor_id: string | null
    is_internal: boolean
  }
  visits: { visit_id: number; visitor_id: string; visited_at: Instant; source: string | null }
  sessions: { session_id: number; user_id: number; started_at: Instant }
  characters: {
    character_id: number
    user_id: number
    created_at: Instant
    deleted_at: Instant | null
    updated_at: Instant
  }
  generations: {
    generation_id: number
    user_id: number
    created_at: Instant
    started_at: Instant | null
    finished_at: Instant | null
    updated_at: Instant
    status: string
    type: string
    quality: string
    aspect_ratio: string
    is_nsfw: boolean
    image_count: number
    failure_reason: string | null
    scene: string | null
    environment: string | null
    outfit: string | null
    pose: string | null
  }
  subscriptions: {
    subscription_id: number
    user_id: number
    tier: string
    status: string
    amount_minor: number
    currency: string
    interval: string
    interval_count: number
    started_at: Instant
    ended_at: Instant | null
    updated_at: Instant
  }
  subscription_events: {
    event_id: number
    subscription_id: number
    user_id: number
    occurred_at: Instant
    kind: string
    from_tier: string | null
    to_tier: string | null
    mrr_before_minor: number
    mrr_after_minor: number
    currency: string
  }
  payments: {
    payment_id: number
    user_id: number
    paid_at: Instant
    kind: string
    amount_minor: number
    currency: string
  }
  refunds: {
    refund_id: number
    payment_id: number
    user_id: number
    refunded_at: Instant
    amount_minor: number
    currency: string
  }
  credit_ledger: { entry_id: number; user_id: number; created_at: Instant; kind: string; credits: number }
  bug_reports: {
    bug_report_id: number
    created_at: Instant
    updated_at: Instant
    status: string
    severity: string | null
  }
  influencer_requests: { request_id: number; created_at: Instant; updated_at: Instant; status: string }
}

export type History = { readonly [V in View]: readonly Rows[V][] }
/** What a test says of its rows; the rest is `ordinary`. */
export type PartialHistory = { readonly [V in View]?: readonly Partial<Rows[V]>[] }

const someTime = '2026-01-01 00:00:00Z'
const ordinary: Rows = {
  users: {
    user_id: 1,
    created_at: someTime,
    deleted_at: null,
    updated_at: someTime,
    country: 'DE',
    signup_source: 'direct',
    visitor_id: null,
    is_internal: false,
  },
  visits: { visit_id: 1, visitor_id: 'v1', visited_at: someTime, source: 'direct' },
  sessions: { session_id: 1, user_id: 1, started_at: someTime },
  characters: { character_id: 1, user_id: 1, created_at: someTime, deleted_at: null, updated_at: someTime },
  generations: {
    generation_id: 1,
    user_id: 1,
    created_at: someTime,
    started_at: someTime,
    finished_at: someTime,
    updated_at: someTime,
    status: 'succeeded',
    type: 'studio',
    quality: 'draft',
    aspect_ratio: '1:1',
    is_nsfw: false,
    image_count: 1,
    failure_reason: null,
    scene: null,
    environment: null,
    outfit: null,
    pose: null,
  },
  subscriptions: {
    subscription_id: 1,
    user_id: 1,
    tier: 'pro',
    status: 'active',
    amount_minor: 1000,
    currency: 'EUR',
    interval: 'month',
    interval_count: 1,
    started_at: someTime,
    ended_at: null,
    updated_at: someTime,
  },
  subscription_events: {
    event_id: 1,
    subscription_id: 1,
    user_id: 1,
    occurred_at: someTime,
    kind: 'new',
    from_tier: null,
    to_tier: 'pro',
    mrr_before_minor: 0,
    mrr_after_minor: 1000,
    currency: 'EUR',
  },
  payments: {
    payment_id: 1,
    user_id: 1,
    paid_at: someTime,
    kind: 'subscription',
    amount_minor: 1000,
    currency: 'EUR',
  },
  refunds: { refund_id: 1, payment_id: 1, user_id: 1, refunded_at: someTime, amount_minor: 1000, currency: 'EUR' },
  credit_ledger: { entry_id: 1, user_id: 1, created_at: someTime, kind: 'purchased', credits: 1 },
  bug_reports: { bug_report_id: 1, created_at: someTime, updated_at: someTime, status: 'open', severity: 'major' },
  influencer_requests: { request_id: 1, created_at: someTime, updated_at: someTime, status: 'pending' },
}

/** Every view with whole rows; a row without an id of its own has its place, from 1, as its id. */
export function complete(history: PartialHistory): History {
  const entries = views.map((view) => {
    const id = Object.keys(ordinary[view])[0] as string
    const rows = (history[view] ?? []).map((row, index) => ({ ...ordinary[view], [id]: index + 1, ...row }))
    return [view, rows] as const
  })
  return Object.fromEntries(entries) as unknown as History
}

/** What a platform may have chosen for its ids, each in a schema of its own with other types where the contract is free. */
export const schemas = {
  numbers: { id: 'bigint', text: 'text', code: 'char(3)', number: 'integer', minorUnits: 'bigint' },
  uuids: { id: 'uuid', text: 'varchar(200)', code: 'varchar', number: 'bigint', minorUnits: 'integer' },
  texts: { id: 'text', text: 'text', code: 'text', number: 'smallint', minorUnits: 'bigint' },
} as const
export type SchemaName = keyof typeof schemas

/** Plain tables that are named like the views. */
export async function createSchema(client: Pick<PoolClient, 'query'>, name: SchemaName): Promise<void> {
  const types = { ...schemas[name], instant: 'timestamptz', flag: 'boolean' }
  await client.query(`CREATE SCHEMA ${name}`)
  for (const view of views) {
    const columns = Object.entries(contract[view]).map(([column, kind]) => {
      const optional = kind.endsWith('?')
      return `"${column}" ${types[kind.replace('?', '') as keyof typeof types]} ${optional ? '' : 'NOT NULL'}`
    })
    await client.query(`CREATE TABLE ${name}.${view} (${columns.join(', ')}, "beside the contract" int)`)
  }
}

/** Ids sort as their numbers do, in each type. */
function idOf(schema: SchemaName, id: number): string {
  const digits = String(id).padStart(12, '0')
  return { numbers: String(id), uuids: `00000000-0000-4000-8000-${digits}`, texts: `id-${digits}` }[schema]
}

/** Writes the rows into the tables of the schema, on a client whose search path it is. */
export async function insertHistory(
  client: Pick<PoolClient, 'query'>,
  schema: SchemaName,
  history: History,
): Promise<void> {
  for (const view of views) {
    const rows = history[view].map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([column, value]) => [
          column,
          contract[view][column] === 'id' ? idOf(schema, value as number) : value,
        ]),
      ),
    )
    if (rows.length === 0) continue
    await client.query(`INSERT INTO ${view} SELECT * FROM jsonb_populate_recordset(NULL::${view}, $1)`, [
      JSON.stringify(rows),
    ])
  }
}

/** The inputs of a refresh at an instant, where nothing is kept. */
export function inputsAt(asOf: Instant, others: Partial<Inputs> = {}): Inputs {
  return {
    asOf,
    timezone: 'UTC',
    thresholds: { casual: 1, regular: 10, power: 50 },
    kept: Object.fromEntries(keptSets.map((set) => [set, []])) as unknown as Inputs['kept'],
    popularItems: [],
    ...others,
  }
}
