import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { FastifyRequest } from 'fastify'
import type { HttpServer } from '../../lib/http-server.ts'
import { Problem } from '../http/problem.ts'
import { conflict, refusals, tooLarge } from '../http/problem-schema.ts'
import { readEvents } from './event-content.ts'
import { type AuditEvent, type IngestAnswer, IngestAnswerSchema, IngestBodySchema } from './event-schema.ts'
import { type EventWithId, type EventWriter, IdConflict } from './event-writer.ts'
import type { EventMetrics } from './metrics.ts'

export interface IngestOptions {
  writer: EventWriter
  metrics: EventMetrics
  now: () => Date
}

/** `POST /audit/events`: one event or many, all stored or none, answered after the commit. */
export function ingestRoute(server: HttpServer, { writer, metrics, now }: IngestOptions): void {
  /** All that is done before the database is waited for. Of the events nothing is kept from here on. */
  const begin = (request: FastifyRequest): { count: number; ids: string[]; storing: Promise<number> } => {
    const body: unknown = request.body
    request.body = undefined
    const count = Array.isArray(body) ? body.length : 1
    try {
      const events = readEvents(body, now()).map(withId)
      const ids = events.map((event) => event.id)
      return { count, ids, storing: insert(writer, withoutRepeats(events), ids) }
    } catch (error) {
      metrics.ingested.inc(
        { result: error instanceof Problem && error.status === 409 ? 'conflict' : 'rejected' },
        count,
      )
      throw error
    }
  }
  server.route({
    method: 'POST',
    url: '/audit/events',
    config: { scope: 'ingest' },
    schema: {
      summary: 'Store one event, or up to 1,000',
      description:
        'All are stored or none. 201 means committed. The same id with the same content is stored once (200 where all were there); with other content it is a 409.',
      tags: ['audit'],
      body: IngestBodySchema,
      response: { 200: IngestAnswerSchema, 201: IngestAnswerSchema, ...refusals, ...conflict, ...tooLarge },
    },
    // The events are checked one by one in the handler, which can then name the field; a union could only say "neither".
    validatorCompiler: () => (value: unknown) => ({ value }),
    handler: async (request, reply) => {
      const { count, ids, storing } = begin(request)
      const stored = await storing.catch((error: unknown) => {
        if (error instanceof Problem) metrics.ingested.inc({ result: 'conflict' }, count)
        throw error
      })
      metrics.ingested.inc({ result: 'stored' }, stored)
      metrics.ingested.inc({ result: 'duplicate' }, count - stored)
      const answer: IngestAnswer = { stored, duplicates: count - stored, ids }
      return reply.code(stored > 0 ? 201 : 200).send(answer)
    },
  })
}

function insert(writer: EventWriter, events: readonly EventWithId[], ids: readonly string[]): Promise<number> {
  return writer.insert(events).then(
    ({ stored }) => stored,
    (error: unknown) => {
      if (!(error instanceof IdConflict)) throw error
      const id = error.ids[0] ?? ''
      throw takenId(ids.length === 1 ? 'id' : `events[${ids.indexOf(id)}].id`, id)
    },
  )
}

function withId(event: AuditEvent): EventWithId {
  const { id = randomUUID() } = event
  return Object.assign(event, { id })
}

/** A batch may repeat itself, as a request may; it may not contradict itself. */
function withoutRepeats(events: readonly EventWithId[]): EventWithId[] {
  const byId = new Map<string, EventWithId>()
  for (const [index, event] of events.entries()) {
    const before = byId.get(event.id)
    if (before !== undefined && !isDeepStrictEqual(before, event)) throw takenId(`events[${index}].id`, event.id)
    byId.set(event.id, before ?? event)
  }
  return [...byId.values()]
}

function takenId(field: string, id: string): Problem {
  return new Problem(
    409,
    `${field} ${id} is taken by an event of other content; expected the same content or a new id; nothing was stored`,
    { field },
  )
}
