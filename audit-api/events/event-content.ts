import { isIP } from 'node:net'
import { Compile } from 'typebox/compile'
import { badField, Problem } from '../http/problem.ts'
import { toUtcMicroseconds } from '../http/time.ts'
import { type AuditEvent, EventSchema, eventLimits } from './event-schema.ts'

const event = Compile(EventSchema)
const earliest = '2000-01-01T00:00:00.000000Z'
const dayMs = 86_400_000

/**
 * The events of a body, one or an array, checked to the last character; times come back in UTC microseconds and ids in
 * small letters.
 * @throws {Problem} 400 that names the first field that is not right (`events[3].actor.id`) and what was expected.
 */
export function readEvents(body: unknown, now: Date): AuditEvent[] {
  const many = Array.isArray(body)
  const found: unknown[] = many ? body : [body]
  if (found.length === 0) throw badField('events', 'is empty; expected at least one event')
  if (found.length > eventLimits.eventsMax) {
    throw badField('events', `has ${found.length} items; expected at most ${eventLimits.eventsMax}`)
  }
  const latest = new Date(now.getTime() + dayMs).toISOString()
  return found.map((item, index) => readEvent(item, many ? `events[${index}]` : '', latest))
}

function readEvent(item: unknown, path: string, latest: string): AuditEvent {
  if (!event.Check(item)) throw firstError(event.Errors(item), path, 'event')
  // Names of fields are put together only where one is to be named: for every field they took some 8 % of the service's time.
  if (!isStorable(item, 0)) refuseUnstorable(item, path, 0)
  const { ip } = item.context ?? {}
  if (ip !== undefined && isIP(ip) === 0) {
    throw badField(join(path, 'context.ip'), `is ${shown(ip)}; expected an IPv4 or IPv6 address`)
  }
  refuseLarge(item.metadata, join(path, 'metadata'), eventLimits.metadataBytes)
  refuseLarge(item.changes, join(path, 'changes'), eventLimits.changesBytes)
  const occurredAt = toUtcMicroseconds(item.occurred_at)
  if (occurredAt === undefined) {
    throw badField(
      join(path, 'occurred_at'),
      `is ${shown(item.occurred_at)}; expected an RFC 3339 time with its offset, as 2026-03-01T12:00:00Z`,
    )
  }
  // Both are UTC in one form, so they compare as text.
  if (occurredAt < earliest || occurredAt.slice(0, 23) > latest.slice(0, 23)) {
    throw badField(
      join(path, 'occurred_at'),
      `is ${shown(item.occurred_at)}; expected a time from 2000 on and no more than one day ahead`,
    )
  }
  return { ...item, occurred_at: occurredAt, ...(item.id === undefined ? {} : { id: item.id.toLowerCase() }) }
}

/** The first thing that is not as the schema asks, by its name; the whole is `what`. */
export function firstError(errors: ReturnType<typeof event.Errors>, path: string, what: string): Problem {
  const unknown = errors.find((error) => error.keyword === 'additionalProperties')
  if (unknown?.keyword === 'additionalProperties') {
    const field = pointer(path, `${unknown.instancePath}/${unknown.params.additionalProperties[0] ?? ''}`)
    return badField(field, 'is not known; expected only the fields of the schema')
  }
  const error = errors[0]
  if (error === undefined) return new Problem(400, `the ${what} is not right`)
  if (error.keyword === 'required') {
    return badField(pointer(path, `${error.instancePath}/${error.params.requiredProperties[0] ?? ''}`), 'is missing')
  }
  const field = pointer(path, error.instancePath) || what
  if (error.keyword === 'enum') return badField(field, `must be one of ${error.params.allowedValues.join(', ')}`)
  return badField(field, error.message)
}

/** Whether `refuseUnstorable` would refuse nothing. */
function isStorable(value: unknown, depth: number): boolean {
  if (depth > eventLimits.depthMax) return false
  if (typeof value === 'string') return isStorableText(value)
  if (typeof value === 'number') return isExact(value)
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every((item) => isStorable(item, depth + 1))
  const object = value as Record<string, unknown>
  for (const key in object) {
    if (!isStorableText(key) || !isStorable(object[key], depth + 1)) return false
  }
  return true
}

const isStorableText = (text: string): boolean => !text.includes('\0') && text.isWellFormed()
const isExact = (value: number): boolean =>
  Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))

/**
 * What Postgres could not store as it was sent: NUL, halves of surrogate pairs, numbers that JavaScript has rounded. A
 * log that changes what it was told is none, so these are refused, not repaired.
 */
export function refuseUnstorable(value: unknown, path: string, depth: number): void {
  if (depth > eventLimits.depthMax) throw badField(path, `is nested deeper than ${eventLimits.depthMax} levels`)
  if (typeof value === 'string') refuseText(value, path)
  else if (typeof value === 'number' && !isExact(value)) {
    throw badField(path, 'is a number that cannot be kept exactly; expected it as text')
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) refuseUnstorable(item, `${path}[${index}]`, depth + 1)
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      const field = join(path, cleaned(key))
      refuseText(key, field)
      refuseUnstorable(item, field, depth + 1)
    }
  }
}

function refuseText(text: string, path: string): void {
  if (text.includes('\0')) throw badField(path, 'contains a NUL character, which cannot be stored')
  if (!text.isWellFormed()) throw badField(path, 'contains half of a surrogate pair, which is no character')
}

function refuseLarge(value: unknown, path: string, bytesMax: number): void {
  if (value === undefined) return
  const bytes = Buffer.byteLength(JSON.stringify(value))
  if (bytes > bytesMax) throw badField(path, `has ${bytes} bytes as JSON; expected at most ${bytesMax}`)
}

/** `/actor/id` behind `events[3]` is `events[3].actor.id`. */
function pointer(path: string, instancePath: string): string {
  const keys = instancePath
    .split('/')
    .slice(1)
    .map((key) => cleaned(key.replaceAll('~1', '/').replaceAll('~0', '~')))
  return keys.reduce((field, key) => join(field, key), path)
}

export function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`
}

/** A key of the sender's making, short and printable, to be named in an answer. */
function cleaned(key: string): string {
  return key.replace(/[^\x20-\x7e]/g, '?').slice(0, 100)
}

export function shown(text: string): string {
  return JSON.stringify(text.slice(0, 60))
}
