import { type View, views } from '../../catalogue/define.ts'
import type { PoolClient } from '../../lib/postgres.ts'
import { generation, visitor } from '../figures/content/generation.ts'
import { facts } from '../figures/facts.ts'
import { bugReport, influencerRequest } from '../figures/requests/state.ts'
import { subscriber, subscription } from '../figures/revenue/subscription.ts'
import {
  account,
  active,
  balance,
  characterOwner,
  generating,
  lifetime,
  population,
  retention,
} from '../figures/users/account.ts'
import type { Domain, Facts } from './domain.ts'

/** A feed of a view with the facts that are added up from it. */
export interface FeedPart {
  kind: 'feed'
  name: string
  view: View
  facts: Facts | undefined
}
export interface DomainPart {
  kind: 'domain'
  name: string
  domain: Domain
}
export type Part = FeedPart | DomainPart

const feed = (view: View): FeedPart => ({
  kind: 'feed',
  name: `feed ${view}`,
  view,
  facts: facts.find((one) => one.view === view),
})
const part = (domain: Domain): DomainPart => ({ kind: 'domain', name: domain.name, domain })

/**
 * All parts in the order of a refresh: the accounts first, since facts ask them who is internal; then what changed, then the
 * entities that depend on it.
 */
export const parts: readonly Part[] = [
  feed('users'),
  part(account),
  ...views.filter((view) => view !== 'users').map(feed),
  ...[generation, population, active, visitor, lifetime, retention, generating].map(part),
  ...[balance, characterOwner, subscription, subscriber, bugReport, influencerRequest].map(part),
]

/** The views without which a part cannot be; facts ask the accounts. */
export const viewsOf = (one: Part): readonly View[] =>
  one.kind === 'domain' ? one.domain.views : one.facts === undefined ? [one.view] : [one.view, 'users']

/** What has to be brought up to date before a part: its feeds, and the accounts. */
export function neededBy(one: Part): readonly string[] {
  if (one.kind === 'feed') return one.facts === undefined ? [] : [account.name]
  const feeds = one.domain.views.map((view) => feed(view).name)
  return one.domain === account || !one.domain.views.includes('users') ? feeds : [...feeds, account.name]
}

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
