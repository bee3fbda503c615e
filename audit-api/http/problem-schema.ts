import { Type } from 'typebox'

/** RFC 9457. */
export const ProblemSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: 'What was found and what was expected.' }),
    field: Type.Optional(Type.String({ description: 'The field that is meant, e.g. events[3].actor.id.' })),
    request_id: Type.String({ description: 'Also the header x-request-id, and in the log of the service.' }),
  },
  { description: 'application/problem+json' },
)

/** One answer that is a problem. */
export const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: ProblemSchema } },
})

/** The refusals that every route behind a token may give. */
export const refusals = {
  400: problem('A field is not right; it is named.'),
  401: problem('No token, or one that is not known.'),
  403: problem('The token, or the person, may not do this.'),
  429: problem('Too many requests with this token; Retry-After says when to come again.'),
  500: problem('An unexpected error.'),
  503: problem('The database is away or took too long; come again.'),
} as const
export const conflict = { 409: problem('An id is taken by an event of other content; nothing was stored.') } as const
export const tooLarge = {
  413: problem('More than 1 MiB.'),
  415: problem('No JSON, or a body that is compressed.'),
} as const
