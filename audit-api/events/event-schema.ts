import { type Static, Type } from 'typebox'

/** The greatest sizes, in UTF-16 units for text and bytes of JSON for the two free parts. */
export const eventLimits = {
  eventsMax: 1_000,
  actorId: 200,
  actorName: 200,
  actorEmail: 320,
  action: 100,
  targetType: 100,
  targetId: 200,
  targetName: 300,
  userAgent: 1_000,
  requestId: 200,
  traceId: 64,
  metadataKeys: 50,
  metadataBytes: 16_384,
  changesBytes: 65_536,
} as const

const text = (maxLength: number, description?: string) =>
  Type.String({ minLength: 1, maxLength, ...(description === undefined ? {} : { description }) })
const closed = { additionalProperties: false }

export const actorTypes = ['admin', 'system', 'api_key'] as const
export const outcomes = ['success', 'failure'] as const

const ActorSchema = Type.Object(
  {
    type: Type.Enum(actorTypes),
    id: text(eventLimits.actorId),
    name: text(eventLimits.actorName, 'As it was at the time.'),
    email: Type.Optional(text(eventLimits.actorEmail)),
  },
  closed,
)
const TargetSchema = Type.Object(
  {
    type: text(eventLimits.targetType),
    id: text(eventLimits.targetId),
    name: Type.Optional(text(eventLimits.targetName, 'As it was at the time.')),
  },
  closed,
)
const ContextSchema = Type.Object(
  {
    ip: Type.Optional(Type.String({ maxLength: 45, description: 'IPv4 or IPv6.' })),
    user_agent: Type.Optional(Type.String({ maxLength: eventLimits.userAgent })),
    request_id: Type.Optional(Type.String({ maxLength: eventLimits.requestId })),
    trace_id: Type.Optional(Type.String({ maxLength: eventLimits.traceId })),
  },
  closed,
)
const MetadataSchema = Type.Record(Type.String(), Type.Unknown(), {
  maxProperties: eventLimits.metadataKeys,
  description: `Anything, at most ${eventLimits.metadataKeys} keys and ${eventLimits.metadataBytes} bytes.`,
})
const ChangesSchema = Type.Object(
  { before: Type.Optional(Type.Unknown()), after: Type.Optional(Type.Unknown()) },
  { ...closed, description: `At most ${eventLimits.changesBytes} bytes.` },
)

/** One event as it is sent. */
export const EventSchema = Type.Object(
  {
    id: Type.Optional(
      Type.String({
        format: 'uuid',
        description: 'The idempotency key: send your own, and a repeated request stores nothing twice.',
      }),
    ),
    occurred_at: Type.String({
      description: 'RFC 3339 with its offset; kept to the microsecond.',
      examples: ['2026-03-01T12:00:00Z'],
    }),
    actor: ActorSchema,
    action: Type.String({
      pattern: '^[a-z][a-z0-9_]*(\\.[a-z][a-z0-9_]*)+$',
      maxLength: eventLimits.action,
      description: 'noun.verb',
      examples: ['user.suspend'],
    }),
    target: TargetSchema,
    outcome: Type.Enum(outcomes),
    context: Type.Optional(ContextSchema),
    metadata: Type.Optional(MetadataSchema),
    changes: Type.Optional(ChangesSchema),
  },
  { ...closed, description: 'An event of the audit log.' },
)
export type AuditEvent = Static<typeof EventSchema>

export const IngestBodySchema = Type.Union([
  EventSchema,
  Type.Array(EventSchema, { minItems: 1, maxItems: eventLimits.eventsMax }),
])

export const IngestAnswerSchema = Type.Object({
  stored: Type.Integer({ description: 'Events that are new and committed.' }),
  duplicates: Type.Integer({ description: 'Events that were there already with the same content.' }),
  ids: Type.Array(Type.String(), { description: 'In the order in which they were sent.' }),
})
export type IngestAnswer = Static<typeof IngestAnswerSchema>

const orNull = (maxLength?: number) =>
  Type.Union([Type.String(maxLength === undefined ? {} : { maxLength }), Type.Null()])

/** One event as it is read. */
export const StoredEventSchema = Type.Object({
  id: Type.String(),
  occurred_at: Type.String({ description: 'UTC, to the microsecond.' }),
  recorded_at: Type.String({ description: 'When it was stored; UTC, to the microsecond.' }),
  actor: Type.Object({ type: Type.String(), id: Type.String(), name: Type.String(), email: orNull() }),
  action: Type.String(),
  target: Type.Object({ type: Type.String(), id: Type.String(), name: orNull() }),
  outcome: Type.String(),
  context: Type.Object({ ip: orNull(), user_agent: orNull(), request_id: orNull(), trace_id: orNull() }),
  metadata: Type.Unknown(),
  changes: Type.Unknown(),
})
export type StoredEvent = Static<typeof StoredEventSchema>
