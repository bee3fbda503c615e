import { type Static, Type } from 'typebox'
import { queryLimits, severalValues } from '../http/query.ts'

/** The greatest sizes, in UTF-16 units. */
export const errorLimits = {
  errorsMax: 1_000,
  service: 100,
  type: 100,
  message: 4_000,
  route: 500,
  traceId: 64,
  stack: 20_000,
  /** A day less than the log keeps, so that no day goes while something is written into it. */
  daysBack: 29,
} as const

const text = (maxLength: number, description?: string) =>
  Type.String({ minLength: 1, maxLength, ...(description === undefined ? {} : { description }) })

/** One error as it is sent. */
export const ErrorSchema = Type.Object(
  {
    id: Type.Optional(
      Type.String({
        format: 'uuid',
        description:
          'Send your own, and an error that is sent again with the same occurred_at is stored and counted once.',
      }),
    ),
    occurred_at: Type.String({
      description: `RFC 3339 with its offset; of the last ${errorLimits.daysBack} days.`,
      examples: ['2026-03-01T12:00:00Z'],
    }),
    service: Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9._/-]*$',
      maxLength: errorLimits.service,
      description: 'The name of what failed.',
      examples: ['platform-api'],
    }),
    type: Type.String({
      pattern: '^[A-Za-z0-9_$][A-Za-z0-9_$.:/-]*$',
      maxLength: errorLimits.type,
      description: "The error's class or code, never with a number of its own in it.",
      examples: ['TimeoutError'],
    }),
    message: text(errorLimits.message),
    route: Type.Optional(text(errorLimits.route, 'The pattern of the route, as /characters/:id.')),
    status: Type.Optional(Type.Integer({ minimum: 100, maximum: 599, description: 'The status that was answered.' })),
    trace_id: Type.Optional(Type.String({ pattern: '^[0-9A-Za-z_-]+$', maxLength: errorLimits.traceId })),
    stack: Type.Optional(text(errorLimits.stack)),
  },
  { additionalProperties: false, description: 'An error of a service.' },
)
export type ReportedError = Static<typeof ErrorSchema>

export const ErrorsBodySchema = Type.Union([
  ErrorSchema,
  Type.Array(ErrorSchema, { minItems: 1, maxItems: errorLimits.errorsMax }),
])

export const ErrorsStoredSchema = Type.Object({
  stored: Type.Integer({ description: 'Errors that are new and committed.' }),
  duplicates: Type.Integer({ description: 'Errors whose id and time were there already.' }),
})
export type ErrorsStored = Static<typeof ErrorsStoredSchema>

const orNull = Type.Union([Type.String(), Type.Null()])

/** One error as it is read. */
export const StoredErrorSchema = Type.Object({
  id: Type.String(),
  occurred_at: Type.String({ description: 'UTC, to the microsecond.' }),
  recorded_at: Type.String({ description: 'When it was stored; UTC, to the microsecond.' }),
  service: Type.String(),
  type: Type.String(),
  message: Type.String({ description: 'What looked like a secret, an e-mail address or a card number is masked.' }),
  fingerprint: Type.String({ description: 'The same for the same fault.' }),
  route: orNull,
  status: Type.Union([Type.Integer(), Type.Null()]),
  trace_id: orNull,
  stack: orNull,
})
export type StoredError = Static<typeof StoredErrorSchema>

const filterProperties = {
  from: Type.Optional(Type.String({ description: 'From this time on (RFC 3339).' })),
  to: Type.Optional(Type.String({ description: 'Before this time (RFC 3339).' })),
  service: severalValues('Services.'),
  type: severalValues('Types of errors.'),
  fingerprint: severalValues('Fingerprints.'),
}
const limit = Type.Optional(
  Type.Integer({ minimum: 1, maximum: queryLimits.limitMax, default: queryLimits.limitDefault }),
)

export const ErrorListQuerySchema = Type.Object(
  {
    ...filterProperties,
    limit,
    cursor: Type.Optional(Type.String({ description: 'next_cursor of the page before, with the same filter.' })),
  },
  { additionalProperties: false },
)
export const ErrorListSchema = Type.Object({
  items: Type.Array(StoredErrorSchema),
  next_cursor: Type.Union([Type.String(), Type.Null()], { description: 'The next page, or null on the last one.' }),
})
export type ErrorList = Static<typeof ErrorListSchema>

/** What a row of the groups stands for. */
export const groupings = ['type', 'fingerprint'] as const

export const ErrorGroupsQuerySchema = Type.Object(
  {
    ...filterProperties,
    limit,
    by: Type.Optional(
      Type.Enum(groupings, { default: 'type', description: 'One row for each service and type, or for each fault.' }),
    ),
  },
  { additionalProperties: false },
)
export const ErrorGroupsSchema = Type.Object({
  items: Type.Array(
    Type.Object({
      service: Type.String(),
      type: Type.String(),
      count: Type.Integer(),
      fingerprints: Type.Integer({
        description: 'How many faults: messages that differ in more than their particulars.',
      }),
      first_seen: Type.String({ description: 'In the range that was asked for.' }),
      last_seen: Type.String(),
      example: StoredErrorSchema,
    }),
    { description: 'Most frequent first.' },
  ),
  groups: Type.Integer({ description: 'How many there are, of which the first are shown.' }),
  errors: Type.Integer({ description: 'How many errors the filter matches.' }),
})
export type ErrorGroups = Static<typeof ErrorGroupsSchema>
