import { noFilter } from '../../catalogue/dashboards.ts'
import { badField } from '../http/problem.ts'
import type { Query } from '../http/query.ts'
import { toUtcMicroseconds } from '../http/time.ts'
import { type Asked, type Filters, type Period, periods } from './sources/store.ts'

/** What a route can be asked for, beside its path. */
export interface Parameters {
  /** day, week or month, with from and to. */
  period?: true
  /** from and to alone. */
  range?: true
  /** Filters, each several values. */
  filters?: readonly string[]
  /** One of some words; the first unless given. */
  choices?: Readonly<Record<string, readonly [string, ...string[]]>>
  /** A whole number from 1. */
  limit?: { default: number; max: number }
}

/** A query that was read. */
export interface Read {
  asked: Asked
  filters: Filters
  choices: Readonly<Record<string, string>>
  limit: number
}

const valuesMax = 100

export function namesOf(parameters: Parameters): string[] {
  return [
    ...(parameters.period ? ['period'] : []),
    ...(parameters.period || parameters.range ? ['from', 'to'] : []),
    ...(parameters.filters ?? []),
    ...Object.keys(parameters.choices ?? {}),
    ...(parameters.limit ? ['limit'] : []),
  ]
}

/** @throws {Problem} 400 that names the parameter */
export function readQuery(query: Query, parameters: Parameters): Read {
  const known = namesOf(parameters)
  const strange = Object.keys(query).find((name) => !known.includes(name))
  if (strange !== undefined) {
    const field = strange.replace(/[^\x20-\x7e]/g, '?').slice(0, 60)
    throw badField(
      field,
      `is not known here; expected ${known.length === 0 ? 'no parameter' : `one of ${known.join(', ')}`}`,
    )
  }
  const from = time(query, 'from')
  const to = time(query, 'to')
  if (from !== undefined && to !== undefined && from >= to) throw badField('from', 'is not before to')
  const filters = (parameters.filters ?? []).map((name) => [name, values(query, name)] as const)
  const choices = Object.entries(parameters.choices ?? {}).map(
    ([name, words]) => [name, choice(query, name, words)] as const,
  )
  return {
    asked: { period: choice(query, 'period', periods) as Period, from, to },
    filters: Object.fromEntries(filters.filter(([, found]) => found.length > 0)),
    choices: Object.fromEntries(choices),
    limit: parameters.limit === undefined ? 0 : integer(query, 'limit', parameters.limit),
  }
}

function single(query: Query, name: string): string | undefined {
  const found = query[name]
  if (typeof found === 'object') throw badField(name, 'is there more than once; expected one value')
  return found === '' ? undefined : found
}

function choice(query: Query, name: string, words: readonly string[]): string {
  const found = single(query, name) ?? words[0] ?? ''
  if (!words.includes(found)) throw badField(name, `is ${shown(found)}; expected one of ${words.join(', ')}`)
  return found
}

function integer(query: Query, name: string, { default: usual, max }: { default: number; max: number }): number {
  const found = single(query, name)
  if (found === undefined) return usual
  const value = /^\d{1,9}$/.test(found) ? Number(found) : Number.NaN
  if (value >= 1 && value <= max) return value
  throw badField(name, `is ${shown(found)}; expected a whole number from 1 to ${max}`)
}

function time(query: Query, name: string): string | undefined {
  const found = single(query, name)
  if (found === undefined) return undefined
  const utc = toUtcMicroseconds(found)
  if (utc === undefined)
    throw badField(name, `is ${shown(found)}; expected an RFC 3339 time with its offset, as 2026-03-01T12:00:00Z`)
  return utc
}

/** Several values, repeated or with commas; none, or `noFilter` among them, is no filter. */
function values(query: Query, name: string): string[] {
  const found = query[name] ?? []
  const all = (typeof found === 'string' ? [found] : found)
    .flatMap((value) => value.split(','))
    .map((one) => one.trim())
  if (all.some((value) => value.includes('\0'))) throw badField(name, 'contains a NUL character')
  if (all.includes(noFilter)) return []
  const distinct = [...new Set(all.filter((value) => value !== ''))]
  if (distinct.length > valuesMax) throw badField(name, `has ${distinct.length} values; expected at most ${valuesMax}`)
  return distinct
}

const shown = (value: string): string => JSON.stringify(value.slice(0, 60))
