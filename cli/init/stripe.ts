import { contract, isOptional, kindOf, type View } from '../../catalogue/views.ts'
import type { Catalog, Column, Table } from './catalog.ts'
import { type ColumnDraft, columnOf, type Source } from './draft.ts'
import { expressionOf, isJson, nullOf } from './expressions.ts'
import { linkToUser, type Users } from './user-link.ts'

/** Columns that a copy of Stripe's objects has and a table of one's own has not. */
const marks: readonly string[] = [
  'livemode',
  '_fivetran_synced',
  '_airbyte_extracted_at',
  '_airbyte_emitted_at',
  '_raw_data',
  'balance_transaction',
]

/** A table that is kept in step with Stripe: by stripe-sync-engine, Airbyte, Fivetran or the like. */
export function isStripe(table: Table): boolean {
  const names = table.columns.map(({ name }) => name)
  const isMarked = names.some((name) => marks.includes(name)) || names.includes('object')
  return isMarked && (/stripe/i.test(table.schema) || /stripe/i.test(table.name) || names.includes('livemode'))
}

export interface StripeDraft {
  columns: readonly ColumnDraft[]
  joins: readonly string[]
  where: string | undefined
  todo: readonly string[]
}

interface Piece {
  sql: string
  todo?: readonly string[]
}

type Pieces = Record<string, Piece | undefined>

interface Looked {
  catalog: Catalog
  users: Users | undefined
}

/**
 * The view over a table of Stripe's, whose meaning Stripe fixes: seconds since 1970, amounts in minor units, currencies in
 * small letters. Undefined for a table that is none.
 */
export function stripeView(looked: Looked, view: View, table: Table): StripeDraft | undefined {
  if (!isStripe(table)) return undefined
  const own: Source = { alias: 't', table, join: undefined }
  if (view === 'subscriptions') return assemble(looked, view, own, subscription(looked.catalog, table))
  if (view === 'payments') return assemble(looked, view, own, payment(table))
  if (view === 'refunds') return assemble(looked, view, own, refund(looked, table))
  return undefined
}

type Parts = { pieces: Pieces; joins?: readonly string[]; where?: string | undefined; todo?: readonly string[] }

function assemble(looked: Looked, view: View, own: Source, parts: Parts): StripeDraft {
  const link = parts.pieces.user_id === undefined ? linkToUser(looked.catalog, looked.users, own) : undefined
  const pieces: Pieces =
    link === undefined ? parts.pieces : { ...parts.pieces, user_id: { sql: link.sql, todo: link.todo } }
  const columns = Object.entries(contract[view]).map(([column, wanted]): ColumnDraft => {
    const piece = pieces[column]
    if (piece !== undefined) {
      const todo = piece.todo ?? []
      return { column, sql: piece.sql, certainty: todo.length === 0 ? 'found' : 'guessed', todo }
    }
    const idType = column === 'user_id' ? (looked.users?.idType ?? 'text') : 'text'
    const missing =
      column === 'user_id'
        ? "not found: no table says which user is Stripe's customer"
        : 'not found, and NULL is refused'
    const todo = isOptional(wanted) ? [] : [missing]
    return { column, sql: nullOf(kindOf(wanted), idType), certainty: 'left', todo }
  })
  const joins = [...(link?.join === undefined ? [] : [link.join]), ...(parts.joins ?? [])]
  const lost = joins.length === 0 ? [] : ['rows of a customer that no user has are left out by the join']
  return { columns, joins, where: parts.where, todo: [...lost, ...(parts.todo ?? [])] }
}

/** The first of the columns that is there. */
function first(table: Table, ...names: string[]): Column | undefined {
  return names.flatMap((name) => columnOf(table, name) ?? [])[0]
}

function instant(table: Table, ...names: string[]): Piece | undefined {
  const column = first(table, ...names)
  // Seconds since 1970 are Stripe's way: nothing to be asked.
  const sql = column === undefined ? undefined : expressionOf('instant', column, `t.${column.quoted}`)?.sql
  return sql === undefined ? undefined : { sql }
}

function text(table: Table, ...names: string[]): Piece | undefined {
  const column = first(table, ...names)
  const sql = column === undefined ? undefined : expressionOf('text', column, `t.${column.quoted}`)?.sql
  return sql === undefined ? undefined : { sql }
}

function minor(table: Table, ...names: string[]): Piece | undefined {
  const column = first(table, ...names)
  return column === undefined
    ? undefined
    : { sql: column.type === 'bigint' ? `t.${column.quoted}` : `t.${column.quoted}::bigint` }
}

function currency(table: Table): Piece | undefined {
  const column = first(table, 'currency')
  return column === undefined ? undefined : { sql: `upper(t.${column.quoted}::text)` }
}

const moved = (table: Table): Piece | undefined =>
  instant(
    table,
    'updated_at',
    'last_synced_at',
    '_updated_at',
    '_fivetran_synced',
    '_airbyte_extracted_at',
    '_airbyte_emitted_at',
    'updated',
  ) ?? undefined

function subscription(catalog: Catalog, table: Table): Parts {
  const items = first(table, 'items')
  const status = first(table, 'status')
  const paused = first(table, 'pause_collection')
  const priced = items !== undefined && isJson(items) ? fromItems(catalog, table, items) : {}
  const pieces: Pieces = {
    ...priced,
    subscription_id: text(table, 'id'),
    status: status === undefined ? undefined : statusOf(status, paused),
    currency: currency(table) ?? priced.currency,
    started_at: instant(table, 'start_date', 'created'),
    ended_at: instant(table, 'ended_at'),
    updated_at: moved(table),
  }
  // An attempt whose first payment never came is no subscription.
  const where =
    status === undefined ? undefined : `t.${status.quoted}::text NOT IN ('incomplete', 'incomplete_expired')`
  const beside = catalog.tables.filter(({ schema, name }) => schema === table.schema && /item|price|plan/.test(name))
  const todo =
    priced.amount_minor === undefined && beside.length > 0
      ? [`tier, amount and interval are in other tables: ${beside.map(({ quoted }) => quoted).join(', ')}`]
      : []
  return { pieces, where, todo }
}

function statusOf(status: Column, paused: Column | undefined): Piece {
  const reference = `t.${status.quoted}::text`
  const pause = paused === undefined ? [] : [`    WHEN t.${paused.quoted} IS NOT NULL THEN 'paused'`]
  const sql = [
    'CASE',
    ...pause,
    `    WHEN ${reference} = 'unpaid' THEN 'past_due'`,
    `    ELSE ${reference}`,
    '  END',
  ].join('\n')
  return {
    sql,
    todo: ['guessed: unpaid counts as past due, and is then part of MRR; write paused where you have given such up'],
  }
}

/** Tier, amount and interval from `items`, which holds the prices of a subscription as Stripe's API gives them. */
function fromItems(catalog: Catalog, table: Table, column: Column): Pieces {
  const items = `t.${column.quoted}`
  const json = column.type === 'jsonb' ? items : `${items}::jsonb`
  const price = (path: string): string => `${items} #>> '{data,0,price,${path}}'`
  const products = catalog.tables.find(
    ({ schema, name }) => schema === table.schema && /^(?:stripe_)?products?$/.test(name),
  )
  const name = products === undefined ? undefined : columnOf(products, 'name')
  const tier =
    products === undefined || name === undefined
      ? { sql: price('id'), todo: ["guessed: Stripe's id of the price; write a CASE with the names of your tiers"] }
      : {
          sql: `(SELECT p.${name.quoted} FROM ${products.quoted} AS p WHERE p.id = ${price('product')})`,
          todo: ["guessed: the product's name"],
        }
  const sum = [
    '(',
    "    SELECT sum((item #>> '{price,unit_amount}')::bigint * coalesce((item ->> 'quantity')::bigint, 1))::bigint",
    `    FROM jsonb_array_elements(${json} -> 'data') AS item`,
    '  )',
  ].join('\n')
  return {
    tier,
    amount_minor: {
      sql: sum,
      todo: ['guessed: price × quantity of all items; a discount that recurs is not taken off'],
    },
    currency: { sql: `upper(${price('currency')})` },
    interval: { sql: price('recurring,interval') },
    interval_count: { sql: `(${price('recurring,interval_count')})::int` },
  }
}

function payment(table: Table): Parts {
  const invoice = first(table, 'invoice', 'invoice_id')
  const status = first(table, 'status')
  const kind =
    invoice === undefined
      ? undefined
      : {
          sql: `CASE WHEN t.${invoice.quoted} IS NULL THEN 'credits' ELSE 'subscription' END`,
          todo: [
            "guessed: a charge with an invoice is for a subscription, another for credits; Stripe's newest versions fill in no invoice",
          ],
        }
  const isCharge = /charge/.test(table.name)
  const pieces: Pieces = {
    payment_id: text(table, 'id'),
    paid_at: instant(table, 'created'),
    kind,
    amount_minor: minor(
      table,
      ...(isCharge ? ['amount_captured', 'amount'] : ['amount_paid', 'amount_received', 'amount', 'total']),
    ),
    currency: currency(table),
  }
  const state = isCharge ? 'succeeded' : 'paid'
  return {
    pieces,
    where:
      status === undefined
        ? undefined
        : `t.${status.quoted}::text = '${/intent/.test(table.name) ? 'succeeded' : state}'`,
  }
}

function refund(looked: Looked, table: Table): Parts {
  const status = first(table, 'status')
  const charge = first(table, 'charge', 'charge_id')
  const charges = looked.catalog.tables.find(
    ({ schema, name }) => schema === table.schema && /^(?:stripe_)?charges?$/.test(name),
  )
  const pieces: Pieces = {
    refund_id: text(table, 'id'),
    payment_id: text(table, 'charge', 'charge_id'),
    refunded_at: instant(table, 'created'),
    amount_minor: minor(table, 'amount'),
    currency: currency(table),
  }
  const where = status === undefined ? undefined : `t.${status.quoted}::text = 'succeeded'`
  if (charge === undefined || charges === undefined) return { pieces, where }
  // A refund names its charge alone, and the charge has the customer.
  const link = linkToUser(looked.catalog, looked.users, { alias: 'c', table: charges, join: undefined })
  const join = `JOIN ${charges.quoted} AS c ON c.id = t.${charge.quoted}`
  if (link === undefined) return { pieces, where }
  const joins = [join, ...(link.join === undefined ? [] : [link.join])]
  return { pieces: { ...pieces, user_id: { sql: link.sql, todo: link.todo } }, joins, where }
}
