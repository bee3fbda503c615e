import { type TSchema, Type } from 'typebox'
import { noFilter } from '../../catalogue/dashboards.ts'
import { namesOf, type Parameters } from './query.ts'
import { periods } from './sources/store.ts'

export const count = Type.Integer()
export const number = Type.Number()
/** What is not there is null, never 0. */
export const numberOrNull = Type.Union([Type.Number(), Type.Null()])
export const text = Type.String()

/** What every row by period begins with. */
export const bucketProperties = {
  period: Type.String({
    description: "The first local day of the day, week (from Monday) or month, in the answer's timezone.",
  }),
  from: Type.String({ description: 'From this instant on.' }),
  to: Type.String({ description: 'Before this instant.' }),
  complete: Type.Boolean({ description: 'Whether the period lies in the range as a whole, and is over.' }),
}

const descriptions: Readonly<Record<string, string>> = {
  period: `One of ${periods.join(', ')}; day unless given.`,
  from: 'From this time on (RFC 3339); 30 days, 12 weeks or 12 months back unless given.',
  to: 'Before this time (RFC 3339); the instant of the figures unless given.',
  limit: 'How many at most.',
}
const several = `Several values, comma-separated or repeated, mean any of them; ${noFilter} means no filter.`

/** The parameters as OpenAPI shows them; query.ts reads them, so that errors name what was expected. */
export function querySchema(parameters: Parameters): TSchema {
  const choices = parameters.choices ?? {}
  const properties = namesOf(parameters).map((name) => {
    const words = choices[name]
    if (parameters.filters?.includes(name))
      return [name, Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())], { description: several }))]
    const description =
      words === undefined ? descriptions[name] : `One of ${words.join(', ')}; ${words[0]} unless given.`
    return [name, Type.Optional(Type.String(description === undefined ? {} : { description }))]
  })
  return Type.Object(Object.fromEntries(properties), { additionalProperties: false })
}

/** Every answer has its instant and its rows. */
export function answerSchema(item: Readonly<Record<string, TSchema>>, more: Readonly<Record<string, TSchema>> = {}) {
  return Type.Object({
    as_of: Type.Union([Type.String(), Type.Null()], { description: 'The instant of the figures.' }),
    timezone: Type.Optional(Type.String({ description: 'In which days, weeks and months begin.' })),
    ...more,
    items: Type.Array(Type.Object({ ...item })),
  })
}
