import type { Catalog, Column, Table } from './catalog.ts'
import { stripeCustomerNames, userColumnNames } from './column-names.ts'
import { columnOf, idOf, referenceTo, type Source } from './draft.ts'
import { expressionOf } from './expressions.ts'
import { flat } from './names.ts'

/** Where the users are, for the columns `user_id` of the other views. */
export interface Users {
  table: Table
  id: Column
  /** The type of `users.user_id` in the view. */
  idType: string
  /** The column of the users, or of a table beside them, that has Stripe's id of a customer. */
  stripe: { table: Table; customer: Column; user: Column; isSure: boolean } | undefined
}

/** Whose row it is: an expression, the join it needs, and what must be looked at. */
export interface UserLink {
  sql: string
  column: Column
  join: string | undefined
  todo: readonly string[]
}

export function usersOf(catalog: Catalog, table: Table): Users | undefined {
  const id = idOf(table)
  const expression = id === undefined ? undefined : expressionOf('id', id, id.quoted)
  if (id === undefined || expression === undefined) return undefined
  const idType = /::(\w+)$/.exec(expression.sql)?.[1] ?? id.type
  const users = { table, id, idType, stripe: undefined }
  return { ...users, stripe: stripeCustomers(catalog, users) }
}

/** How a row of the table says which user it belongs to; undefined where it does not. */
export function linkToUser(catalog: Catalog, users: Users | undefined, own: Source): UserLink | undefined {
  const direct = directColumns(catalog, users, own.table)
  const [best] = direct
  if (best !== undefined) {
    const expression = expressionOf('id', best.column, referenceTo(own, best.column))
    const others = direct.slice(1).map(({ column }) => column.name)
    const several =
      others.length === 0 || rank(best.column) === 0 ? [] : [`other columns refer to users too: ${others.join(', ')}`]
    if (expression !== undefined) {
      return { sql: expression.sql, column: best.column, join: undefined, todo: [...best.todo, ...several] }
    }
  }
  return throughStripe(users, own) ?? throughParent(catalog, users, own)
}

interface Direct {
  column: Column
  todo: readonly string[]
}

const rank = (column: Column): number => {
  const place = userColumnNames.map(flat).indexOf(flat(column.name))
  return place < 0 ? userColumnNames.length : place
}

/** Columns of the table that hold a user's id, the likeliest first. */
function directColumns(catalog: Catalog, users: Users | undefined, table: Table): Direct[] {
  const byKey = table.references.flatMap((reference): Direct[] => {
    const column = columnOf(table, reference.column)
    if (
      column === undefined ||
      users === undefined ||
      !leadsToUsers(catalog, users, reference.table, reference.targetColumn)
    )
      return []
    return [{ column, todo: [] }]
  })
  const byName = table.columns.flatMap((column): Direct[] => {
    const place = rank(column)
    if (place === userColumnNames.length || !sameIds(users, column)) return []
    if (table.references.some((reference) => reference.column === column.name)) return []
    return [{ column, todo: place === 0 ? [] : [`guessed by its name, no foreign key says that it is a user`] }]
  })
  const order = (found: Direct): number => rank(found.column)
  return [
    ...byKey.toSorted((one, other) => order(one) - order(other)),
    ...byName.toSorted((one, other) => order(one) - order(other)),
  ]
}

/** The users themselves, or a table beside them whose key is the user's id (profiles). */
function leadsToUsers(catalog: Catalog, users: Users, table: string, column: string): boolean {
  if (table === users.table.quoted) return column === users.id.name
  const beside = catalog.tables.find(({ quoted }) => quoted === table)
  return (
    beside?.references.some((reference) => reference.column === column && reference.table === users.table.quoted) ??
    false
  )
}

function sameIds(users: Users | undefined, column: Column): boolean {
  if (users === undefined) return expressionOf('id', column, '') !== undefined
  const text = (type: string): boolean => type === 'text' || type === 'character varying'
  const whole = (type: string): boolean => ['bigint', 'integer', 'smallint'].includes(type)
  const [one, other] = [users.id.type, column.type]
  return one === other || (text(one) && text(other)) || (whole(one) && whole(other))
}

function stripeCustomers(catalog: Catalog, users: Omit<Users, 'stripe'>): Users['stripe'] {
  const inTable = (table: Table): Column | undefined =>
    stripeCustomerNames
      .flatMap((name) => table.columns.filter((column) => flat(column.name) === flat(name)))
      .find((column) => column.type === 'text' || column.type === 'character varying')
  const isSure = (column: Column): boolean => flat(column.name).includes('stripe')
  const own = inTable(users.table)
  if (own !== undefined) return { table: users.table, customer: own, user: users.id, isSure: isSure(own) }
  return catalog.tables
    .flatMap((table) => {
      const reference = table.references.find((key) => key.table === users.table.quoted)
      const user = columnOf(table, reference?.column)
      const customer = inTable(table)
      // Only a table of one row a user (or customer): in others the column says what a payment belongs to.
      const isBeside = user !== undefined && table.primaryKey.length === 1 && table.primaryKey[0] === user.name
      return user === undefined || customer === undefined
        ? []
        : [{ table, customer, user, isSure: isBeside && isSure(customer) }]
    })
    .toSorted((one, other) => Number(other.isSure) - Number(one.isSure))[0]
}

/** A table of Stripe's has the customer (cus_…), and the users say which is theirs. */
function throughStripe(users: Users | undefined, own: Source): UserLink | undefined {
  const customer = own.table.columns.find((column) =>
    ['customer', 'customer_id', 'stripe_customer_id'].includes(column.name),
  )
  if (customer === undefined || users?.stripe === undefined) return undefined
  const { table, customer: theirs, user, isSure } = users.stripe
  const id = expressionOf('id', user, `u.${user.quoted}`)
  if (id === undefined) return undefined
  const join = `JOIN ${table.quoted} AS u ON u.${theirs.quoted} = ${referenceTo(own, customer)}`
  const todo = isSure ? [] : [`guessed that ${table.quoted}.${theirs.quoted} holds Stripe's customer (cus_…)`]
  return { sql: id.sql, column: customer, join, todo }
}

/** Through the one table that the row refers to and that has a user itself: a generation's character. */
function throughParent(catalog: Catalog, users: Users | undefined, own: Source): UserLink | undefined {
  if (users === undefined) return undefined
  for (const reference of own.table.references) {
    const parent = catalog.tables.find(({ quoted }) => quoted === reference.table)
    const column = columnOf(own.table, reference.column)
    const target = parent === undefined ? undefined : columnOf(parent, reference.targetColumn)
    const [best] = parent === undefined ? [] : directColumns(catalog, users, parent)
    if (parent === undefined || column === undefined || target === undefined || best === undefined) continue
    const id = expressionOf('id', best.column, `u.${best.column.quoted}`)
    if (id === undefined) continue
    const join = `JOIN ${parent.quoted} AS u ON u.${target.quoted} = ${referenceTo(own, column)}`
    return { sql: id.sql, column, join, todo: [`guessed: the user of the ${parent.quoted} that the row refers to`] }
  }
  return undefined
}
