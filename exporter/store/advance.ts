import type { View } from '../../catalogue/views.ts'
import { givesWay, type PoolClient } from '../../lib/postgres.ts'
import { messageOf } from '../../lib/user-error.ts'
import { type Domain, dirtyOf, overlap, stateOf } from './domain.ts'
import { forgetSeen, moveTurned, readFeed } from './feeds.ts'
import type { Inputs } from './figure.ts'
import { type Layout, neededBy, viewsOf } from './layout.ts'
import { type DomainPart, type FeedPart, type Part, type PartState, readParts } from './parts.ts'
import { bind } from './run-figure.ts'
import { underSavepoint } from './savepoint.ts'
import { dirtyEntities, entitiesMax, recompute } from './states.ts'

/** How a part stands after a refresh has tried to bring it up to date. */
export type Standing =
  | { at: 'asOf' }
  | { at: 'building' }
  | { at: 'behind'; reason: string }
  /** More has changed than one transaction is to take: so many rows are known to wait. */
  | { at: 'catchingUp'; rows: number }

/**
 * What one transaction takes. Few changes are always taken whole, however slow the server is; more are taken until the time
 * is up, and the rest waits for another transaction.
 */
export interface Bite {
  /** Changed rows in one statement. */
  changes: number
  /** Entities in one statement. */
  entities: number
  /** So many entities are few. */
  few: number
  ms: number
}

/** 2 s, and statements of about a second on a usual server: a transaction then holds its snapshot for less than 5 s. */
export const usualBite: Bite = { changes: 20_000, entities: 5_000, few: 1_000, ms: 2_000 }

export interface AdvanceOptions {
  layout: Pick<Layout, 'parts' | 'accounts'>
  store: string
  inputs: Inputs
  /** A line for each view that is there and not as it should be. */
  problems: ReadonlyMap<View, string>
  /** Views that are there and as they should be. */
  good: ReadonlySet<View>
  /** How much to take at most; everything where left out. */
  bite?: Bite
  /** Where a part's time goes. */
  timed?: <Result>(part: string, work: () => Promise<Result>) => Promise<Result>
}

/**
 * Brings every part of the store that is built to as_of, each under a savepoint: one that fails stays where it was, and what
 * depends on it waits. The search path is the source schema, then the store.
 */
export async function advance(client: PoolClient, options: AdvanceOptions): Promise<ReadonlyMap<string, Standing>> {
  const { layout } = options
  const states = await readParts(client, options.store)
  const standings = new Map<string, Standing>()
  const timed = options.timed ?? ((_, work) => work())
  const appetite = appetiteOf(options.bite)
  for (const part of layout.parts) {
    const state = states.get(part.name)
    if (state === undefined) continue
    const obstacle = obstacleOf(part, options, standings)
    if (obstacle !== undefined || !state.ready) {
      standings.set(part.name, obstacle ?? { at: 'building' })
      continue
    }
    try {
      const run = { layout, states, inputs: options.inputs, appetite }
      const waiting = await timed(part.name, () => underSavepoint(client, () => advancePart(client, part, state, run)))
      standings.set(part.name, waiting === 0 ? { at: 'asOf' } : { at: 'catchingUp', rows: waiting })
    } catch (error) {
      if (givesWay(error)) throw error
      standings.set(part.name, { at: 'behind', reason: messageOf(error) })
    }
  }
  return standings
}

function obstacleOf(
  part: Part,
  { good, problems, layout }: AdvanceOptions,
  standings: ReadonlyMap<string, Standing>,
): Standing | undefined {
  for (const view of viewsOf(part)) {
    if (!good.has(view)) return { at: 'behind', reason: problems.get(view) ?? `view ${view} is not there` }
  }
  // Facts can go on under the flags that the accounts have, so that only entities wait for what they need.
  if (part.kind === 'feed') return undefined
  for (const name of neededBy(part, layout.accounts)) {
    const standing = standings.get(name)
    if (standing?.at !== 'asOf') return standing ?? { at: 'building' }
  }
  return undefined
}

/** The domains that have been laid out, built or not: they hear of every change. */
const laidOut = ({ parts }: Pick<Layout, 'parts'>, states: ReadonlyMap<string, PartState>): Domain[] =>
  parts.flatMap((part) => (part.kind === 'domain' && states.has(part.name) ? [part.domain] : []))

interface PartRun {
  layout: Pick<Layout, 'parts' | 'accounts'>
  states: ReadonlyMap<string, PartState>
  inputs: Inputs
  appetite: Appetite
}

/** @returns how many rows or entities are known to wait for the next transaction */
async function advancePart(client: PoolClient, part: Part, state: PartState, run: PartRun): Promise<number> {
  return part.kind === 'feed' ? await advanceFeed(client, part, state, run) : await advanceDomain(client, part, run)
}

/** Before the watermark by the overlap: up to there every row was counted, after it only those that were seen. */
const countedThrough = async (client: PoolClient, watermark: string): Promise<string> => {
  const { rows } = await client.query<{ through: string }>(`SELECT ($1::timestamptz - ${overlap})::text AS through`, [
    watermark,
  ])
  return rows[0]?.through ?? watermark
}

async function advanceFeed(client: PoolClient, part: FeedPart, state: PartState, run: PartRun): Promise<number> {
  const { layout, states, inputs, appetite } = run
  const { view, facts, rows } = part
  const watermark = state.watermark ?? '-infinity'
  if (facts !== undefined) await client.query(bind(moveTurned(facts, await countedThrough(client, watermark)), inputs))
  const { accounts } = layout
  const statement = bind(
    readFeed({
      ...{ accounts, view, facts, rows, watermark, domains: laidOut(layout, states) },
      ...(appetite.bite === undefined ? {} : { limit: appetite.bite.changes }),
    }),
    inputs,
  )
  for (;;) {
    const found = (await client.query<Record<string, unknown>>(statement)).rows[0] ?? {}
    const broken = Object.entries(found).find(([name, value]) => name.startsWith('null_') && value === true)
    if (broken !== undefined)
      throw new Error(`view ${view}: column ${broken[0].slice(5)} holds NULL; expected a value in every row`)
    const waiting = Number(found.waiting)
    if (waiting === 0) break
    // The watermark stays while rows wait: the next call reads from the same place and passes over what was noted.
    if (appetite.isOver()) return waiting
  }
  await client.query(bind(forgetSeen(view), inputs))
  await client.query('UPDATE rollup_part SET watermark = $2 WHERE name = $1', [part.name, inputs.asOf])
  return 0
}

async function advanceDomain(client: PoolClient, { domain }: DomainPart, run: PartRun): Promise<number> {
  const { layout, states, inputs, appetite } = run
  const limit = appetite.bite?.entities ?? entitiesMax
  const dirty = dirtyEntities(domain, limit)
  const statement = bind(recompute(domain, dirty, waitingFor(layout, domain, states)), inputs)
  for (;;) {
    if (appetite.isOver()) {
      const waiting = await waitingEntities(client, domain, inputs)
      if (waiting > (appetite.bite?.few ?? 0) && !appetite.takeOneMore()) return waiting
    }
    const { rows } = await client.query<{ entities: string }>(statement)
    if (Number(rows[0]?.entities ?? 0) < limit) return 0
  }
}

/** How much a transaction still takes. */
interface Appetite {
  bite: Bite | undefined
  isOver: () => boolean
  /** Once in a transaction, after its time: so that whatever is slow, something is done. */
  takeOneMore: () => boolean
}

function appetiteOf(bite: Bite | undefined): Appetite {
  const started = performance.now()
  let more = 1
  return {
    bite,
    isOver: () => bite !== undefined && performance.now() - started >= bite.ms,
    takeOneMore: () => more-- > 0,
  }
}

/** Entities that are dirty, due, or of users who turned. */
async function waitingEntities(client: PoolClient, domain: Domain, inputs: Inputs): Promise<number> {
  const { rows } = await client.query<{ waiting: string }>(
    bind(
      `SELECT (SELECT count(*) FROM ${dirtyOf(domain)}) + (SELECT count(*) FROM ${stateOf(domain)} WHERE next_at <= :as_of) AS waiting`,
      inputs,
    ),
  )
  return Number(rows[0]?.waiting ?? 0)
}

/** Who must hear of users who turn internal or back: the facts and the entities that were counted by the old flag. */
export function waitingFor(
  layout: Pick<Layout, 'parts' | 'accounts'>,
  domain: Domain,
  states: Pick<ReadonlyMap<string, unknown>, 'has'>,
): { facts: View[]; domains: Domain[] } {
  if (domain.name !== layout.accounts.name) return { facts: [], domains: [] }
  const there = layout.parts.filter(({ name }) => states.has(name))
  return {
    facts: there.flatMap((part) => (part.kind === 'feed' && part.facts !== undefined ? [part.view] : [])),
    domains: there.flatMap((part) =>
      part.kind === 'domain' && part.domain.turnedBy !== undefined ? [part.domain] : [],
    ),
  }
}
