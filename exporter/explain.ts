import type { Metric } from '../catalogue/define.ts'
import { createPool, type Pool, type PoolClient, transaction } from '../lib/postgres.ts'
import type { SettingsWith } from '../lib/settings.ts'
import { layout } from './figures/index.ts'
import { readDrift } from './store/drift.ts'
import { statementsOf } from './store/explain.ts'
import { type Collector, type Figure, presentOnly } from './store/figure.ts'
import { partName, partsBehind } from './store/layout.ts'
import { readParts } from './store/parts.ts'
import { readSnapshot } from './store/snapshot.ts'

function figureOf(metric: Metric): { collector: Collector; figure: Figure } | undefined {
  for (const collector of layout.collectors)
    for (const figure of collector.figures) if (figure.metric.name === metric.name) return { collector, figure }
  return undefined
}

const section = (title: string, sql: string): string[] => ['', `-- ${title}`, `${sql.trim()};`]

/** A figure's SQL and the statements of the parts that it is read from, line by line; nothing for other metrics. */
export function explainFigure(metric: Metric): string[] {
  const found = figureOf(metric)
  if (found === undefined) return []
  const { collector, figure } = found
  const parts = partsBehind(layout, collector)
  return [
    ...section('plain SQL over the views, which defines the figure', figure.sql),
    ...section('the same, read from the store at each refresh', figure.emit),
    ...(figure.past === presentOnly
      ? ['', `-- its past is not known: ${presentOnly}`]
      : section('what changed it, by which `barometer backfill` computes its past', figure.past.changes)),
    ...parts.flatMap((part) =>
      statementsOf(layout, part).refresh.flatMap(({ title, sql }) => section(`${part.name}: ${title}`, sql)),
    ),
  ]
}

/** How the figure stands in the store, line by line. */
export async function explainStanding(settings: SettingsWith<'DATABASE_URL'>, metric: Metric): Promise<string[]> {
  const found = figureOf(metric)
  if (found === undefined) return ['It is not computed from the database, so the store has nothing of it.']
  const pool = createPool({
    connectionString: settings.DATABASE_URL,
    applicationName: 'barometer-explain',
    connectionsMax: 1,
  })
  try {
    if (!(await isThere(pool, settings.STORE_SCHEMA)))
      return [`The schema ${settings.STORE_SCHEMA} holds no store yet; start the exporter or run barometer metrics.`]
    return await transaction(pool, 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', (client) =>
      standingOf(client, settings.STORE_SCHEMA, found.collector),
    )
  } finally {
    await pool.end()
  }
}

async function isThere(pool: Pool, store: string): Promise<boolean> {
  const { rows } = await pool.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [
    `${store}.rollup_part`,
  ])
  return rows[0]?.there === true
}

async function standingOf(client: PoolClient, store: string, collector: Collector): Promise<string[]> {
  await client.query(`SET LOCAL search_path = ${store}`)
  const states = await readParts(client, store)
  const drift = await readDrift(client)
  const shown = (await readSnapshot(client, store))?.collectors.get(collector.name)
  const direct = collector.reads.map(({ of }) => partName(of))
  const parts = partsBehind(layout, collector).map(({ name }) => {
    const state = states.get(name)
    const built =
      state === undefined ? 'not laid out' : state.ready ? 'built' : `being built, at ${state.walked ?? 'the start'}`
    const read = state?.watermark == null ? '' : `, read up to ${state.watermark}`
    const found = drift.get(name)
    const differed = found === undefined ? '' : `, ${found} rows put right by the last comparison`
    return `  ${direct.includes(name) ? '*' : ' '} ${name}: ${built}${read}${differed}`
  })
  const figures =
    shown === undefined
      ? 'No snapshot has it yet.'
      : `The newest snapshot has it as of ${shown.asOf ?? 'never'}; its last run ${shown.success ? 'succeeded' : 'failed'}.`
  return ['In the store (* is read directly, the rest is what that needs):', ...parts, figures]
}
