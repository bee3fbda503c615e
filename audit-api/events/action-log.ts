import { randomUUID } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { Caller } from '../http/authentication.ts'
import { type AuditEvent, eventLimits } from './event-schema.ts'
import type { EventWithId, EventWriter } from './event-writer.ts'

/** What was done with the log itself. */
export type OwnAction = Pick<AuditEvent, 'action' | 'target' | 'outcome' | 'metadata'>

/** The log watches itself: exports, verifications and refused tokens are events too. */
export interface ActionLog {
  /** Stores what the caller of a request did. */
  record(request: FastifyRequest, what: OwnAction): Promise<void>
  /** The event that `record` would store. */
  eventOf(request: FastifyRequest, what: OwnAction): EventWithId
  store(event: EventWithId): Promise<void>
}

export function createActionLog(writer: EventWriter, now: () => Date): ActionLog {
  const store = async (event: EventWithId) => {
    await writer.insert([event])
  }
  const eventOf = (request: FastifyRequest, what: OwnAction): EventWithId => {
    const userAgent = storable(request.headers['user-agent'] ?? '').slice(0, eventLimits.userAgent)
    return {
      id: randomUUID(),
      occurred_at: eventTime(now()),
      actor: actorOf(request.caller),
      ...what,
      context: { ip: request.ip, request_id: request.id, ...(userAgent === '' ? {} : { user_agent: userAgent }) },
    }
  }
  return { eventOf, store, record: (request, what) => store(eventOf(request, what)) }
}

/** A time as events have it, to the microsecond. */
export function eventTime(time: Date): string {
  return time.toISOString().replace('Z', '000Z')
}

/** Who did what nobody asked for. */
export const serviceActor = {
  type: 'system',
  id: 'barometer-audit-api',
  name: 'Barometer audit API',
} as const satisfies AuditEvent['actor']

function actorOf(caller: Caller | undefined): AuditEvent['actor'] {
  if (caller === undefined) return { type: 'api_key', id: 'unknown', name: 'unknown' }
  const { token, person } = caller
  if (person === undefined) return { type: 'api_key', id: token.id, name: token.name }
  const login = storable(person).slice(0, eventLimits.actorId)
  return { type: 'admin', id: login, name: login }
}

/** Header values may hold what Postgres cannot. */
function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '')
}
