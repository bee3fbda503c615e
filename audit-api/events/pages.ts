import { type Static, Type } from 'typebox'
import type { HttpServer } from '../../lib/http-server.ts'
import type { Pool } from '../../lib/postgres.ts'
import { refusals } from '../http/problem-schema.ts'
import type { Query } from '../http/query.ts'
import { countEvents } from './count-events.ts'
import { readPagesQuery } from './filter.ts'
import { filterProperties, listLimits, pageProperties } from './filter-schema.ts'
import { inSnapshot } from './snapshot.ts'

const PagesQuerySchema = Type.Object({ ...filterProperties, ...pageProperties }, { additionalProperties: false })

const PagesAnswerSchema = Type.Object({
  items: Type.Array(
    Type.Object({
      label: Type.String({ description: 'The number of the page, counted from 1.' }),
      page: Type.Integer({ description: 'The value of the parameter page, counted from 0.' }),
    }),
  ),
})
type PagesAnswer = Static<typeof PagesAnswerSchema>

/** With a page given, so many before and behind it are shown beside the first and the last: eleven rows fit a small panel. */
const neighbours = 4

/** `GET /audit/pages`: the pages of a list, for a pager whose links set the parameter page. */
export function pagesRoute(server: HttpServer, { pool }: { pool: Pool }): void {
  server.route({
    method: 'GET',
    url: '/audit/pages',
    config: { scope: 'read', forAuditReaders: true },
    schema: {
      summary: 'List the pages of a list',
      description:
        'For the same filter and limit: a label to show and the value of the parameter page, all pages that an offset reaches. With page, only the first, the last and those around it.',
      tags: ['audit'],
      querystring: PagesQuerySchema,
      response: { 200: PagesAnswerSchema, ...refusals },
    },
    validatorCompiler: () => (value: unknown) => ({ value }),
    handler: async (request) => {
      const { filter, limit, page } = readPagesQuery(request.query as Query)
      const total = await inSnapshot(pool, (client) => countEvents(client, filter))
      return pagesOf(total, limit, page)
    },
  })
}

/** An empty list has one page, which is empty. The last page that an offset reaches says with a + that there are more. */
function pagesOf(total: number, limit: number, current: number | undefined): PagesAnswer {
  const hasMore = total > listLimits.totalMax
  const last = hasMore ? Math.floor(listLimits.offsetMax / limit) : Math.max(Math.ceil(total / limit) - 1, 0)
  const isShown = (page: number) =>
    current === undefined || page === 0 || page === last || Math.abs(page - current) <= neighbours
  const items = Array.from({ length: last + 1 }, (_, page) => page)
    .filter(isShown)
    .map((page) => ({ label: `${page + 1}${hasMore && page === last ? '+' : ''}`, page }))
  return { items }
}
