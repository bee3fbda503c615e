import type { ViewDraft } from './draft.ts'
import { inComment } from './names.ts'
import { todoCount } from './render.ts'

/** What was found, for machines. */
export interface Summary {
  output: string
  schema: string
  views: readonly {
    view: string
    certainty: ViewDraft['certainty']
    /** With its schema, quoted; null where none is known. */
    table: string | null
    todo: readonly string[]
    columns: readonly { column: string; certainty: string; sql: string; todo: readonly string[] }[]
  }[]
}

export function summaryOf(drafts: readonly ViewDraft[], output: string, schema: string): Summary {
  return {
    output,
    schema,
    views: drafts.map(({ view, certainty, table, todo, columns }) => ({
      view,
      certainty,
      table: table?.quoted ?? null,
      todo,
      columns: columns.map(({ column, sql, certainty: each, todo: open }) => ({
        column,
        certainty: each,
        sql,
        todo: open,
      })),
    })),
  }
}

/** A line for each view, then what there is to do. */
export function summaryLines(drafts: readonly ViewDraft[], output: string): string[] {
  const width = Math.max(...drafts.map(({ view }) => view.length))
  const tables = Math.max(...drafts.map(({ table }) => table?.quoted.length ?? 1))
  const lines = drafts.map((draft) => {
    const { view, certainty, table, columns } = draft
    const of = (wanted: ViewDraft['certainty']): string[] =>
      columns
        .filter((column) => column.certainty === wanted && (wanted === 'found' || column.todo.length > 0))
        .map(({ column }) => column)
    const parts = [
      `${of('found').length} found`,
      ...(of('guessed').length === 0 ? [] : [`guessed ${of('guessed').join(', ')}`]),
      ...(of('left').length === 0 ? [] : [`left ${of('left').join(', ')}`]),
    ]
    const text = table === undefined ? 'no table known: it has no row' : parts.join('; ')
    return inComment(`${view.padEnd(width)}  ${certainty.padEnd(7)}  ${(table?.quoted ?? '–').padEnd(tables)}  ${text}`)
  })
  const open = drafts.reduce((sum, draft) => sum + todoCount(draft), 0)
  const empty = drafts.filter(({ table }) => table === undefined).length
  return [...lines, `${output}: ${drafts.length - empty} views over tables, ${empty} without; ${open} marked TODO`]
}
