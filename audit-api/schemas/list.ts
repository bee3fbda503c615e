import { type Static, Type } from 'typebox'
import { StoredEventSchema } from './event.ts'

export const listLimits = {
  limitDefault: 50,
  limitMax: 500,
  offsetMax: 10_000,
  totalMax: 10_000,
  textMax: 200,
  valuesMax: 100,
} as const

const several = (description: string) =>
  Type.Optional(
    Type.Union([Type.String(), Type.Array(Type.String())], {
      description: `${description} Several, comma-separated or repeated, mean any of them; __all means no filter.`,
    }),
  )

/** The filters that list and export have in common. */
export const filterProperties = {
  from: Type.Optional(Type.String({ description: 'From this time on (RFC 3339).' })),
  to: Type.Optional(Type.String({ description: 'Before this time (RFC 3339).' })),
  actor: several("Actors' ids."),
  action: several('Actions, as user.suspend.'),
  target_type: several('Types of targets.'),
  target_id: several("Targets' ids."),
  outcome: several('success or failure.'),
  q: Type.Optional(
    Type.String({
      maxLength: listLimits.textMax,
      description: 'Text found in actor, action, target or metadata, whatever the case.',
    }),
  ),
}

export const ExportQuerySchema = Type.Object(filterProperties, { additionalProperties: false })

export const ListQuerySchema = Type.Object(
  {
    ...filterProperties,
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: listLimits.limitMax, default: listLimits.limitDefault })),
    cursor: Type.Optional(Type.String({ description: 'next_cursor of the page before, with the same filter.' })),
    offset: Type.Optional(
      Type.Integer({ minimum: 0, maximum: listLimits.offsetMax, description: 'Skips so many; for more use cursor.' }),
    ),
  },
  { additionalProperties: false },
)

export const ListAnswerSchema = Type.Object({
  items: Type.Array(StoredEventSchema),
  total: Type.Union([Type.Integer(), Type.Literal(`${listLimits.totalMax}+`)], {
    description: `How many the filter matches: exact to ${listLimits.totalMax}, then "${listLimits.totalMax}+".`,
  }),
  next_cursor: Type.Union([Type.String(), Type.Null()], { description: 'The next page, or null on the last one.' }),
})
export type ListAnswer = Static<typeof ListAnswerSchema>
