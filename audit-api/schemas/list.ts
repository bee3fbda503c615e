import { type Static, Type } from 'typebox'
import { noFilter } from '../../catalogue/dashboards.ts'
import { StoredEventSchema } from './event.ts'

export const listLimits = {
  limitDefault: 50,
  limitMax: 500,
  offsetMax: 10_000,
  totalMax: 10_000,
  textMax: 200,
  valuesMax: 100,
  facetValuesMax: 1_000,
} as const

const several = (description: string) =>
  Type.Optional(
    Type.Union([Type.String(), Type.Array(Type.String())], {
      description: `${description} Several, comma-separated or repeated, mean any of them; ${noFilter} means no filter.`,
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

export const exportFormats = ['csv', 'ndjson'] as const
export type ExportFormat = (typeof exportFormats)[number]

export const ExportQuerySchema = Type.Object(
  {
    ...filterProperties,
    format: Type.Optional(
      Type.Enum(exportFormats, { default: 'csv', description: 'ndjson is one event of the list a line.' }),
    ),
  },
  { additionalProperties: false },
)

/** How long a page is, and which one, counted from 0: page × limit is the offset. */
const pageProperties = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: listLimits.limitMax, default: listLimits.limitDefault })),
  page: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: `Counts from 0: skips page × limit events, at most ${listLimits.offsetMax}; for more use cursor.`,
    }),
  ),
}

export const ListQuerySchema = Type.Object(
  {
    ...filterProperties,
    ...pageProperties,
    cursor: Type.Optional(Type.String({ description: 'next_cursor of the page before, with the same filter.' })),
    offset: Type.Optional(
      Type.Integer({ minimum: 0, maximum: listLimits.offsetMax, description: 'Skips so many; for more use cursor.' }),
    ),
  },
  { additionalProperties: false },
)

const boundedCount = (of: string) =>
  Type.Union([Type.Integer(), Type.Literal(`${listLimits.totalMax}+`)], {
    description: `${of}: exact to ${listLimits.totalMax}, then "${listLimits.totalMax}+".`,
  })

export const ListAnswerSchema = Type.Object({
  items: Type.Array(StoredEventSchema),
  total: boundedCount('How many the filter matches'),
  next_cursor: Type.Union([Type.String(), Type.Null()], { description: 'The next page, or null on the last one.' }),
})
export type ListAnswer = Static<typeof ListAnswerSchema>

export const FacetsQuerySchema = Type.Object(
  { from: filterProperties.from, to: filterProperties.to },
  { additionalProperties: false },
)

const facet = (description: string) =>
  Type.Array(
    Type.Object({
      value: Type.String({ description: 'What to filter by.' }),
      text: Type.String({ description: 'What to show.' }),
      count: boundedCount('Events of the range'),
    }),
    { description },
  )

export const FacetsAnswerSchema = Type.Object({
  actors: facet('Every actor by id once, with the newest name of the range.'),
  actions: facet('Every action.'),
  target_types: facet('Every type of target.'),
  outcomes: facet('Every outcome.'),
  complete: Type.Boolean({
    description: `False where a list has more than ${listLimits.facetValuesMax} values, of which the first are shown.`,
  }),
})
export type FacetsAnswer = Static<typeof FacetsAnswerSchema>
export type Facet = FacetsAnswer['actors'][number]

export const PagesQuerySchema = Type.Object({ ...filterProperties, ...pageProperties }, { additionalProperties: false })

export const PagesAnswerSchema = Type.Object({
  items: Type.Array(
    Type.Object({
      label: Type.String({ description: 'The number of the page, counted from 1.' }),
      page: Type.Integer({ description: 'The value of the parameter page, counted from 0.' }),
    }),
  ),
})
export type PagesAnswer = Static<typeof PagesAnswerSchema>
