import { randomUUID } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { Caller } from './authentication.ts'
import type { EventWriter } from './queries/insert-events.ts'
import { type AuditEvent, eventLimits } from './schemas/event.ts'

/** What was done with the log itself. */
export type OwnAction = Pick<AuditEvent, 'action' | 'target' | 'outcome' | 'metadata'>

/** The log watches itself: exports and refused tokens are events too. */
export interface ActionLog {
  record(request: FastifyRequest, what: OwnAction): Promise<void>
}

export function createActionLog(writer: EventWriter, now: () => Date): ActionLog {
  return {
    record: async (request, what) => {
      const userAgent = request.headers['user-agent']?.slice(0, eventLimits.userAgent)
      await writer.insert([
        {
          id: randomUUID(),
          occurred_at: now().toISOString().replace('Z', '000Z'),
          actor: actorOf(request.caller),
          ...what,
          context: { ip: request.ip, ...(userAgent === undefined ? {} : { user_agent: userAgent }) },
        },
      ])
    },
  }
}

function actorOf(caller: Caller | undefined): AuditEvent['actor'] {
  if (caller === undefined) return { type: 'api_key', id: 'unknown', name: 'unknown' }
  const { token, person } = caller
  if (person === undefined) return { type: 'api_key', id: token.id, name: token.name }
  const login = person.slice(0, eventLimits.actorId)
  return { type: 'admin', id: login, name: login }
}
