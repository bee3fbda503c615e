import { createHash } from 'node:crypto'
import { noFilter } from '../catalogue/dashboards.ts'
import { badField, type Problem } from './problem.ts'
import { outcomes } from './schemas/event.ts'
import { type ExportFormat, exportFormats, listLimits } from './schemas/list.ts'
import { toUtcMicroseconds } from './time.ts'

/** What a list or an export is asked for. An empty list of values is no filter. */
export interface Filter {
  from: string | undefined
  to: string | undefined
  actor: readonly string[]
  action: readonly string[]
  target_type: readonly string[]
  target_id: readonly string[]
  outcome: readonly string[]
  q: string | undefined
}

export interface Page {
  limit: number
  offset: number
  cursor: string | undefined
}

export type Query = Readonly<Record<string, string | readonly string[] | undefined>>

const columns = ['actor', 'action', 'target_type', 'target_id', 'outcome'] as const
/** What a board offers to choose. */
const choices = ['actor', 'action', 'target_type', 'outcome'] as const
const filterNames: readonly string[] = ['from', 'to', 'q', ...columns]
const pageNames: readonly string[] = ['limit', 'cursor', 'offset', 'page']
const otherwiseCursor = '; for later pages follow next_cursor with the parameter cursor'

/** @throws {Problem} 400 that names the parameter. */
export function readFilter(query: Query, alsoAllowed: readonly string[] = []): Filter {
  for (const name of Object.keys(query)) {
    if (filterNames.includes(name) || alsoAllowed.includes(name)) continue
    throw unknownParameter(name, [...filterNames, ...alsoAllowed])
  }
  const filter = {
    from: time(query, 'from'),
    to: time(query, 'to'),
    actor: values(query, 'actor'),
    action: values(query, 'action'),
    target_type: values(query, 'target_type'),
    target_id: values(query, 'target_id'),
    outcome: values(query, 'outcome'),
    q: single(query, 'q'),
  }
  const strange = filter.outcome.find((value) => !(outcomes as readonly string[]).includes(value))
  if (strange !== undefined) throw badField('outcome', `must be one of ${outcomes.join(', ')}`)
  if (filter.q !== undefined && filter.q.length > listLimits.textMax) {
    throw badField('q', `has ${filter.q.length} characters; expected at most ${listLimits.textMax}`)
  }
  return filter
}

/** @throws {Problem} 400 that names the parameter. */
export function readListQuery(query: Query): { filter: Filter; page: Page } {
  const filter = readFilter(query, pageNames)
  const { limit, page } = readPage(query)
  const offset = integer(query, 'offset', 0, listLimits.offsetMax, otherwiseCursor) ?? 0
  const cursor = single(query, 'cursor')
  if (cursor !== undefined && offset > 0) throw badField('offset', 'cannot go with cursor; expected one of the two')
  if (page !== undefined && page > 0 && (cursor !== undefined || offset > 0)) {
    throw badField('page', 'cannot go with cursor or offset; expected one of the three')
  }
  return { filter, page: { limit, offset: offset + (page ?? 0) * limit, cursor } }
}

/** @throws {Problem} 400 that names the parameter. */
export function readExportQuery(query: Query): { filter: Filter; format: ExportFormat } {
  const filter = readFilter(withoutBraces(query), ['format'])
  const wanted = single(query, 'format') ?? 'csv'
  const format = exportFormats.find((known) => known === wanted)
  if (format === undefined) throw badField('format', `must be one of ${exportFormats.join(', ')}`)
  return { filter, format }
}

/**
 * A link of Grafana's has what is chosen of a variable encoded as `{a,b}` or not encoded at all, and then a + or & in an id
 * makes it another filter.
 */
function withoutBraces(query: Query): Query {
  const bare = choices.flatMap((name) => {
    const value = query[name]
    return typeof value === 'string' ? [[name, value.replace(/^\{(.*)\}$/s, '$1')]] : []
  })
  return { ...query, ...Object.fromEntries(bare) }
}

/** @throws {Problem} 400 that names the parameter. */
export function readPagesQuery(query: Query): { filter: Filter; limit: number; page: number | undefined } {
  return { filter: readFilter(query, ['limit', 'page']), ...readPage(query) }
}

/** What is asked of a span of time alone. */
export type TimeRange = Pick<Filter, 'from' | 'to'>

/** @throws {Problem} 400 that names the parameter. */
export function readTimeRange(query: Query): TimeRange {
  const strange = Object.keys(query).find((name) => name !== 'from' && name !== 'to')
  if (strange !== undefined) throw unknownParameter(strange, ['from', 'to'])
  return { from: time(query, 'from'), to: time(query, 'to') }
}

/** A page counts from 0 and is as long as `limit`: page 3 of 50 is offset 150. */
function readPage(query: Query): { limit: number; page: number | undefined } {
  const limit = integer(query, 'limit', 1, listLimits.limitMax) ?? listLimits.limitDefault
  return { limit, page: integer(query, 'page', 0, Math.floor(listLimits.offsetMax / limit), otherwiseCursor) }
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
  if (distinct.length > listLimits.valuesMax)
    throw badField(name, `has ${distinct.length} values; expected at most ${listLimits.valuesMax}`)
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

/** Where the next page begins: behind this event. */
export interface Position {
  occurredAt: string
  id: string
}

/** Opaque to the client; bound to its filter, since a position means another thing in another list. */
export function writeCursor(position: Position, filter: Filter): string {
  return Buffer.from(JSON.stringify([1, position.occurredAt, position.id, fingerprint(filter)])).toString('base64url')
}

/** @throws {Problem} 400 for a cursor that is none, or was given with another filter. */
export function readCursor(cursor: string, filter: Filter): Position {
  let parts: unknown
  try {
    parts = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch {
    parts = undefined
  }
  const [version, occurredAt, id, bound]: unknown[] = Array.isArray(parts) ? parts : []
  if (
    version !== 1 ||
    typeof occurredAt !== 'string' ||
    toUtcMicroseconds(occurredAt) !== occurredAt ||
    typeof id !== 'string' ||
    !/^[0-9a-f-]{36}$/.test(id)
  ) {
    throw badField('cursor', 'is not one of ours; expected next_cursor of the page before')
  }
  if (bound !== fingerprint(filter)) {
    throw badField('cursor', 'belongs to another filter; expected the same filter on every page, or no cursor')
  }
  return { occurredAt, id }
}

function fingerprint(filter: Filter): string {
  const text = JSON.stringify([filter.from, filter.to, ...columns.map((name) => filter[name]), filter.q])
  return createHash('sha256').update(text).digest('base64url').slice(0, 22)
}

/** A bare `undefined` becomes null, so that what is shown and recorded says which filters were set only. */
export function filterAsMetadata(filter: Filter): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(filter).filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0)),
  )
}
