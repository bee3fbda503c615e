import { keptSets } from '../../catalogue/define.ts'
import { contract, type View, views } from '../../catalogue/views.ts'
import { collectors } from '../../exporter/figures/index.ts'
import { type Inputs, sourcesOf } from '../../exporter/store/figure.ts'
import { bind } from '../../exporter/store/run-figure.ts'
import { findNulls, inspectViews } from '../../exporter/store/source-contract.ts'
import { type Pool, type PoolClient, transaction } from '../../lib/postgres.ts'
import type { Settings } from '../../lib/settings.ts'
import { messageOf } from '../../lib/user-error.ts'
import { withCast } from './casts.ts'
import { explain, type ViewColumn } from './indexes.ts'
import { templateMark } from './template.ts'
import type { ContractView } from './views.ts'

/** 10 s: NULLs are looked for in every row, which a very large view cannot answer in time; the exporter meets them then. */
const nullLookTimeoutMs = 10_000

/** Holds every view of the source schema against the contract: there, columns, types, NULLs. */
export async function inspectContract(pool: Pool, settings: Settings): Promise<ContractView[]> {
  const { SOURCE_SCHEMA: schema } = settings
  const inspections = await inspectViews(pool, schema)
  const { rows } = await pool.query<ViewColumn & { view: string }>(
    `SELECT c.relname AS view, a.attname AS name, format_type(a.atttypid, NULL) AS type
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE n.nspname = $1 AND c.relname = ANY ($2) AND a.attnum > 0 AND NOT a.attisdropped`,
    [schema, [...views]],
  )
  const { rows: marked } = await pool.query<{ view: View }>(
    `SELECT c.relname AS view FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND obj_description(c.oid, 'pg_class') = $2`,
    [schema, templateMark],
  )
  const unreadable = await unreadableViews(pool, schema)
  const templates = marked.map(({ view }) => view)
  const inspected: ContractView[] = []
  for (const view of views) {
    const { present, problems: wrong } = inspections[view]
    const draft = templates.includes(view) ? [templateLine(schema, view)] : []
    const closed = unreadable.get(view)
    const problems =
      closed !== undefined
        ? [closed]
        : present && wrong.length === 0
          ? [...draft, ...(await nulls(pool, schema, view))]
          : wrong.map(withCast)
    const columns = Object.keys(contract[view]).flatMap((name) =>
      rows.filter((row) => row.view === view && row.name === name).map(({ type }) => ({ name, type })),
    )
    const stops = present && problems.length === 0 ? [] : collectorsOf(view)
    inspected.push({ view, present, columns, problems, stops })
  }
  return inspected
}

/** Views that the role may not read, with what is to be granted. */
async function unreadableViews(pool: Pool, schema: string): Promise<Map<View, string>> {
  const { rows } = await pool.query<{ view: View; role: string }>(
    `SELECT c.relname AS view, quote_ident(current_user) AS role
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = ANY ($2) AND NOT has_table_privilege(c.oid, 'SELECT')`,
    [schema, [...views]],
  )
  return new Map(
    rows.map(({ view, role }) => [
      view,
      `view ${view}: the role ${role} may not read it; expected GRANT SELECT ON ${schema}.${view} TO ${role}`,
    ]),
  )
}

/** A figure of 0 where nothing is known would be wrong. */
function templateLine(schema: string, view: View): string {
  const or = view === 'users' ? '' : ', or no such view, or none of its COMMENT where there is nothing to count'
  return `${schema}.${view} is still the empty draft of barometer init; expected a table behind it${or}`
}

async function nulls(pool: Pool, schema: string, view: View): Promise<string[]> {
  try {
    return await reading(pool, schema, (client) => findNulls(client, view))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === '57014') return []
    return [`view ${view} cannot be read: ${messageOf(error)}; expected rows`]
  }
}

/** The collectors that cannot do without the view. */
function collectorsOf(view: View): string[] {
  return collectors.filter((collector) => sourcesOf(collector).includes(view)).map(({ name }) => name)
}

/**
 * The planner's cost of one refresh: of the statements of all collectors whose views are there and right.
 * Null where none can run.
 */
export async function estimateRefreshCost(
  pool: Pool,
  settings: Settings,
  inspected: readonly ContractView[],
  now: Date,
): Promise<number | null> {
  const stopped = new Set(inspected.flatMap(({ stops }) => stops))
  const figures = collectors.filter(({ name }) => !stopped.has(name)).flatMap(({ figures }) => figures)
  if (figures.length === 0) return null
  const inputs: Inputs = {
    asOf: now.toISOString(),
    timezone: settings.REPORTING_TIMEZONE,
    thresholds: settings.ACTIVITY_THRESHOLDS,
    // Which values are kept changes no cost.
    kept: Object.fromEntries(keptSets.map((set) => [set, []])) as unknown as Inputs['kept'],
    popularItems: [],
  }
  return await reading(pool, settings.SOURCE_SCHEMA, async (client) => {
    let cost = 0
    for (const { sql } of figures) {
      const { text, values } = bind(sql, inputs)
      cost += (await explain(client, text, values))['Total Cost']
    }
    return Math.round(cost)
  })
}

function reading<Result>(pool: Pool, schema: string, work: (client: PoolClient) => Promise<Result>): Promise<Result> {
  return transaction(pool, 'BEGIN READ ONLY', async (client) => {
    await client.query(`SET LOCAL statement_timeout = ${nullLookTimeoutMs}`)
    await client.query(`SET LOCAL search_path = ${schema}`)
    return await work(client)
  })
}
