import { type View, views } from '../../catalogue/views.ts'
import type { Catalog, Table } from './catalog.ts'
import { draftColumns, type Looked, nullColumns } from './columns.ts'
import type { ColumnDraft, ViewDraft } from './draft.ts'
import { isOneOf, settledColumn } from './special.ts'
import { stripeView } from './stripe.ts'
import { type Choice, chooseTable, chooseUsers } from './tables.ts'
import { usersOf } from './user-link.ts'
import { settledStates } from './values.ts'

/** All source views, as far as the catalogue tells; pure: the same catalogue gives the same views. */
export function draftViews(catalog: Catalog): ViewDraft[] {
  const chosen = chooseUsers(catalog)
  const users = chosen.table === undefined ? undefined : usersOf(catalog, chosen.table)
  const looked: Looked = { catalog, users }
  return views.map((view) => {
    const choice = view === 'users' ? chosen : chooseTable(view, catalog, users, chosen.table)
    return draftView(looked, view, choice)
  })
}

function draftView(looked: Looked, view: View, choice: Choice): ViewDraft {
  const { table, isSure, candidates } = choice
  const named = candidates.map(({ quoted }) => quoted).join(', ')
  const others = candidates.length === 0 ? [] : [`other candidates: ${named}`]
  if (table === undefined) {
    const why =
      view === 'users' ? 'no table looks like the users, and without them there is no figure' : 'no table looks like it'
    const what =
      view === 'subscription_events' && candidates.length === 0
        ? ['"A history of subscriptions" in docs/adopting.md shows how to keep one']
        : []
    const within = view === 'refunds' ? refundsWithin(looked) : []
    const none = candidates.length === 0 ? [] : [`candidates: ${named}`]
    const drop =
      view === 'users'
        ? []
        : [
            'fill it in; or, where you have none, leave it empty and delete its COMMENT: then its figures are 0; or delete all of it: then what needs it is off',
          ]
    const columns = nullColumns(view, looked.users?.idType ?? 'text')
    return {
      view,
      certainty: 'left',
      table,
      todo: [why, ...none, ...within, ...what, ...drop],
      columns,
      joins: [],
      where: 'false',
    }
  }
  const stripe = stripeView(looked, view, table)
  const { drafts, joins } =
    stripe === undefined ? draftColumns(looked, view, table) : { drafts: stripe.columns, joins: stripe.joins }
  const settled = stripe === undefined ? settledRows(view, table) : undefined
  const todo = [
    ...(isSure ? [] : [`guessed that this is ${table.quoted}`, ...others]),
    ...(stripe?.todo ?? []),
    ...(stripe === undefined && view === 'subscriptions' && joins.some((join) => join.startsWith('LEFT'))
      ? [planDoubt]
      : []),
    ...(settled === undefined ? [] : [settled.todo]),
    ...(table.rowSecurity
      ? [`${table.quoted} has row level security: make the view as its owner or a role with BYPASSRLS, or it is empty`]
      : []),
  ]
  const where = stripe?.where ?? settled?.where
  return { view, certainty: certaintyOf(drafts, todo), table, todo, columns: drafts, joins, where }
}

/** Money given back that is told in the row of the payment. */
function refundsWithin({ catalog, users }: Looked): string[] {
  const { table } = chooseTable('payments', catalog, users, users?.table)
  const columns = (table?.columns ?? []).filter(({ name }) => /refund/i.test(name)).map(({ name }) => name)
  if (table === undefined || columns.length === 0) return []
  return [`${table.quoted} has ${columns.join(', ')}: a row of it that gave money back may be taken for a refund`]
}

const planDoubt =
  'a change of the plan does not move updated_at of its subscriptions: they follow at night, when all is compared'

function certaintyOf(columns: readonly ColumnDraft[], todo: readonly string[]): ViewDraft['certainty'] {
  return todo.length === 0 && columns.every((column) => column.todo.length === 0) ? 'found' : 'guessed'
}

/** Payments and refunds are money that moved: of a table with a state, the rows in which it did. */
function settledRows(view: View, table: Table): { where: string | undefined; todo: string } | undefined {
  if (view !== 'payments' && view !== 'refunds') return undefined
  const column = settledColumn(table)
  if (column === undefined) return undefined
  const states = (column.values ?? []).filter((value) => settledStates.includes(value.toLowerCase()))
  if (states.length === 0) {
    return { where: undefined, todo: `${column.name} may say that no money moved: leave such rows out by a WHERE` }
  }
  const rest = (column.values ?? []).filter((value) => !states.includes(value))
  const left = rest.length === 0 ? '' : `, not ${rest.join(', ')}`
  return {
    where: isOneOf(`t.${column.quoted}`, states),
    todo: `guessed: money moved where ${column.name} is ${states.join(' or ')}${left}`,
  }
}
