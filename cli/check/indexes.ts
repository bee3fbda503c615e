import type { PoolClient } from '../../lib/postgres.ts'
import { type PlanNode, readsWhole, type Underneath, underneath, type WholeRead } from './plan.ts'

/** A column of a view as the database has it. */
export interface ViewColumn {
  name: string
  /** As format_type gives it: `timestamp with time zone`, `bigint`, `uuid`. */
  type: string
}

/** Whether a look-up that every refresh makes can use an index, and what to do where it cannot. */
export interface IndexFinding {
  /** Columns of the view. */
  columns: readonly string[]
  indexed: boolean
  /** Statements to run, one for each table underneath; empty where no index can help. */
  create: readonly string[]
  /** Why no index can help. */
  note?: string
}

export interface ViewAccess {
  /** The planner's. */
  rowsEstimated: number
  indexes: readonly IndexFinding[]
  /** The planner's cost of reading what changed in two hours, by every time column. */
  changesCost: number
}

const timeType = 'timestamp with time zone'
/** 2 h: rows that commit late are seen by looking this far back at each refresh. */
const overlapMs = 7_200_000

/**
 * How the view can be read: asks the planner, runs nothing. The client must be in a transaction of its own, since
 * planner settings are changed in it.
 * @param view quoted, with its schema.
 */
export async function inspectAccess(
  client: PoolClient,
  view: string,
  columns: readonly ViewColumn[],
  now: Date,
): Promise<ViewAccess> {
  await client.query("SET LOCAL timezone = 'UTC'")
  const since = `${new Date(now.getTime() - overlapMs).toISOString().slice(0, 19).replace('T', ' ')}.123457+00`
  const times = columns.filter((column) => column.type === timeType)
  const whole = await explain(client, `SELECT * FROM ${view}`)
  // Empty on purpose, `WHERE false`: the planner would still say one row.
  if (whole['One-Time Filter'] === 'false') return { rowsEstimated: 0, indexes: [], changesCost: 0 }
  let changesCost = 0
  for (const { name } of times) {
    changesCost += (await explain(client, `SELECT * FROM ${view} WHERE ${name} > '${since}'`))['Total Cost']
  }
  // Small tables are read whole even where there is an index; with this the planner shows whether there is one.
  await client.query('SET LOCAL enable_seqscan = off')
  const found = new Map<string, Underneath[]>()
  const indexes: IndexFinding[] = []
  for (const { name } of times) {
    const places = underneath(await explain(client, `SELECT * FROM ${view} WHERE ${name} > '${since}'`), since)
    found.set(name, places)
    indexes.push(await findingOf(client, [name], places, []))
  }
  for (const { name, literal, type } of equalities(columns)) {
    const plan = await explain(client, `SELECT * FROM ${view} WHERE ${name} = '${literal}'::${type}`)
    const places = underneath(plan, literal)
    const time = name === 'user_id' && columns[0]?.name !== 'user_id' ? times[0]?.name : undefined
    const columnsOfIndex = time === undefined ? [name] : [name, time]
    const finding = await findingOf(client, columnsOfIndex, places, time === undefined ? [] : (found.get(time) ?? []))
    indexes.push(await withJoins(client, finding, readsWhole(plan, literal)))
  }
  await client.query('SET LOCAL enable_seqscan = on')
  return { rowsEstimated: whole['Plan Rows'], indexes, changesCost: Math.round(changesCost) }
}

/** Values that no row has and that can be told apart in a plan. */
const literals: Readonly<Record<string, string>> = {
  bigint: '4611686018427380001',
  uuid: 'ba203e7e-0000-4000-8000-000000000001',
  text: 'barometer-check',
  'character varying': 'barometer-check',
  integer: '2147480001',
}

/** Look-ups of one user or visitor, and of one row by its id where rows change: the id is the first column. */
function equalities(columns: readonly ViewColumn[]): { name: string; type: string; literal: string }[] {
  const changes = columns.some(({ name }) => name === 'updated_at')
  return columns.flatMap(({ name, type }, place) => {
    const literal = literals[type]
    const asked = place === 0 ? changes : name === 'user_id' || name === 'visitor_id'
    return asked && literal !== undefined ? [{ name, type, literal }] : []
  })
}

/** What the planner would do; nothing is run. */
export async function explain(client: PoolClient, query: string, values: unknown[] = []): Promise<PlanNode> {
  const { rows } = await client.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
    `EXPLAIN (VERBOSE, FORMAT JSON) ${query}`,
    values,
  )
  const plan = rows[0]?.['QUERY PLAN'][0]?.Plan
  if (plan === undefined) throw new Error('EXPLAIN gave no plan')
  return plan
}

async function findingOf(
  client: PoolClient,
  columns: readonly string[],
  places: readonly Underneath[],
  secondColumn: readonly Underneath[],
): Promise<IndexFinding> {
  const create = new Set<string>()
  let note: string | undefined
  let indexed = true
  for (const place of places) {
    if (await leads(client, place)) continue
    indexed = false
    if (place.table === undefined) {
      note = `the view computes ${columns[0]} from several rows or tables; expected a column of one table`
    } else if (/(?<!NULL)::timestamp with time zone/.test(place.expression)) {
      note = `the view casts ${place.expression}, which depends on the session; expected AT TIME ZONE with a fixed zone`
    } else {
      const second = secondColumn.find(
        ({ table }) => table?.name === place.table?.name && table?.schema === place.table?.schema,
      )
      create.add(await createIndex(client, place, second))
    }
  }
  return { columns, indexed, create: [...create], ...(note === undefined ? {} : { note }) }
}

/** A view that joins: the rows of one user are found by the indexes of all its tables or by reading one of them whole. */
async function withJoins(
  client: PoolClient,
  finding: IndexFinding,
  whole: readonly WholeRead[],
): Promise<IndexFinding> {
  const create = new Set(finding.create)
  for (const { schema, name, column } of whole) {
    if (column === undefined) continue
    const place: Underneath = { table: { schema, name }, expression: column, isColumn: true, index: undefined }
    if (!(await leads(client, place))) create.add(await createIndex(client, place, undefined))
  }
  return create.size === finding.create.length ? finding : { ...finding, indexed: false, create: [...create] }
}

/**
 * Whether an index begins with the column. The planner's own choice does not tell: of a small table it may take one that
 * only contains the column, which on a large one is read whole.
 */
async function leads(client: PoolClient, place: Underneath): Promise<boolean> {
  if (place.table === undefined) return false
  if (!place.isColumn && place.index !== undefined) return true
  // Of an expression the planner and the catalogue set brackets and blanks in different places.
  const { rowCount } = await client.query(
    `SELECT FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
     JOIN pg_class t ON t.oid = x.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
     WHERE t.relname = $2 AND n.nspname = $3 AND x.indisvalid AND (x.indpred IS NULL OR i.relname = $1)
       AND CASE WHEN $5 THEN pg_get_indexdef(i.oid, 1, true) = $4
         ELSE translate(pg_get_indexdef(i.oid, 1, true), '() ', '') = translate($4, '() ', '') END`,
    [place.index, place.table.name, place.table.schema, place.expression, place.isColumn],
  )
  return rowCount !== null && rowCount > 0
}

/** The statement for one table; for a partition, the one for the whole table, which cannot be made concurrently. */
async function createIndex(client: PoolClient, place: Underneath, second: Underneath | undefined): Promise<string> {
  const { schema = '', name = '' } = place.table ?? {}
  const { rows } = await client.query<{ partitioned: boolean; root: string }>(
    `SELECT c.relispartition AS partitioned,
       (SELECT format('%I.%I', rn.nspname, r.relname) FROM pg_class r JOIN pg_namespace rn ON rn.oid = r.relnamespace
        WHERE r.oid = coalesce(CASE WHEN c.relispartition THEN pg_partition_root(c.oid) END, c.oid)) AS root
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = $1 AND n.nspname = $2`,
    [name, schema],
  )
  const target = rows[0]
  const keys = [place, ...(second === undefined ? [] : [second])].map(({ isColumn, expression }) =>
    isColumn ? expression : `(${expression})`,
  )
  const how = target?.partitioned === true ? '' : 'CONCURRENTLY '
  return `CREATE INDEX ${how}ON ${target?.root ?? `${schema}.${name}`} (${keys.join(', ')});`
}
