import { contract, isOptional, type Kind, kindOf, type View } from '../../catalogue/views.ts'
import { advice } from './advice.ts'
import type { Catalog, Column, Table } from './catalog.ts'
import { columnNames } from './column-names.ts'
import { type ColumnDraft, columnOf, idOf, referenceTo, type Source } from './draft.ts'
import { type Expression, expressionOf, isJson, isText, nullOf } from './expressions.ts'
import { named, nullDoubt, type Wanted } from './matching.ts'
import { flat, wordsOf } from './names.ts'
import { special } from './special.ts'
import { linkToUser, type Users } from './user-link.ts'
import { wantedValues } from './values.ts'

export interface Looked {
  catalog: Catalog
  users: Users | undefined
}

export interface Columns {
  drafts: readonly ColumnDraft[]
  joins: readonly string[]
}

/** What was taken for one column of a view. */
interface Taken {
  source: Source
  column: Column
  expression: Expression
  isSure: boolean
}

/** 5: a longer list of candidates is not read. */
const candidatesMax = 5

/** Guesses every column of the view from the table, its keys and the tables that it refers to. */
export function draftColumns(looked: Looked, view: View, table: Table): Columns {
  const sources = sourcesOf(looked.catalog, view, table)
  const used = new Set<string>()
  const joins = new Set<string>()
  const drafts = Object.entries(contract[view]).map(([column, wanted]): ColumnDraft => {
    const kind = kindOf(wanted)
    const draft = draftColumn(looked, { view, column, kind, required: !isOptional(wanted) }, sources, used)
    for (const join of draft.joins) joins.add(join)
    return draft
  })
  const beside = view === 'users' ? tablesBeside(looked.catalog, table) : []
  return {
    drafts: drafts.map((draft) => withCandidates(view, draft, { catalog: looked.catalog, table, used, beside })),
    joins: [...joins],
  }
}

/** The same for a table that nothing is known of: right types, no value. */
export function nullColumns(view: View, idType: string): ColumnDraft[] {
  return Object.entries(contract[view]).map(([column, wanted]) => {
    const type = column === 'user_id' ? idType : 'text'
    return { column, sql: nullOf(kindOf(wanted), type), certainty: 'left', todo: [] }
  })
}

type DraftWithJoins = ColumnDraft & { joins: readonly string[] }

function draftColumn(looked: Looked, wanted: Wanted, sources: readonly Source[], used: Set<string>): DraftWithJoins {
  const [own] = sources
  if (own === undefined) throw new Error('a view without a table has no columns to guess')
  const { column, kind } = wanted
  const left = { ...leftDraft(wanted, looked.users?.idType ?? 'text'), joins: [] }
  if (column === 'user_id' && wanted.view !== 'users') return userDraft(looked, own, used) ?? left
  if (kind === 'id') return idDraft(wanted, own, used) ?? left
  const made = special(wanted, sources)
  if (made !== undefined) {
    for (const name of made.columns) used.add(name)
    return {
      column,
      sql: made.sql,
      certainty: made.todo.length === 0 ? 'found' : 'guessed',
      todo: made.todo,
      joins: made.joins,
    }
  }
  const taken = take(wanted, sources, used)
  if (taken === undefined) return left
  if (taken.source === own) used.add(taken.column.name)
  const todo = todoOf(wanted, taken, own)
  const joins = taken.source.join === undefined ? [] : [taken.source.join]
  return { column, sql: taken.expression.sql, certainty: todo.length === 0 ? 'found' : 'guessed', todo, joins }
}

function userDraft(looked: Looked, own: Source, used: Set<string>): DraftWithJoins | undefined {
  const link = linkToUser(looked.catalog, looked.users, own)
  if (link === undefined) return undefined
  used.add(link.column.name)
  const nullable = link.join === undefined ? nullDoubt(own.table, link.column) : []
  const todo = [...link.todo, ...nullable]
  const joins = link.join === undefined ? [] : [link.join]
  return { column: 'user_id', sql: link.sql, certainty: todo.length === 0 ? 'found' : 'guessed', todo, joins }
}

/** The row's own id, or the id of another view's row that it refers to (`payment_id` of a refund). */
function idDraft({ view, column }: Wanted, own: Source, used: Set<string>): DraftWithJoins | undefined {
  const isOwn = Object.keys(contract[view])[0] === column
  const id = isOwn ? idOf(own.table) : referred(own.table, column)
  const expression = id === undefined ? undefined : expressionOf('id', id, referenceTo(own, id))
  if (id === undefined || expression === undefined) return undefined
  used.add(id.name)
  const isKnown = isOwn ? own.table.primaryKey.length === 1 : flat(id.name) === flat(column)
  const todo = isKnown ? nullDoubt(own.table, id) : [`guessed by its name; expected an id that no other row has`]
  return { column, sql: expression.sql, certainty: todo.length === 0 ? 'found' : 'guessed', todo, joins: [] }
}

function referred(table: Table, column: string): Column | undefined {
  const names =
    column === 'payment_id'
      ? ['payment_id', 'payment', 'charge_id', 'charge', 'order_id', 'order', 'transaction_id']
      : [column]
  return names.flatMap((name) => table.columns.filter((candidate) => flat(candidate.name) === flat(name)))[0]
}

/** The best column by its name whose type can be that kind: sure names before likely ones, the table before its parents. */
function take(wanted: Wanted, sources: readonly Source[], used: ReadonlySet<string>): Taken | undefined {
  const names = columnNames(wanted.view, wanted.column)
  for (const [list, isSure] of [
    [names.sure, true],
    [names.likely, false],
  ] as const) {
    for (const source of sources) {
      for (const name of list) {
        const column = named(source.table, name)
        if (column === undefined || (source === sources[0] && used.has(column.name))) continue
        const expression = expressionOf(wanted.kind, column, referenceTo(source, column))
        if (expression !== undefined) return { source, column, expression, isSure }
      }
    }
  }
  return undefined
}

function todoOf(wanted: Wanted, { source, column, expression, isSure }: Taken, own: Source): string[] {
  const place = source === own ? `${column.name}` : `${source.table.quoted}.${column.name}, which the row refers to`
  const { view, kind } = wanted
  return [
    ...(isSure && source === own ? [] : [`guessed from ${place}`]),
    ...(expression.doubt === undefined ? [] : [expression.doubt]),
    ...(kind === 'minorUnits' && isSure === false && view !== 'credit_ledger' ? ['expected minor units (cents)'] : []),
    ...(kind === 'text' && !isSure ? [advice(wanted) ?? ''].filter((text) => text.startsWith('expected')) : []),
    ...(wanted.required && source === own ? nullDoubt(own.table, column) : []),
  ]
}

function leftDraft(wanted: Wanted, idType: string): ColumnDraft {
  const { column, kind, required } = wanted
  const sql = nullOf(kind, column === 'user_id' ? idType : 'text')
  const values = wantedValues(wanted.view, column)
  const expected = values === undefined ? '' : `: expected one of ${values.join(', ')}`
  const advised = advice(wanted)
  // What may be NULL and has no consequence is no work for anybody, unless there are candidates.
  if (!required && advised === undefined) return { column, sql, certainty: 'left', todo: [] }
  const missing = required ? `not found, and NULL is refused${expected}` : 'not found'
  return { column, sql, certainty: 'left', todo: [missing, ...(advised === undefined ? [] : [advised])] }
}

interface Around {
  catalog: Catalog
  table: Table
  used: ReadonlySet<string>
  beside: readonly Source[]
}

/** Names the columns that could be meant, where one is not known. */
function withCandidates(view: View, draft: ColumnDraft, { catalog, table, used, beside }: Around): ColumnDraft {
  const { column, certainty, todo } = draft
  const isOpen = certainty === 'left' || todo.some((text) => text.startsWith('guessed'))
  if (!isOpen) return draft
  const kind = kindOf(contract[view][column] ?? 'text')
  const free = table.columns.filter((candidate) => !used.has(candidate.name) && couldBe(view, column, kind, candidate))
  const inside = table.columns.filter(
    (candidate) => certainty === 'left' && isJson(candidate) && wordsInside.includes(column),
  )
  const names = [
    ...(certainty === 'left' ? countedRows(catalog, view, column, table) : []),
    ...free.map(({ name, type }) => `${name} (${type})`),
    ...inside.map(({ quoted }) => `t.${quoted} ->> '${column}'`),
    ...(certainty === 'left' || column === 'is_internal'
      ? beside.flatMap((source) => besideCandidates(source, view, column, kind))
      : []),
  ]
  if (names.length === 0) return draft
  const more = names.length > candidatesMax ? `, and ${names.length - candidatesMax} more` : ''
  const list = names.slice(0, candidatesMax).join(', ')
  return { ...draft, todo: [...todo, `${certainty === 'left' ? '' : 'other '}candidates: ${list}${more}`] }
}

const otherInstants = /login|signin|lastseen|expire|verified|confirmed|birth/

/** Pictures in a table of their own: how many of them are a generation's. */
function countedRows(catalog: Catalog, view: View, column: string, table: Table): string[] {
  if (view !== 'generations' || column !== 'image_count') return []
  return catalog.tables.flatMap((child) => {
    const reference = child.references.find((key) => key.table === table.quoted)
    const isPicture = wordsOf(child.name).some((word) =>
      ['image', 'picture', 'photo', 'output', 'result', 'file'].includes(word),
    )
    const [own, target] = [columnOf(child, reference?.column), columnOf(table, reference?.targetColumn)]
    if (!isPicture || own === undefined || target === undefined) return []
    return [`(SELECT count(*)::int FROM ${child.quoted} AS i WHERE i.${own.quoted} = t.${target.quoted})`]
  })
}

/** Columns that platforms often keep within a JSON of parameters. */
const wordsInside: readonly string[] = ['scene', 'environment', 'outfit', 'pose', 'aspect_ratio', 'quality']

/** Tables of one row a user, such as profiles. */
function tablesBeside(catalog: Catalog, users: Table): Source[] {
  return catalog.tables.flatMap((table): Source[] => {
    const reference = table.references.find(
      ({ column, table: target }) => table.uniqueColumns.includes(column) && target === users.quoted,
    )
    const column = columnOf(table, reference?.column)
    const target = columnOf(users, reference?.targetColumn)
    if (column === undefined || target === undefined) return []
    return [{ alias: 'p', table, join: `LEFT JOIN ${table.quoted} AS p ON p.${column.quoted} = t.${target.quoted}` }]
  })
}

function besideCandidates({ table, alias, join }: Source, view: View, column: string, kind: Kind): string[] {
  const names = columnNames(view, column)
  const found = [...names.sure, ...names.likely].flatMap((name) => named(table, name) ?? [])
  return found
    .filter((candidate) => expressionOf(kind, candidate, '') !== undefined)
    .map((candidate) => `${referenceTo({ alias }, candidate)} of ${table.quoted} (${join})`)
}

function couldBe(view: View, column: string, kind: Kind, candidate: Column): boolean {
  const isKey = /(?:id|ref|key|uuid)$/.test(flat(candidate.name))
  if (kind === 'id') return isKey
  if (isKey) return false
  if (wantedValues(view, column) !== undefined) {
    return candidate.values !== undefined || /type|kind|status|state|mode|reason|level|plan/.test(flat(candidate.name))
  }
  if (kind === 'text' || kind === 'country' || kind === 'currency') {
    const wanted = wordsOf(column)
    const alike = wordsOf(candidate.name).some((word) => wanted.includes(word) && word.length > 2)
    return alike && (isText(candidate) || candidate.values !== undefined)
  }
  // When somebody last came, or when something will be over, is no sign of a change.
  if (kind === 'instant' && (!/timestamp|date/.test(candidate.type) || otherInstants.test(flat(candidate.name))))
    return false
  return expressionOf(kind, candidate, '') !== undefined
}

/** The table itself, and of a subscription what it refers to and what may hold the price: a plan. */
function sourcesOf(catalog: Catalog, view: View, table: Table): Source[] {
  const own: Source = { alias: 't', table, join: undefined }
  if (view !== 'subscriptions') return [own]
  const parents = table.references.flatMap((reference): Source[] => {
    const parent = catalog.tables.find(({ quoted }) => quoted === reference.table)
    const isPlan = parent !== undefined && wordsOf(parent.name).some((word) => planWords.includes(word))
    const column = columnOf(table, reference.column)
    const target = parent === undefined ? undefined : columnOf(parent, reference.targetColumn)
    if (!isPlan || column === undefined || target === undefined) return []
    const join = `LEFT JOIN ${parent.quoted} AS p ON p.${target.quoted} = ${referenceTo(own, column)}`
    return [{ alias: 'p', table: parent, join }]
  })
  return [own, ...parents.slice(0, 1)]
}

const planWords: readonly string[] = ['plan', 'price', 'product', 'tier', 'package']

/** Share of the required columns that a table has by name, 0 to 1, users and ids apart. */
export function shareFound(view: View, table: Table): number {
  const required = Object.entries(contract[view]).filter(([, kind]) => !isOptional(kind) && kind !== 'id')
  const found = required.filter(([column, kind]) => {
    const names = columnNames(view, column)
    const all = [...names.sure, ...names.likely]
    return all.some((name) => {
      const match = named(table, name)
      return match !== undefined && expressionOf(kindOf(kind), match, '') !== undefined
    })
  })
  return required.length === 0 ? 0 : found.length / required.length
}
