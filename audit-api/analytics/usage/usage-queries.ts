import { type Pool, transaction } from '../../../lib/postgres.ts'

/** 5 s: each is a row or two by an index; what takes longer waits for something that will not come. */
const limit = 'SET LOCAL statement_timeout = 5000'
const beginWrite = `BEGIN; ${limit}`
const beginRead = `BEGIN READ ONLY; ${limit}`

export const analyticsEventNames = [
  'admin_dashboard_viewed',
  'admin_analytics_filtered',
  'admin_analytics_exported',
  'admin_audit_log_viewed',
] as const
export type AnalyticsEventName = (typeof analyticsEventNames)[number]

/** Who it was: the login behind a grafana token, or the token alone. */
export interface Visitor {
  person: string | undefined
  tokenId: string
}

export interface AnalyticsEvent {
  event: AnalyticsEventName
  dashboard: string
  properties: Readonly<Record<string, unknown>>
}

/** As `barometer_audit.record_visit` decides; its columns are those of the table. */
export async function recordVisit(
  pool: Pool,
  visit: { dashboard: string; variables: Readonly<Record<string, readonly string[]>>; who: Visitor; at: Date },
): Promise<AnalyticsEvent[]> {
  const { dashboard, variables, who, at } = visit
  const values = [
    visitorOf(who),
    dashboard,
    JSON.stringify(variables),
    who.person ?? null,
    who.tokenId,
    at.toISOString(),
  ]
  return await transaction(pool, beginWrite, async (client) => {
    const { rows } = await client.query<AnalyticsEvent>(
      'SELECT event, dashboard, properties FROM barometer_audit.record_visit($1, $2, $3, $4, $5, $6)',
      values,
    )
    return rows
  })
}

/** One screen is one visitor: a person, whichever token they come by, or a token without one. */
const visitorOf = ({ person, tokenId }: Visitor): string =>
  person === undefined ? `token ${tokenId}` : `person ${person}`

export async function insertAnalyticsEvent(pool: Pool, event: AnalyticsEvent, who: Visitor, at: Date): Promise<void> {
  const { event: name, dashboard, properties } = event
  const values = [at.toISOString(), name, dashboard, who.person ?? null, who.tokenId, JSON.stringify(properties)]
  await transaction(pool, beginWrite, (client) =>
    client.query(
      `INSERT INTO barometer_audit.analytics_event (occurred_at, event, dashboard, person, token_id, properties)
       VALUES ($1, $2, $3, $4, $5, $6)`,
      values,
    ),
  )
}

export interface AnalyticsEventFilter {
  from: string | undefined
  to: string | undefined
  event: readonly string[]
  dashboard: readonly string[]
  person: readonly string[]
  /** Behind this event. */
  before: string | undefined
  limit: number
}

export interface StoredAnalyticsEvent {
  id: string
  occurred_at: string
  event: AnalyticsEventName
  dashboard: string
  person: string | null
  token_id: string
  filter_type: string | null
  format: string | null
  properties: Record<string, unknown>
}

/** Newest first, by the primary key. */
export async function listAnalyticsEvents(pool: Pool, filter: AnalyticsEventFilter): Promise<StoredAnalyticsEvent[]> {
  const values = [
    ...[filter.from ?? null, filter.to ?? null, filter.event, filter.dashboard, filter.person],
    ...[filter.before ?? null, filter.limit],
  ]
  const text = `SELECT id::text AS id, to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS occurred_at,
       event, dashboard, person, token_id, properties ->> 'filter_type' AS filter_type, properties ->> 'format' AS format,
       properties
     FROM barometer_audit.analytics_event AS e
     WHERE ($1::timestamptz IS NULL OR occurred_at >= $1) AND ($2::timestamptz IS NULL OR occurred_at < $2)
       AND (cardinality($3::text[]) = 0 OR event = ANY ($3)) AND (cardinality($4::text[]) = 0 OR dashboard = ANY ($4))
       AND (cardinality($5::text[]) = 0 OR person = ANY ($5)) AND ($6::bigint IS NULL OR id < $6)
     ORDER BY e.id DESC LIMIT $7`
  return await transaction(pool, beginRead, async (client) => {
    const { rows } = await client.query<StoredAnalyticsEvent>(text, values)
    return rows
  })
}
