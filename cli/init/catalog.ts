import type { PoolClient } from '../../lib/postgres.ts'

/** A column as the system catalogue has it. */
export interface Column {
  name: string
  /** Quoted where SQL needs it. */
  quoted: string
  /** As format_type gives it, without a length; of a domain, the type that it is made of. */
  type: string
  notNull: boolean
  /** The values that it may have, or that the planner has seen. */
  values?: readonly string[]
  /** Where `values` are from; statistics may miss a rare one. */
  valuesFrom?: 'enum' | 'check' | 'statistics'
  /** Share of the rows in which it is NULL, 0 to 1, as the planner has seen; undefined where it has not looked. */
  nullShare?: number
}

export interface Reference {
  column: string
  /** Quoted, with its schema, as `Table.quoted`. */
  table: string
  targetColumn: string
}

export interface Table {
  schema: string
  name: string
  /** Quoted where SQL needs it, with its schema. */
  quoted: string
  isView: boolean
  /** The planner's; 0 where nobody has counted yet. */
  rows: number
  rowSecurity: boolean
  columns: readonly Column[]
  primaryKey: readonly string[]
  /** Columns that no two rows have the same value of. */
  uniqueColumns: readonly string[]
  /** Foreign keys of one column. */
  references: readonly Reference[]
}

export interface Catalog {
  database: string
  tables: readonly Table[]
}

/** Schemas of Postgres, of Supabase and of extensions: they hold no table of a platform. */
const passedOver =
  '^(pg_.*|information_schema|barometer.*|extensions|graphql.*|realtime|storage|vault|cron|net|pgbouncer|pgsodium.*|supabase_.*|_realtime|_analytics|hdb_catalog|tiger.*|topology|_timescaledb_.*|timescaledb_.*|drizzle|prisma_migrations)$'

interface Row extends Omit<Table, 'columns' | 'primaryKey' | 'references' | 'uniqueColumns'> {
  uniqueColumns: string[] | null
  columns: (Omit<Column, 'values' | 'valuesFrom'> & { labels: string[] | null })[] | null
  constraints: Constraint[] | null
}

interface Constraint {
  kind: 'p' | 'f' | 'c'
  columns: string[]
  target: string | null
  targetColumns: string[] | null
  definition: string
}

/**
 * Everything that is looked at: tables and views of the schemas that the role may use, with columns, keys and checks. The
 * system catalogue alone is read, no row of any table; one query, whatever the number of tables.
 * @param from schemas to look into; all but those of Postgres and its extensions where it is undefined
 * @param except schemas never looked into: where the views and the store are
 */
export async function readCatalog(
  client: PoolClient,
  from: readonly string[] | undefined,
  except: readonly string[],
): Promise<Catalog> {
  const database = await client.query<{ name: string }>('SELECT current_database() AS name')
  const { rows } = await client.query<Row>(tablesQuery, [from ?? null, except, passedOver])
  const seen = await readStatistics(client, [...new Set(rows.map(({ schema }) => schema))])
  return { database: database.rows[0]?.name ?? '', tables: rows.map((row) => tableOf(row, seen)) }
}

/** Schemas of `names` that are not there or that the role may not use. */
export async function unusableSchemas(client: PoolClient, names: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT wanted.name FROM unnest($1::text[]) AS wanted (name)
     WHERE NOT EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = wanted.name AND has_schema_privilege(n.oid, 'USAGE'))`,
    [names],
  )
  return rows.map(({ name }) => name)
}

/** As the server quotes them. */
export async function quotedNames(client: PoolClient, names: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ quoted: string }>(
    'SELECT quote_ident(name) AS quoted FROM unnest($1::text[]) WITH ORDINALITY AS given (name, place) ORDER BY place',
    [names],
  )
  return rows.map(({ quoted }) => quoted)
}

const tablesQuery = `
  SELECT n.nspname AS schema, c.relname AS name, format('%I.%I', n.nspname, c.relname) AS quoted,
    c.relkind IN ('v', 'm') AS "isView", greatest(c.reltuples, 0)::float8 AS rows, c.relrowsecurity AS "rowSecurity",
    (SELECT json_agg(json_build_object(
        'name', a.attname, 'quoted', quote_ident(a.attname), 'notNull', a.attnotnull OR t.typnotnull,
        'type', format_type(coalesce(nullif(t.typbasetype, 0), t.oid), NULL),
        'labels', (SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e
          WHERE e.enumtypid = coalesce(nullif(t.typbasetype, 0), t.oid))) ORDER BY a.attnum)
      FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
    (SELECT json_agg(a.attname ORDER BY a.attnum) FROM pg_index x
      JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[0]
      WHERE x.indrelid = c.oid AND x.indisunique AND x.indnkeyatts = 1 AND x.indpred IS NULL) AS "uniqueColumns",
    (SELECT json_agg(json_build_object(
        'kind', k.contype, 'definition', pg_get_constraintdef(k.oid),
        'columns', (SELECT json_agg(a.attname ORDER BY place) FROM unnest(k.conkey) WITH ORDINALITY AS key (number, place)
          JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = key.number),
        'target', (SELECT format('%I.%I', rn.nspname, r.relname) FROM pg_class r
          JOIN pg_namespace rn ON rn.oid = r.relnamespace WHERE r.oid = k.confrelid),
        'targetColumns', (SELECT json_agg(a.attname ORDER BY place)
          FROM unnest(k.confkey) WITH ORDINALITY AS key (number, place)
          JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = key.number)) ORDER BY k.conname)
      FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('p', 'f', 'c')
        AND cardinality(k.conkey) > 0) AS constraints
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND has_schema_privilege(n.oid, 'USAGE')
    AND NOT n.nspname = ANY ($2::text[])
    AND CASE WHEN $1::text[] IS NULL THEN n.nspname !~ $3 ELSE n.nspname = ANY ($1) END
    AND NOT EXISTS (SELECT FROM pg_depend d
      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
  ORDER BY n.nspname, c.relname`

/** 30: a column with more different values than this is no state or kind. */
const valuesMax = 30

interface Statistics {
  nullShare: number
  /** Of text columns with few values. */
  values: string[] | null
}

/** By `schema.table.column`: what the planner has seen, where the role may see it. */
async function readStatistics(client: PoolClient, schemas: readonly string[]): Promise<Map<string, Statistics>> {
  const { rows } = await client.query<Statistics & { key: string }>(
    `SELECT concat_ws('.', s.schemaname, s.tablename, s.attname) AS key, s.null_frac::float8 AS "nullShare",
       CASE WHEN a.atttypid IN ('text'::regtype, 'varchar'::regtype) AND s.n_distinct BETWEEN 1 AND ${valuesMax}
         THEN s.most_common_vals::text::text[] END AS values
     FROM pg_stats s JOIN pg_attribute a ON a.attname = s.attname
       AND a.attrelid = to_regclass(format('%I.%I', s.schemaname, s.tablename))
     WHERE s.schemaname = ANY ($1) AND NOT s.inherited`,
    [schemas],
  )
  return new Map(rows.map(({ key, ...statistics }) => [key, statistics]))
}

function tableOf(row: Row, seen: ReadonlyMap<string, Statistics>): Table {
  const { columns, constraints, uniqueColumns, ...table } = row
  const keys = constraints ?? []
  return {
    ...table,
    columns: (columns ?? []).map(({ labels, ...column }) => {
      const statistics = seen.get(`${row.schema}.${row.name}.${column.name}`)
      const values = valuesOf(labels, checkedValues(keys, column.name), statistics?.values ?? undefined)
      return { ...column, ...values, ...(statistics === undefined ? {} : { nullShare: statistics.nullShare }) }
    }),
    uniqueColumns: uniqueColumns ?? [],
    primaryKey: keys.find(({ kind }) => kind === 'p')?.columns ?? [],
    references: keys.flatMap(({ kind, columns: [column, ...more], target, targetColumns }) =>
      kind === 'f' && column !== undefined && more.length === 0 && target !== null
        ? [{ column, table: target, targetColumn: targetColumns?.[0] ?? '' }]
        : [],
    ),
  }
}

function valuesOf(
  labels: readonly string[] | null,
  checked: readonly string[],
  seen: readonly string[] | undefined,
): Pick<Column, 'values' | 'valuesFrom'> {
  if (labels !== null) return { values: labels, valuesFrom: 'enum' }
  if (checked.length > 0) return { values: checked, valuesFrom: 'check' }
  return seen === undefined ? {} : { values: seen.toSorted(), valuesFrom: 'statistics' }
}

/** The literals of `CHECK (column IN (…))`, as Postgres prints it: `= ANY (ARRAY['a'::text, …])`. */
function checkedValues(constraints: readonly Constraint[], column: string): string[] {
  const check = constraints.find(
    ({ kind, columns, definition }) =>
      kind === 'c' && columns.length === 1 && columns[0] === column && definition.includes('= ANY'),
  )
  return [...(check?.definition ?? '').matchAll(/'((?:[^']|'')*)'::/g)].map((match) =>
    (match[1] ?? '').replaceAll("''", "'"),
  )
}
