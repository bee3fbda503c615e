import { Type } from 'typebox'

export const VerifyQuerySchema = Type.Object(
  {
    from_sequence: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'The first place to look at; 1 unless given.',
      }),
    ),
    whole: Type.Optional(
      Type.Boolean({
        description: 'Look also for events and identities that no place covers, which takes a walk over all.',
      }),
    ),
  },
  { additionalProperties: false },
)

const HeadSchema = Type.Object({
  sequence: Type.Integer({ description: 'The newest place.' }),
  batch: Type.Integer({ description: 'The newest batch.' }),
  chain_hash: Type.String({ description: 'Its hash, in hex: it stands for everything before it.' }),
})

const FindingSchema = Type.Object({
  kind: Type.String({ description: 'changed, removed or inserted' }),
  what: Type.String({ description: 'event, identity, place or batch' }),
  sequence: Type.Optional(Type.Integer()),
  id: Type.Optional(Type.String({ description: "The event's id." })),
  batch: Type.Optional(Type.Integer()),
  detail: Type.String(),
})

export const VerifyAnswerSchema = Type.Object({
  valid: Type.Boolean({ description: 'Nothing was found in what was looked at.' }),
  complete: Type.Boolean({
    description: 'All that was asked for was looked at. False where the time did not suffice, or a finding ended it.',
  }),
  whole: Type.Boolean(),
  first_sequence: Type.Integer(),
  last_sequence: Type.Integer({ description: 'The last place that was looked at.' }),
  next_sequence: Type.Union([Type.Integer(), Type.Null()], {
    description: 'Where to go on with from_sequence; null where the head was reached or something was found.',
  }),
  head: Type.Union([HeadSchema, Type.Null()]),
  anchors_compared: Type.Integer({ description: 'Heads kept outside the database that were compared.' }),
  finding: Type.Union([FindingSchema, Type.Null()], { description: 'The first thing that is not as it was.' }),
})
