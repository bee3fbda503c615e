import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { layout } from '../../exporter/figures/index.ts'
import { advance } from '../../exporter/store/advance.ts'
import { buildDomainChunk, buildFeedChunk } from '../../exporter/store/chunks.ts'
import type { Collector, Family, Figure, Inputs } from '../../exporter/store/figure.ts'
import { partsBehind } from '../../exporter/store/layout.ts'
import { storeMigrations } from '../../exporter/store/migrate.ts'
import type { Part } from '../../exporter/store/parts.ts'
import { runFigure } from '../../exporter/store/run-figure.ts'
import { layOut } from '../../exporter/store/schema.ts'
import { inspectViews, isGood } from '../../exporter/store/source-contract.ts'
import type { PoolClient } from '../../lib/postgres.ts'

/** More than any unit test has: each part is built in one chunk. */
const rowsMax = 100_000
const store = 'unit_store'

/**
 * A figure as production reads it: the parts that its collector needs are laid out and built over the rows of the schema,
 * brought to the instant, and read by `emit`. All in the caller's transaction, so that nothing stays.
 * @param schema the schema of the views, which is the search path
 */
export async function throughStore(
  client: PoolClient,
  { schema, collector, figure, inputs }: { schema: string; collector: Collector; figure: Figure; inputs: Inputs },
): Promise<Family> {
  const { accounts } = layout
  const parts = partsBehind(layout, collector)
  const views = await inspectViews(client, schema)
  await client.query(`CREATE SCHEMA ${store}; SET LOCAL search_path = ${store}`)
  for (const migration of migrations()) await client.query(migration)
  await client.query(`SET LOCAL search_path = ${schema}, ${store}`)
  for (const part of parts)
    await layOut(client, { store, part, views, definition: 'of a unit test', watermark: inputs.asOf })
  for (const part of parts) {
    const run = { client, rows: rowsMax, inputs, accounts, views }
    const { end } = part.kind === 'feed' ? await buildFeedChunk(part, run) : await buildDomainChunk(part, run)
    if (!end) throw new Error(`${part.name} is not built after ${rowsMax} rows`)
    await client.query('UPDATE rollup_part SET ready = true WHERE name = $1', [part.name])
  }
  const good = new Set(
    Object.values(views)
      .filter(isGood)
      .map(({ view }) => view),
  )
  const standings = await advance(client, { layout: { parts, accounts }, store, inputs, good, problems: new Map() })
  for (const { name } of parts) expectUpToDate(name, standings.get(name))
  const family = await runFigure(client, { ...figure, sql: figure.emit }, inputs)
  await client.query(`SET LOCAL search_path = ${schema}; DROP SCHEMA ${store} CASCADE`)
  return family
}

function expectUpToDate(part: Part['name'], standing: { at: string; reason?: string } | undefined): void {
  if (standing?.at !== 'asOf') throw new Error(`${part} is ${standing?.at}: ${standing?.reason ?? 'no reason'}`)
}

/** What the store's migrations do on the way up. */
function migrations(): string[] {
  const { directory } = storeMigrations(store)
  return ['001-store', '002-rollup'].map((name) => {
    const [up = ''] = readFileSync(join(directory, `${name}.sql`), 'utf8').split('-- Down Migration')
    return up
  })
}
