import { isIP } from 'node:net'
import { Compile } from 'typebox/compile'
import { firstError, isStorable, join, refuseUnstorable, shown } from '../http/body-fields.ts'
import { badField } from '../http/problem.ts'
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

function refuseLarge(value: unknown, path: string, bytesMax: number): void {
  if (value === undefined) return
  const bytes = Buffer.byteLength(JSON.stringify(value))
  if (bytes > bytesMax) throw badField(path, `has ${bytes} bytes as JSON; expected at most ${bytesMax}`)
}
