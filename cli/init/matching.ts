import type { Kind, View } from '../../catalogue/views.ts'
import type { Column, Table } from './catalog.ts'
import { flat, wordsOf } from './names.ts'

/** A column of a view that something is looked for. */
export interface Wanted {
  view: View
  column: string
  kind: Kind
  required: boolean
}

/** `status`, `Status`, and in a table of generations `generation_status`. */
export function named(table: Table, name: string): Column | undefined {
  const wanted = flat(name)
  const exact = table.columns.find((column) => flat(column.name) === wanted)
  if (exact !== undefined) return exact
  const own = wordsOf(table.name)
  return table.columns.find((column) => {
    const words = wordsOf(column.name)
    const rest = words.filter((word, place) => place >= own.length || word !== own.at(place - own.length))
    return rest.length < words.length && rest.join('') === wanted
  })
}

/** Of a view nobody says which columns may be NULL; of a key, nothing need be said. */
export function nullDoubt(table: Table, column: Column): string[] {
  const { name, notNull, nullShare } = column
  if (table.isView || notNull || table.primaryKey.includes(name) || nullShare === 0) return []
  const much = nullShare === undefined ? 'may be NULL' : `is NULL in ${percent(nullShare)} of the rows`
  return [`${name} ${much}, which the view must not be: leave such rows out (WHERE) or say what they are (coalesce)`]
}

const percent = (share: number): string => (share < 0.01 ? 'less than 1 %' : `${Math.round(share * 100)} %`)
