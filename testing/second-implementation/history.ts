import { keptSets } from '../../catalogue/define.ts'
import {
  type ColumnsOf,
  columns,
  contract,
  isOptional,
  type Kind,
  kindOf,
  type View,
  views,
} from '../../catalogue/views.ts'
import type { Inputs } from '../../exporter/store/figure.ts'
import type { PoolClient } from '../../lib/postgres.ts'

/** An instant as text that Postgres reads: UTC, up to microseconds. */
export type Instant = string

/** What a column of a kind holds here. Ids are whole numbers, which `insertHistory` makes into ids of the schema's type. */
interface Values {
  id: number
  instant: Instant
  text: string
  country: string
  currency: string
  flag: boolean
  number: number
  minorUnits: number
}
type ValueOf<Of> = Of extends `${infer Optional extends Kind}?`
  ? Values[Optional] | null
  : Of extends Kind
    ? Values[Of]
    : never

/** The rows of each view, by its name. */
export type Rows = { [Of in View]: { [Name in keyof ColumnsOf<Of>]: ValueOf<ColumnsOf<Of>[Name]> } }

export type History = { readonly [V in View]: readonly Rows[V][] }
type PartialRows = { readonly [V in View]?: Partial<Rows[V]> }
/** What a test says of its rows; the rest is `ordinary`. */
export type PartialHistory = { readonly [V in View]?: readonly Partial<Rows[V]>[] }

const someTime = '2026-01-01 00:00:00Z'
const ordinaryValues: Values = {
  id: 1,
  instant: someTime,
  text: 'some',
  country: 'DE',
  currency: 'EUR',
  flag: false,
  number: 1,
  minorUnits: 1000,
}

/** Where an ordinary row is not NULL in what may be, nor has the first value of what is one of a few. */
const overrides: PartialRows = {
  users: { country: 'DE', signup_source: 'direct' },
  visits: { visitor_id: 'v1', source: 'direct' },
  generations: { started_at: someTime, finished_at: someTime, status: 'succeeded', aspect_ratio: '1:1' },
  subscriptions: { tier: 'pro', status: 'active', interval: 'month' },
  subscription_events: { to_tier: 'pro', mrr_before_minor: 0 },
  credit_ledger: { credits: 1 },
  bug_reports: { status: 'open', severity: 'major' },
}

/** What a test says nothing of: one row of the view, by the kinds of its columns. */
function ordinary(view: View): Readonly<Record<string, unknown>> {
  const byKind = Object.entries(columns[view]).map(([name, { kind, values }]) => [
    name,
    isOptional(kind) ? null : (values?.[0] ?? ordinaryValues[kindOf(kind)]),
  ])
  return { ...Object.fromEntries(byKind), ...overrides[view] }
}

/** Every view with whole rows; a row without an id of its own has its place, from 1, as its id. */
export function complete(history: PartialHistory): History {
  const entries = views.map((view) => {
    const one = ordinary(view)
    const id = Object.keys(one)[0] as string
    const rows = (history[view] ?? []).map((row, index) => ({ ...one, [id]: index + 1, ...row }))
    return [view, rows] as const
  })
  return Object.fromEntries(entries) as unknown as History
}

/** What a platform may have chosen for its ids, each in a schema of its own with other types where the contract is free. */
export const schemas = {
  numbers: { id: 'bigint', text: 'text', code: 'char(3)', number: 'integer', minorUnits: 'bigint' },
  uuids: { id: 'uuid', text: 'varchar(200)', code: 'varchar', number: 'bigint', minorUnits: 'integer' },
  texts: { id: 'text', text: 'text', code: 'text', number: 'smallint', minorUnits: 'bigint' },
} as const
export type SchemaName = keyof typeof schemas

/** Plain tables that are named like the views. */
export async function createSchema(client: Pick<PoolClient, 'query'>, name: SchemaName): Promise<void> {
  const { code, ...free } = schemas[name]
  const types: Record<Kind, string> = {
    ...free,
    country: code,
    currency: code,
    instant: 'timestamptz',
    flag: 'boolean',
  }
  await client.query(`CREATE SCHEMA ${name}`)
  for (const view of views) {
    const defined = Object.entries(contract[view]).map(
      ([column, kind]) => `"${column}" ${types[kindOf(kind)]} ${isOptional(kind) ? '' : 'NOT NULL'}`,
    )
    await client.query(`CREATE TABLE ${name}.${view} (${defined.join(', ')}, "beside the contract" int)`)
  }
}

/** Ids sort as their numbers do, in each type. */
function idOf(schema: SchemaName, id: number): string {
  const digits = String(id).padStart(12, '0')
  return { numbers: String(id), uuids: `00000000-0000-4000-8000-${digits}`, texts: `id-${digits}` }[schema]
}

/** Writes the rows into the tables of the schema, on a client whose search path it is. */
export async function insertHistory(
  client: Pick<PoolClient, 'query'>,
  schema: SchemaName,
  history: History,
): Promise<void> {
  for (const view of views) {
    const rows = history[view].map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([column, value]) => [
          column,
          contract[view][column] === 'id' ? idOf(schema, value as number) : value,
        ]),
      ),
    )
    if (rows.length === 0) continue
    await client.query(`INSERT INTO ${view} SELECT * FROM jsonb_populate_recordset(NULL::${view}, $1)`, [
      JSON.stringify(rows),
    ])
  }
}

/** The inputs of a refresh at an instant, where nothing is kept. */
export function inputsAt(asOf: Instant, others: Partial<Inputs> = {}): Inputs {
  return {
    asOf,
    timezone: 'UTC',
    thresholds: { casual: 1, regular: 10, power: 50 },
    kept: Object.fromEntries(keptSets.map((set) => [set, []])) as unknown as Inputs['kept'],
    popularItems: [],
    ...others,
  }
}
