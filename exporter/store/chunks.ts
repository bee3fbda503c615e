import { appendedBy, type View } from '../../catalogue/views.ts'
import type { PoolClient } from '../../lib/postgres.ts'
import { overlap } from './domain.ts'
import { type Accounts, addPast, moveTurned } from './feeds.ts'
import type { Inputs } from './figure.ts'
import type { DomainPart, FeedPart } from './parts.ts'
import { bind } from './run-figure.ts'
import { walkedType } from './schema.ts'
import type { ViewInspection } from './source-contract.ts'
import { computeFirst } from './states.ts'

/** What a chunk did. */
export interface Chunk {
  rows: number
  /** The key up to which the part is now walked, as text. */
  walked: string | null
  end: boolean
}

export interface ChunkRun {
  client: PoolClient
  /** How many rows to take. */
  rows: number
  inputs: Inputs
  accounts: Accounts
  views: Readonly<Record<View, ViewInspection>>
}

interface Walked {
  walked: string | null
  ready: boolean
  watermark: string
}

/** How far the part has come; locks it, so that of two builders one waits and then goes on where the other has ended. */
async function walkedSoFar(client: PoolClient, name: string): Promise<Walked> {
  const { rows } = await client.query<Walked>(
    'SELECT walked, ready, watermark::text AS watermark FROM rollup_part WHERE name = $1 FOR UPDATE',
    [name],
  )
  const row = rows[0]
  if (row === undefined)
    throw new Error(`the store has no part ${name} any more; another process may have made it anew`)
  return row
}

interface Stretch {
  view: View
  by: string
  type: string
  after: string | null
  rows: number
  upTo?: string
}

/** The key that stands so many rows after another, by the index on it; null where the view ends before. */
export async function keyAfter(
  client: PoolClient,
  { view, by, type, after, rows, upTo }: Stretch,
): Promise<string | null> {
  const values: unknown[] = []
  const bound = (operator: string, value: string): string => {
    values.push(value)
    return `${by} ${operator} $${values.length}::${type}`
  }
  const bounds = [...(after === null ? [] : [bound('>', after)]), ...(upTo === undefined ? [] : [bound('<=', upTo)])]
  const result = await client.query<{ key: string }>(
    `SELECT ${by}::text AS key FROM "${view}" ${bounds.length === 0 ? '' : `WHERE ${bounds.join(' AND ')}`}
     ORDER BY ${by} OFFSET ${rows - 1} LIMIT 1`,
    values,
  )
  return result.rows[0]?.key ?? null
}

/** The facts of the past up to the overlap before the feed's watermark: what comes after is read by the next refresh. */
export async function buildFeedChunk(part: FeedPart, { client, rows, inputs, accounts }: ChunkRun): Promise<Chunk> {
  const { facts, view } = part
  const by = appendedBy[view]
  if (facts === undefined || by === undefined) return { rows: 0, walked: null, end: true }
  const { walked, ready, watermark } = await walkedSoFar(client, part.name)
  if (ready) return { rows: 0, walked, end: true }
  const limit = await client.query<{ instant: string }>(`SELECT ($1::timestamptz - ${overlap})::text AS instant`, [
    watermark,
  ])
  const upTo = limit.rows[0]?.instant ?? watermark
  const key = await keyAfter(client, { view, by, type: 'timestamptz', after: walked, rows, upTo })
  await client.query(bind(moveTurned(facts, walked), inputs))
  await client.query(bind(addPast(accounts, facts, walked, key ?? upTo), inputs))
  return { rows, walked: key ?? upTo, end: key === null }
}

/** Contributions of the next entities, as though all were dirty. The last stretch has no end: what is dated ahead is in it. */
export async function buildDomainChunk(part: DomainPart, { client, rows, inputs, views }: ChunkRun): Promise<Chunk> {
  const { domain } = part
  const { walked, ready } = await walkedSoFar(client, part.name)
  if (ready) return { rows: 0, walked, end: true }
  const by = domain.entity.walkedBy ?? domain.entity.id
  const type = walkedType(domain, views)
  const key = await keyAfter(client, { view: domain.entity.view, by, type, after: walked, rows })
  const statement = computeFirst(domain, { type, after: walked, through: key })
  const result = await client.query<{ entities: string }>(bind(statement, inputs))
  return { rows: Number(result.rows[0]?.entities ?? 0), walked: key ?? walked, end: key === null }
}
