import type { HttpServer } from '../../lib/http-server.ts'
import type { Pool } from '../../lib/postgres.ts'
import { refusals } from '../http/problem-schema.ts'
import type { Query } from '../http/query.ts'
import { readFacets } from './facets.ts'
import { readTimeRange } from './filter.ts'
import { FacetsAnswerSchema, FacetsQuerySchema } from './list-schema.ts'

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
