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
import { groupings } from './error-schema.ts'

/** Which errors are asked for. An empty list of values is no filter. */
export interface ErrorFilter {
  from: string | undefined
  to: string | undefined
  service: readonly string[]
  type: readonly string[]
  fingerprint: readonly string[]
}

export type Grouping = (typeof groupings)[number]

const filterNames: readonly string[] = ['from', 'to', 'service', 'type', 'fingerprint']

/** @throws {Problem} 400 that names the parameter. */
export function readErrorListQuery(query: Query): { filter: ErrorFilter; limit: number; cursor: string | undefined } {
  return {
    filter: readErrorFilter(query, ['limit', 'cursor']),
    limit: readLimit(query),
    cursor: single(query, 'cursor'),
  }
}

/** @throws {Problem} 400 that names the parameter. */
export function readErrorGroupsQuery(query: Query): { filter: ErrorFilter; limit: number; by: Grouping } {
  const filter = readErrorFilter(query, ['limit', 'by'])
  const by = single(query, 'by') ?? 'type'
  const grouping = groupings.find((known) => known === by)
  if (grouping === undefined) throw badField('by', `must be one of ${groupings.join(', ')}`)
  return { filter, limit: readLimit(query), by: grouping }
}

function readErrorFilter(query: Query, alsoAllowed: readonly string[]): ErrorFilter {
  const allowed = [...filterNames, ...alsoAllowed]
  const strange = Object.keys(query).find((name) => !allowed.includes(name))
  if (strange !== undefined) throw unknownParameter(strange, allowed)
  return {
    from: time(query, 'from'),
    to: time(query, 'to'),
    service: values(query, 'service'),
    type: values(query, 'type'),
    fingerprint: values(query, 'fingerprint'),
  }
}

function readLimit(query: Query): number {
  return integer(query, 'limit', 1, queryLimits.limitMax) ?? queryLimits.limitDefault
}

/** Opaque to the client; bound to its filter, since a position means another thing in another list. */
export function writeErrorCursor(position: Position, filter: ErrorFilter): string {
  const parts = ['errors', position.occurredAt, position.id, bindingOf(filter)]
  return Buffer.from(JSON.stringify(parts)).toString('base64url')
}

/** @throws {Problem} 400 for a cursor that is none, or was given with another filter. */
export function readErrorCursor(cursor: string, filter: ErrorFilter): Position {
  let parts: unknown
  try {
    parts = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch {
    parts = undefined
  }
  const [kind, occurredAt, id, bound]: unknown[] = Array.isArray(parts) ? parts : []
  if (
    kind !== 'errors' ||
    typeof occurredAt !== 'string' ||
    toUtcMicroseconds(occurredAt) !== occurredAt ||
    typeof id !== 'string' ||
    !/^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(id)
  ) {
    throw badField('cursor', 'is not one of ours; expected next_cursor of the page before')
  }
  if (bound !== bindingOf(filter)) {
    throw badField('cursor', 'belongs to another filter; expected the same filter on every page, or no cursor')
  }
  return { occurredAt, id }
}

function bindingOf({ from, to, service, type, fingerprint }: ErrorFilter): string {
  const text = JSON.stringify([from, to, service, type, fingerprint])
  return createHash('sha256').update(text).digest('base64url').slice(0, 22)
}
