import type { View } from '../../catalogue/views.ts'
import type { PoolClient } from '../../lib/postgres.ts'
import { advance, waitingFor } from './advance.ts'
import type { BuildOptions } from './build.ts'
import { keyAfter } from './chunks.ts'
import type { Cells } from './domain.ts'
import { fenced } from './fence.ts'
import type { Inputs } from './figure.ts'
import { viewsOf } from './layout.ts'
import { type DomainPart, type FeedPart, type Part, readParts } from './parts.ts'
import { goneEntities, recountFacts, recountState } from './reconcile-statements.ts'
import { bind } from './run-figure.ts'
import { walkedType } from './schema.ts'
import { inputsOf, storeTransaction } from './session.ts'
import { findNulls, inspectViews, isGood, type ViewInspection } from './source-contract.ts'
import { recompute, walkedEntities } from './states.ts'
import { forgetFine } from './sums.ts'

export interface ReconcileOptions extends BuildOptions {
  /** Looks at all facts, not only at those of the last 35 days. */
  full?: boolean
  /** Called between two chunks, outside any transaction. */
  onChunk?: (part: string) => Promise<void>
}

/** What was not as it should be: entities, and cells. */
export interface Drift {
  rows: number
  /** Ids, or keys and by how much they were wrong; a few. */
  examples: readonly string[]
}

type Inspections = Readonly<Record<View, ViewInspection>>

interface Run {
  client: PoolClient
  inputs: Inputs
}

/** 50,000 entities: a transaction of some seconds. */
const chunkRows = 50_000

/**
 * Computes what the store holds once more from the views, compares, and puts right what differs: late rows, hard deletes,
 * changed owners, mending by hand. Each chunk first brings the store to its instant, so that what merely changed is no
 * drift. Parts that are not built, or whose views are not as they should be, are left out.
 * @returns by part what differed; also kept in the store, where the next refresh shows it
 */
export async function reconcile(options: ReconcileOptions): Promise<ReadonlyMap<string, Drift>> {
  const { settings, layout } = options
  const views = await inspectViews(options.pool, settings.SOURCE_SCHEMA)
  const states = await readParts(options.pool, settings.STORE_SCHEMA)
  const found = new Map<string, Drift>()
  for (const part of layout.parts) {
    if (states.get(part.name)?.ready !== true || !viewsOf(part).every((view) => isGood(views[view]))) continue
    const drift = part.kind === 'feed' ? await ofFeed(part, options, views) : await ofDomain(part, options, views)
    found.set(part.name, drift)
    await noteDrift(options, part, drift)
  }
  return found
}

/** One chunk: the store at its instant, then the comparison at the same instant. */
async function compared(
  options: ReconcileOptions,
  views: Inspections,
  part: Part,
  work: (run: Run) => Promise<Drift & { next?: string | null }>,
): Promise<Drift & { next?: string | null }> {
  const drift = await storeTransaction(options, 'FOR UPDATE', async (client, asOf) => {
    const inputs = inputsOf(options.settings, asOf)
    const good = new Set(
      Object.values(views)
        .filter(isGood)
        .map(({ view }) => view),
    )
    const store = options.settings.STORE_SCHEMA
    const standings = await advance(client, { layout: options.layout, store, inputs, good, problems: new Map() })
    const standing = standings.get(part.name)
    if (standing?.at === 'behind') throw new Error(`${part.name} cannot be reconciled: ${standing.reason}`)
    await client.query('UPDATE meta SET last_as_of = $1', [asOf])
    return await work({ client, inputs })
  })
  await options.onChunk?.(part.name)
  return drift
}

const sumOf = (drifts: readonly Drift[]): Drift => ({
  rows: drifts.reduce((total, drift) => total + drift.rows, 0),
  examples: drifts.flatMap((drift) => drift.examples).slice(0, 10),
})

async function counted(client: PoolClient, statement: { text: string; values: unknown[] }): Promise<Drift> {
  const { rows } = await client.query<{ differing: string; examples: string[] | null }>(statement)
  return { rows: Number(rows[0]?.differing ?? 0), examples: rows[0]?.examples ?? [] }
}

/** What no window reaches any more goes once a night, with the comparison that passes all sums anyway. */
async function forgetOld(client: PoolClient, all: readonly Cells[], inputs: Inputs): Promise<void> {
  for (const cells of all)
    if (cells.at?.grains.includes('hour') === true) await client.query(bind(forgetFine(cells), inputs))
}

async function ofFeed(part: FeedPart, options: ReconcileOptions, views: Inspections): Promise<Drift> {
  const { view, facts } = part
  return await compared(options, views, part, async ({ client, inputs }) => {
    const [problem] = await findNulls(client, view)
    if (problem !== undefined) options.log.error({ view, error: problem }, 'a view holds what it must not')
    const drifts = []
    await forgetOld(client, facts?.cells ?? [], inputs)
    for (const cells of facts?.cells ?? [])
      drifts.push(
        await counted(
          client,
          bind(recountFacts(options.layout.accounts, { view, cells: [cells] }, cells, options.full === true), inputs),
        ),
      )
    return sumOf(drifts)
  })
}

async function ofDomain(part: DomainPart, options: ReconcileOptions, views: Inspections): Promise<Drift> {
  const { domain } = part
  const states = await readParts(options.pool, options.settings.STORE_SCHEMA)
  const waiting = waitingFor(options.layout, domain, states)
  const type = walkedType(domain, views)
  const drifts: Drift[] = []
  let after: string | null = null
  do {
    const from: string | null = after
    const chunk: Drift & { next?: string | null } = await compared(options, views, part, async ({ client, inputs }) => {
      const by = domain.entity.walkedBy ?? domain.entity.id
      const next = await keyAfter(client, { view: domain.entity.view, by, type, after: from, rows: chunkRows })
      const ids = walkedEntities(domain, { type, after: from, through: next })
      return { ...(await counted(client, bind(recompute(domain, { ids }, waiting), inputs))), next }
    })
    drifts.push(chunk)
    after = chunk.next ?? null
  } while (after !== null)
  drifts.push(
    await compared(options, views, part, async ({ client, inputs }) => {
      const gone = await counted(client, bind(recompute(domain, { ids: goneEntities(domain) }, waiting), inputs))
      const sums = []
      await forgetOld(client, domain.cells, inputs)
      for (const cells of domain.cells) sums.push(await counted(client, bind(recountState(domain, cells), inputs)))
      return sumOf([gone, ...sums])
    }),
  )
  return sumOf(drifts)
}

async function noteDrift(options: ReconcileOptions, part: Part, drift: Drift): Promise<void> {
  const { pool, settings, log, fence } = options
  await fenced(pool, fence, (client) =>
    client.query(
      `INSERT INTO ${settings.STORE_SCHEMA}.rollup_drift (part, drifted_rows, reconciled_at) VALUES ($1, $2, now())
       ON CONFLICT (part) DO UPDATE SET drifted_rows = excluded.drifted_rows, reconciled_at = excluded.reconciled_at`,
      [part.name, drift.rows],
    ),
  )
  if (drift.rows > 0)
    log.warn(
      { part: part.name, rows: drift.rows, examples: drift.examples },
      'the store differed from the views; put right',
    )
}
