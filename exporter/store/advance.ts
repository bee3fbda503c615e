import type { View } from '../../catalogue/views.ts'
import type { PoolClient } from '../../lib/postgres.ts'
import { messageOf } from '../../lib/user-error.ts'
import { type Domain, overlap } from './domain.ts'
import type { Inputs } from './figure.ts'
import { type Layout, neededBy, viewsOf } from './layout.ts'
import { type DomainPart, type FeedPart, type Part, type PartState, readParts } from './parts.ts'
import { bind } from './run-figure.ts'
import { underSavepoint } from './savepoint.ts'
import { dirtyEntities, entitiesMax, forgetSeen, moveTurned, readFeed, recompute } from './statements.ts'

/** How a part stands after a refresh has tried to bring it up to date. */
export type Standing = { at: 'asOf' } | { at: 'building' } | { at: 'behind'; reason: string }

export interface AdvanceOptions {
  layout: Pick<Layout, 'parts' | 'accounts'>
  store: string
  inputs: Inputs
  /** A line for each view that is there and not as it should be. */
  problems: ReadonlyMap<View, string>
  /** Views that are there and as they should be. */
  good: ReadonlySet<View>
  /** Seconds of a clock that only goes forward, and where a part's time goes. */
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
  for (const part of layout.parts) {
    const state = states.get(part.name)
    if (state === undefined) continue
    const obstacle = obstacleOf(part, options, standings)
    if (obstacle !== undefined || !state.ready) {
      standings.set(part.name, obstacle ?? { at: 'building' })
      continue
    }
    try {
      await timed(part.name, () =>
        underSavepoint(client, () => advancePart(client, part, state, { layout, states, inputs: options.inputs })),
      )
      standings.set(part.name, { at: 'asOf' })
    } catch (error) {
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
}

async function advancePart(client: PoolClient, part: Part, state: PartState, run: PartRun): Promise<void> {
  if (part.kind === 'feed') await advanceFeed(client, part, state, run)
  else await advanceDomain(client, part, run)
}

/** Before the watermark by the overlap: up to there every row was counted, after it only those that were seen. */
const countedThrough = async (client: PoolClient, watermark: string): Promise<string> => {
  const { rows } = await client.query<{ through: string }>(`SELECT ($1::timestamptz - ${overlap})::text AS through`, [
    watermark,
  ])
  return rows[0]?.through ?? watermark
}

async function advanceFeed(client: PoolClient, part: FeedPart, state: PartState, run: PartRun): Promise<void> {
  const { layout, states, inputs } = run
  const { view, facts } = part
  const watermark = state.watermark ?? '-infinity'
  if (facts !== undefined) await client.query(bind(moveTurned(facts, await countedThrough(client, watermark)), inputs))
  const { accounts } = layout
  const statement = readFeed({ accounts, view, facts, watermark, domains: laidOut(layout, states) })
  const { rows } = await client.query<Record<string, unknown>>(bind(statement, inputs))
  const broken = Object.entries(rows[0] ?? {}).find(([name, value]) => name.startsWith('null_') && value === true)
  if (broken !== undefined)
    throw new Error(`view ${view}: column ${broken[0].slice(5)} holds NULL; expected a value in every row`)
  await client.query(bind(forgetSeen(view), inputs))
  await client.query('UPDATE rollup_part SET watermark = $2 WHERE name = $1', [part.name, inputs.asOf])
}

async function advanceDomain(client: PoolClient, { domain }: DomainPart, run: PartRun): Promise<void> {
  const { layout, states, inputs } = run
  const statement = bind(recompute(domain, dirtyEntities(domain), waitingFor(layout, domain, states)), inputs)
  for (;;) {
    const { rows } = await client.query<{ entities: string }>(statement)
    if (Number(rows[0]?.entities ?? 0) < entitiesMax) return
  }
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
