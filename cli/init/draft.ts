import type { View } from '../../catalogue/views.ts'
import type { Column, Table } from './catalog.ts'

/** found: name, type and keys leave no doubt; guessed: likely, to be looked at; left: not known. */
export type Certainty = 'found' | 'guessed' | 'left'

/** One column of a view. */
export interface ColumnDraft {
  column: string
  sql: string
  certainty: Certainty
  /** What is to be done, a sentence each: none where it is found. */
  todo: readonly string[]
}

/** One view, as far as it can be told. */
export interface ViewDraft {
  view: View
  certainty: Certainty
  /** Undefined where no table is known: then the view has the right types and no row. */
  table: Table | undefined
  /** What is to be done about the view as a whole. */
  todo: readonly string[]
  columns: readonly ColumnDraft[]
  joins: readonly string[]
  where: string | undefined
}

/** A table that a view reads: its own, or one that it refers to. */
export interface Source {
  alias: string
  table: Table
  /** Undefined for the view's own table. */
  join: string | undefined
}

export const referenceTo = (source: Pick<Source, 'alias'>, column: Column): string => `${source.alias}.${column.quoted}`

export function columnOf(table: Table, name: string | undefined): Column | undefined {
  return table.columns.find((column) => column.name === name)
}

/** The one column that tells rows apart, where it is one. */
export function idOf(table: Table): Column | undefined {
  const [key, ...more] = table.primaryKey
  if (key !== undefined) return more.length === 0 ? columnOf(table, key) : undefined
  return columnOf(table, 'id') ?? columnOf(table, 'ID')
}
