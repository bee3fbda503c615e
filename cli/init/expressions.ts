import type { Kind } from '../../catalogue/views.ts'
import type { Column } from './catalog.ts'
import { flat } from './names.ts'

/** A column as the contract wants its kind; `doubt` says what must be looked at. */
export interface Expression {
  sql: string
  doubt?: string
}

const wholeNumbers: readonly string[] = ['smallint', 'integer', 'bigint']
const numbers: readonly string[] = [...wholeNumbers, 'numeric', 'real', 'double precision']
const texts: readonly string[] = ['text', 'character varying']

export const isWholeNumber = ({ type }: Column): boolean => wholeNumbers.includes(type)
export const isNumber = ({ type }: Column): boolean => numbers.includes(type)
export const isText = ({ type }: Column): boolean => texts.includes(type)
export const isJson = ({ type }: Column): boolean => type === 'json' || type === 'jsonb'
export const isList = ({ type }: Column): boolean => type.endsWith('[]')
const textLike = (column: Column): boolean =>
  isText(column) || column.valuesFrom === 'enum' || ['character', 'citext', '"char"', 'name'].includes(column.type)

/** The column as that kind; undefined where its type cannot be that. */
export function expressionOf(kind: Kind, column: Column, reference: string): Expression | undefined {
  return expressions[kind](column, reference)
}

const expressions: Readonly<Record<Kind, (column: Column, reference: string) => Expression | undefined>> = {
  id: (column, reference) => {
    if (['bigint', 'uuid', 'text'].includes(column.type)) return { sql: reference }
    if (isWholeNumber(column)) return { sql: `${reference}::bigint` }
    return textLike(column) ? { sql: `${reference}::text` } : undefined
  },
  instant,
  text: (column, reference) => {
    if (isText(column)) return { sql: reference }
    if (textLike(column)) return { sql: `${reference}::text` }
    return isWholeNumber(column) || column.type === 'uuid'
      ? { sql: `${reference}::text`, doubt: 'a number or id is no label that people read' }
      : undefined
  },
  country: code,
  currency: code,
  flag: (column, reference) => (column.type === 'boolean' ? { sql: reference } : undefined),
  number: (column, reference) => {
    if (isWholeNumber(column)) return { sql: reference }
    return column.type === 'numeric' ? { sql: `${reference}::int` } : undefined
  },
  minorUnits: (column, reference) => {
    if (isWholeNumber(column)) return { sql: column.type === 'bigint' ? reference : `${reference}::bigint` }
    return isNumber(column) ? { sql: `round(${reference})::bigint`, doubt: 'its type may hold fractions' } : undefined
  },
}

function code(column: Column, reference: string): Expression | undefined {
  if (isText(column) || column.type === 'character') return { sql: reference }
  return textLike(column) ? { sql: `${reference}::text` } : undefined
}

function instant(column: Column, reference: string): Expression | undefined {
  if (column.type === 'timestamp with time zone') return { sql: reference }
  // What Prisma, Rails and most others write into such a column is UTC.
  if (column.type === 'timestamp without time zone') return { sql: `${reference} AT TIME ZONE 'UTC'` }
  if (column.type === 'date') {
    const doubt = 'a date has no time of day: midnight UTC is taken'
    return { sql: `${reference}::timestamp AT TIME ZONE 'UTC'`, doubt }
  }
  if (!isWholeNumber(column)) return undefined
  if (/ms|millis/.test(flat(column.name))) return { sql: `to_timestamp(${reference} / 1000.0)` }
  return { sql: `to_timestamp(${reference})`, doubt: 'taken for seconds since 1970; milliseconds: divide by 1000.0' }
}

/** The type of a column that is not known, so that the rest of the view can be tried. */
export function nullOf(kind: Kind, idType: string): string {
  const types: Readonly<Record<Kind, string>> = {
    id: idType,
    instant: 'timestamptz',
    text: 'text',
    country: 'char(2)',
    currency: 'char(3)',
    flag: 'boolean',
    number: 'int',
    minorUnits: 'bigint',
  }
  return `NULL::${types[kind]}`
}
