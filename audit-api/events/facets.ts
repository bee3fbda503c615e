import { type Static, Type } from 'typebox'
import type { HttpServer } from '../../lib/http-server.ts'
import type { Pool, PoolClient } from '../../lib/postgres.ts'
import { refusals } from '../http/problem-schema.ts'
import type { Query } from '../http/query.ts'
import { type Bind, whereClause } from './conditions.ts'
import { boundedCount, boundedCountSchema, countEvents } from './count-events.ts'
import { outcomes } from './event-schema.ts'
import { type Filter, readTimeRange, type TimeRange } from './filter.ts'
import { filterProperties, listLimits } from './filter-schema.ts'
import { inSnapshot } from './snapshot.ts'

const FacetsQuerySchema = Type.Object(
  { from: filterProperties.from, to: filterProperties.to },
  { additionalProperties: false },
)

const facet = (description: string) =>
  Type.Array(
    Type.Object({
      value: Type.String({ description: 'What to filter by.' }),
      text: Type.String({ description: 'What to show.' }),
      count: boundedCountSchema('Events of the range'),
    }),
    { description },
  )

const FacetsAnswerSchema = Type.Object({
  actors: facet('Every actor by id once, with the newest name of the range.'),
  actions: facet('Every action.'),
  target_types: facet('Every type of target.'),
  outcomes: facet('Every outcome.'),
  complete: Type.Boolean({
    description: `False where a list has more than ${listLimits.facetValuesMax} values, of which the first are shown.`,
  }),
})
type FacetsAnswer = Static<typeof FacetsAnswerSchema>
type Facet = FacetsAnswer['actors'][number]

/** `GET /audit/facets`: what there is to filter by, for drop-downs. */
export function facetsRoute(server: HttpServer, { pool }: { pool: Pool }): void {
  server.route({
    method: 'GET',
    url: '/audit/facets',
    config: { scope: 'read', forAuditReaders: true },
    schema: {
      summary: 'List the actors, actions, target types and outcomes of a span of time',
      description:
        'Each list is one drop-down, of items with value and text. Every value of the span is there; its count is exact to 10,000.',
      tags: ['audit'],
      querystring: FacetsQuerySchema,
      response: { 200: FacetsAnswerSchema, ...refusals },
    },
    validatorCompiler: () => (value: unknown) => ({ value }),
    handler: async (request) => await readFacets(pool, readTimeRange(request.query as Query)),
  })
}

interface Row {
  value: string
  text: string
  count: number
}

const everything: Filter = {
  from: undefined,
  to: undefined,
  actor: [],
  action: [],
  target_type: [],
  target_id: [],
  outcome: [],
  q: undefined,
}

/** What there is to filter by in a span of time: values exact, counts exact to 10,000. */
async function readFacets(pool: Pool, range: TimeRange): Promise<FacetsAnswer> {
  return await inSnapshot(pool, async (client) => {
    const actors = await distinct(client, range, 'actor_id', 'actor_name')
    const actions = await distinct(client, range, 'action', 'action')
    const targetTypes = await distinct(client, range, 'target_type', 'target_type')
    const counts: Row[] = []
    for (const value of outcomes) {
      counts.push({
        value,
        text: value,
        count: await countEvents(client, { ...everything, ...range, outcome: [value] }),
      })
    }
    return {
      actors: facets(distinguished(actors)),
      actions: facets(actions),
      target_types: facets(targetTypes),
      outcomes: facets(counts.filter(({ count }) => count > 0)),
      complete: [actors, actions, targetTypes].every(({ length }) => length <= listLimits.facetValuesMax),
    }
  })
}

function facets(rows: readonly Row[]): Facet[] {
  return rows
    .slice(0, listLimits.facetValuesMax)
    .map((row) => ({ ...row, count: boundedCount(row.count) }))
    .sort((one, other) => one.text.localeCompare(other.text, 'en') || (one.value < other.value ? -1 : 1))
}

/** Two people may have one name; then the id tells them apart. */
function distinguished(rows: readonly Row[]): Row[] {
  const names = new Map<string, number>()
  for (const { text } of rows) names.set(text, (names.get(text) ?? 0) + 1)
  return rows.map((row) => (names.get(row.text) === 1 ? row : { ...row, text: `${row.text} (${row.value})` }))
}

/**
 * Steps through the index of a column from one value to the next, so that what is read grows with the values and not with
 * the events: at 10 million events and 380 values it is a look-up in each month for each value, where GROUP BY reads all.
 * The steps go by whole months, in which any entry will do; the range itself is asked when a value's events are counted.
 */
async function distinct(
  client: PoolClient,
  range: TimeRange,
  column: 'actor_id' | 'action' | 'target_type',
  text: 'actor_name' | 'action' | 'target_type',
): Promise<Row[]> {
  const parameters: unknown[] = []
  const bind: Bind = (value) => `$${parameters.push(value)}`
  const months = wholeMonths(range)
  const next = (further: string[]) => `(
      SELECT ${column} AS value FROM barometer_audit.event ${whereClause({ ...everything, ...months }, bind, further)}
      ORDER BY ${column} LIMIT 1)`
  const here = whereClause({ ...everything, ...range }, bind, [`${column} = found.value`])
  const newest = `SELECT ${text} AS text FROM barometer_audit.event ${here} ORDER BY occurred_at DESC, id DESC LIMIT 1`
  const sql = `
    WITH RECURSIVE found AS (
      SELECT value, 1 AS number FROM ${next([])} AS first
      UNION ALL
      SELECT next.value, found.number + 1
      FROM found CROSS JOIN LATERAL ${next([`${column} > found.value`])} AS next
      WHERE found.number <= ${listLimits.facetValuesMax}
    )
    SELECT found.value, newest.text, counted.count
    FROM found
    CROSS JOIN LATERAL (${newest}) AS newest
    CROSS JOIN LATERAL (
      SELECT count(*)::integer AS count
      FROM (SELECT FROM barometer_audit.event ${here} LIMIT ${listLimits.totalMax + 1}) AS matching
    ) AS counted`
  const { rows } = await client.query<Row>({ text: sql, values: parameters })
  return rows
}

/** The months that a range touches, from the first moment of one to the first behind another, as partitions are. */
function wholeMonths({ from, to }: TimeRange): TimeRange {
  const first = from === undefined ? undefined : `${from.slice(0, 7)}-01T00:00:00.000000Z`
  if (to === undefined) return { from: first, to: undefined }
  const [year, month] = [Number(to.slice(0, 4)), Number(to.slice(5, 7))]
  const begins = new Date(Date.UTC(year, month - 1, 1)).toISOString().slice(0, 7)
  const isWhole = to === `${begins}-01T00:00:00.000000Z`
  const behind = isWhole ? to : new Date(Date.UTC(year, month, 1)).toISOString().replace('.000Z', '.000000Z')
  return { from: first, to: behind }
}
