import { Type } from 'typebox'
import { badField } from '../../http/problem.ts'
import { type Query, single } from '../../http/query.ts'
import { type Filter, readFilter } from '../filter.ts'
import { filterProperties } from '../filter-schema.ts'

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

/** What a board offers to choose. */
const choices = ['actor', 'action', 'target_type', 'outcome'] as const

/** @throws {Problem} 400 that names the parameter. */
export function readExportQuery(query: Query): { filter: Filter; format: ExportFormat } {
  const filter = readFilter(withoutBraces(query), ['format'])
  const wanted = single(query, 'format') ?? 'csv'
  const format = exportFormats.find((known) => known === wanted)
  if (format === undefined) throw badField('format', `must be one of ${exportFormats.join(', ')}`)
  return { filter, format }
}

/**
 * A link of Grafana's has what is chosen of a variable encoded as `{a,b}` or not encoded at all, and then a + or & in an id
 * makes it another filter.
 */
function withoutBraces(query: Query): Query {
  const bare = choices.flatMap((name) => {
    const value = query[name]
    return typeof value === 'string' ? [[name, value.replace(/^\{(.*)\}$/s, '$1')]] : []
  })
  return { ...query, ...Object.fromEntries(bare) }
}
