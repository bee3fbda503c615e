import { createHash } from 'node:crypto'
import { badField } from '../http/problem.ts'
import {
  integer,
  type Position,
  type Query,
  queryLimits,
  single,
  time,
  unknownParameter,
  values,
} from '../http/query.ts'
import { toUtcMicroseconds } from '../http/time.ts'
import { outcomes } from './event-schema.ts'
import { listLimits } from './filter-schema.ts'

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

const columns = ['actor', 'action', 'target_type', 'target_id', 'outcome'] as const
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
  const limit = integer(query, 'limit', 1, queryLimits.limitMax) ?? queryLimits.limitDefault
  return { limit, page: integer(query, 'page', 0, Math.floor(listLimits.offsetMax / limit), otherwiseCursor) }
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
