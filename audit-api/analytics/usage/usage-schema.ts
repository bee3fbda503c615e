import { Type } from 'typebox'
import { dashboardUids } from '../../../catalogue/dashboards.ts'
import { analyticsEventNames } from './usage-queries.ts'

const nullable = Type.Union([Type.String(), Type.Null()])
const several = Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())]))

export const AnalyticsEventsQuerySchema = Type.Object(
  {
    from: Type.Optional(Type.String({ description: 'From this time on (RFC 3339).' })),
    to: Type.Optional(Type.String({ description: 'Before this time (RFC 3339).' })),
    event: several,
    dashboard: several,
    person: several,
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 50 })),
    cursor: Type.Optional(Type.String({ description: 'next_cursor of the page before.' })),
  },
  { additionalProperties: false },
)

export const AnalyticsEventsAnswerSchema = Type.Object({
  items: Type.Array(
    Type.Object({
      id: Type.String(),
      occurred_at: Type.String(),
      event: Type.Enum(analyticsEventNames),
      dashboard: Type.String(),
      person: nullable,
      token_id: Type.String(),
      filter_type: nullable,
      format: nullable,
      properties: Type.Record(Type.String(), Type.Unknown()),
    }),
  ),
  next_cursor: nullable,
})

export const FreshnessAnswerSchema = Type.Object({
  items: Type.Array(
    Type.Object({
      dashboard: Type.Enum(dashboardUids),
      data_as_of: Type.Union([Type.String(), Type.Null()], { description: 'Null where nobody knows.' }),
      age_seconds: Type.Union([Type.Number(), Type.Null()]),
    }),
  ),
})
