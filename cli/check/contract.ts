import { type View, views } from '../../catalogue/define.ts'
import { catalogue } from '../../catalogue/index.ts'
import { type Pool, transaction } from '../../lib/postgres.ts'
import type { Settings } from '../../lib/settings.ts'
import { contractColumns } from './contract-columns.ts'
import type { ViewColumn } from './indexes.ts'
import type { ContractView } from './views.ts'

/** 10 s: NULLs are looked for in every row, which a very large view cannot answer; the exporter meets them then. */
const nullLookTimeoutMs = 10_000

/** Holds every view of the source schema against the contract: there, columns, types, NULLs. */
export async function inspectContract(pool: Pool, settings: Settings): Promise<ContractView[]> {
  const { SOURCE_SCHEMA: schema } = settings
  const { rows } = await pool.query<{ view: string; name: string; type: string }>(
    `SELECT c.relname AS view, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE n.nspname = $1 AND c.relname = ANY ($2) AND c.relkind IN ('v', 'm', 'r', 'p', 'f') AND a.attnum > 0 AND NOT a.attisdropped`,
    [schema, [...views]],
  )
  const contract: ContractView[] = []
  for (const view of views) {
    const found = rows.filter((row) => row.view === view).map(({ name, type }) => ({ name, type }))
    contract.push(await inspectOne(pool, schema, view, found))
  }
  return contract
}

async function inspectOne(pool: Pool, schema: string, view: View, found: readonly ViewColumn[]): Promise<ContractView> {
  if (found.length === 0) return { view, present: false, columns: [], problems: [], stops: collectorsOf(view) }
  const expected = contractColumns(view)
  const problems = expected.flatMap(({ name, types }) => {
    const column = found.find((candidate) => candidate.name === name)
    if (column === undefined) return [`${schema}.${view}.${name} is missing; expected it as ${types.join(' or ')}`]
    if (types.some((type) => bare(type) === bare(column.type))) return []
    return [`${schema}.${view}.${name} is ${column.type}; expected ${types.join(' or ')}`]
  })
  if (problems.length === 0) problems.push(...(await nullProblems(pool, schema, view)))
  const columns = expected.flatMap(({ name }) => found.filter((column) => column.name === name))
  return { view, present: true, columns, problems, stops: problems.length === 0 ? [] : collectorsOf(view) }
}

/** A varchar of any length is a varchar; the lengths of char matter, those are part of their contract. */
const bare = (type: string): string => type.replace(/^(character varying)\(\d+\)$/, '$1')

async function nullProblems(pool: Pool, schema: string, view: View): Promise<string[]> {
  const required = contractColumns(view).filter(({ nullable }) => !nullable)
  const looks = required.map(
    ({ name }) => `EXISTS (SELECT FROM ${schema}.${view} WHERE "${name}" IS NULL) AS "${name}"`,
  )
  const found = await transaction(pool, 'BEGIN READ ONLY', async (client) => {
    await client.query(`SET LOCAL statement_timeout = ${nullLookTimeoutMs}`)
    const { rows } = await client.query<Record<string, boolean>>(`SELECT ${looks.join(', ')}`)
    return rows[0] ?? {}
  }).catch((error: unknown): Record<string, boolean> => {
    if (error instanceof Error && 'code' in error && error.code === '57014') return {}
    throw error
  })
  return required
    .filter(({ name }) => found[name] === true)
    .map(({ name }) => `${schema}.${view}.${name} has a NULL; expected none`)
}

/** The collectors that cannot do without the view. */
function collectorsOf(view: View): string[] {
  return [...new Set(catalogue.filter(({ sources }) => sources.includes(view)).map(({ owner }) => owner))].toSorted()
}
