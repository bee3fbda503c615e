import { contract, isOptional, type Kind, kindOf, type View, views } from '../../catalogue/views.ts'
import type { PoolClient } from '../../lib/postgres.ts'

/**
 * What a column may be. Taken as well is what is the same thing to every statement of ours: varchar for text (a length
 * changes no comparison), any of the three for a code (their text form is the same), a smaller integer for a number.
 * The rest is the adopter's to cast in the view, since we cannot know what is meant: an enum or citext compares and sorts by
 * rules of its own, char(n) pads a label, a timestamp without a zone is no instant, a numeric amount may be major units.
 * Ids are exactly as the contract says, since the store's tables take over their type.
 */
const kinds = {
  id: { types: ['bigint', 'uuid', 'text'], expected: 'bigint, uuid or text' },
  instant: { types: ['timestamp with time zone'], expected: 'timestamptz' },
  text: { types: ['text', 'character varying'], expected: 'text' },
  country: { types: ['character', 'character varying', 'text'], expected: 'char' },
  currency: { types: ['character', 'character varying', 'text'], expected: 'char' },
  flag: { types: ['boolean'], expected: 'boolean' },
  number: { types: ['integer', 'bigint', 'smallint'], expected: 'int' },
  minorUnits: { types: ['bigint', 'integer', 'smallint'], expected: 'bigint' },
} as const satisfies Readonly<Record<Kind, { types: readonly string[]; expected: string }>>

/** How a view stands against the contract. `problems` has one line each, naming view, column, found and expected. */
export interface ViewInspection {
  view: View
  present: boolean
  problems: readonly string[]
  /** The types of its columns, as Postgres names them, where it is there. */
  types?: Readonly<Record<string, string>>
}

/** Whether a view is there and as the contract says. */
export const isGood = ({ present, problems }: ViewInspection): boolean => present && problems.length === 0

interface ColumnRow {
  view: string
  column: string
  type: string
}

/** Looks at all views in the system catalogue; reads none of their rows. A table or a materialized view does as well. */
export async function inspectViews(
  client: Pick<PoolClient, 'query'>,
  sourceSchema: string,
): Promise<Readonly<Record<View, ViewInspection>>> {
  const { rows } = await client.query<ColumnRow>(
    `SELECT relation.relname AS view, attribute.attname AS column,
       format_type(coalesce(nullif(type.typbasetype, 0), type.oid), NULL) AS type
     FROM pg_catalog.pg_class relation
     JOIN pg_catalog.pg_namespace namespace ON namespace.oid = relation.relnamespace
     JOIN pg_catalog.pg_attribute attribute ON attribute.attrelid = relation.oid
     JOIN pg_catalog.pg_type type ON type.oid = attribute.atttypid
     WHERE namespace.nspname = $1 AND relation.relkind IN ('v', 'm', 'r', 'p', 'f')
       AND relation.relname = ANY ($2) AND attribute.attnum > 0 AND NOT attribute.attisdropped`,
    [sourceSchema, views],
  )
  const userId = rows.find((row) => row.view === 'users' && row.column === 'user_id')?.type
  const inspections = views.map((view) => {
    const found = rows.filter((row) => row.view === view)
    return [view, inspect(view, found, userId)] as const
  })
  return Object.fromEntries(inspections) as Record<View, ViewInspection>
}

/** @param userId the type of `users.user_id`, by which the other views are joined */
function inspect(view: View, found: readonly ColumnRow[], userId: string | undefined): ViewInspection {
  if (found.length === 0) return { view, present: false, problems: [] }
  const problems = Object.entries(contract[view]).flatMap(([column, wanted]) => {
    const { types, expected } = kinds[kindOf(wanted)]
    const type = found.find((row) => row.column === column)?.type
    if (type === undefined) return [`view ${view}: column ${column} is missing; expected ${expected}`]
    if (!(types as readonly string[]).includes(type))
      return [`view ${view}: column ${column} is ${type}; expected ${expected}`]
    return column === 'user_id' && userId !== undefined && type !== userId
      ? [`view ${view}: column user_id is ${type}; expected ${userId}, the type of users.user_id`]
      : []
  })
  const types = Object.fromEntries(found.map((row) => [row.column, row.type]))
  return { view, present: true, problems, types }
}

/** Columns of the view that may not be NULL. */
export function requiredColumns(view: View): string[] {
  return Object.entries(contract[view])
    .filter(([, column]) => !isOptional(column))
    .map(([name]) => name)
}

/**
 * Reads the view for a NULL where none may be. The search path must be the source schema.
 * @returns one line for each such column, naming view, column, found and expected
 */
export async function findNulls(client: Pick<PoolClient, 'query'>, view: View): Promise<string[]> {
  const columns = requiredColumns(view)
  const anyNull = columns.map((column) => `bool_or("${column}" IS NULL) AS "${column}"`).join(', ')
  const someNull = columns.map((column) => `"${column}" IS NULL`).join(' OR ')
  const { rows } = await client.query<Record<string, boolean | null>>(
    `SELECT ${anyNull} FROM "${view}" WHERE ${someNull}`,
  )
  return columns
    .filter((column) => rows[0]?.[column] === true)
    .map((column) => `view ${view}: column ${column} holds NULL; expected a value in every row`)
}
