import { Type } from 'typebox'
import { noFilter } from '../../catalogue/dashboards.ts'
import { badField, type Problem } from './problem.ts'
import { toUtcMicroseconds } from './time.ts'

/** The parameters of a request as they came: one that is repeated is a list. */
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>

/** What every list takes. */
export const queryLimits = { limitDefault: 50, limitMax: 500, valuesMax: 100 } as const

/** A parameter of several values, as OpenAPI shows it. */
export const severalValues = (description: string) =>
  Type.Optional(
    Type.Union([Type.String(), Type.Array(Type.String())], {
      description: `${description} Several, comma-separated or repeated, mean any of them; ${noFilter} means no filter.`,
    }),
  )

/** Where the next page of a list begins: behind this row. */
export interface Position {
  occurredAt: string
  id: string
}

export function unknownParameter(name: string, known: readonly string[]): Problem {
  const field = name.replace(/[^\x20-\x7e]/g, '?').slice(0, 60)
  return badField(field, `is not known; expected one of ${known.join(', ')}`)
}

/** Repeated and comma-separated values as one list; empty for no filter. */
export function values(query: Query, name: string): string[] {
  const found = query[name] ?? []
  const all = (typeof found === 'string' ? [found] : found)
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
  refuseNul(name, all)
  if (all.includes(noFilter)) return []
  const distinct = [...new Set(all.filter((value) => value !== ''))].sort()
  if (distinct.length > queryLimits.valuesMax)
    throw badField(name, `has ${distinct.length} values; expected at most ${queryLimits.valuesMax}`)
  return distinct
}

export function single(query: Query, name: string): string | undefined {
  const found = query[name]
  if (typeof found === 'object') throw badField(name, 'is there more than once; expected one value')
  refuseNul(name, found === undefined ? [] : [found])
  return found === '' ? undefined : found
}

function refuseNul(name: string, found: readonly string[]): void {
  if (found.some((value) => value.includes('\0'))) throw badField(name, 'contains a NUL character')
}

export function time(query: Query, name: string): string | undefined {
  const found = single(query, name)
  if (found === undefined) return undefined
  const utc = toUtcMicroseconds(found)
  if (utc === undefined)
    throw badField(
      name,
      `is ${JSON.stringify(found.slice(0, 60))}; expected an RFC 3339 time with its offset, as 2026-03-01T12:00:00Z`,
    )
  return utc
}

export function integer(query: Query, name: string, min: number, max: number, ifGreater = ''): number | undefined {
  const found = single(query, name)
  if (found === undefined) return undefined
  const value = /^\d{1,9}$/.test(found) ? Number(found) : Number.NaN
  if (value >= min && value <= max) return value
  const hint = value > max ? ifGreater : ''
  throw badField(name, `is ${JSON.stringify(found.slice(0, 60))}; expected a whole number from ${min} to ${max}${hint}`)
}
