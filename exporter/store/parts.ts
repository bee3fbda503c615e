import type { View } from '../../catalogue/views.ts'
import type { PoolClient } from '../../lib/postgres.ts'
import type { Domain, Facts, State } from './domain.ts'

/** A feed of a view with the facts that are added up from it. */
export interface FeedPart {
  kind: 'feed'
  name: string
  view: View
  facts: Facts | undefined
  /** The state that has one entity for each row, where there is one. */
  rows: State | undefined
}
export interface DomainPart {
  kind: 'domain'
  name: string
  domain: Domain
}
export type Part = FeedPart | DomainPart

/** How a part stands, as the store keeps it. */
export interface PartState {
  name: string
  /** A digest of all that its contents follow from; where it differs the part is built anew. */
  definition: string
  ready: boolean
  /** How far its building has come: the last key that was walked by, as text. */
  walked: string | null
  /** Feeds: the instant up to which the view was read, as timestamptz text. */
  watermark: string | null
}

export async function readParts(client: Pick<PoolClient, 'query'>, store: string): Promise<Map<string, PartState>> {
  const { rows } = await client.query<PartState>(
    `SELECT name, definition, ready, walked, watermark::text AS watermark FROM ${store}.rollup_part`,
  )
  return new Map(rows.map((row) => [row.name, row]))
}
