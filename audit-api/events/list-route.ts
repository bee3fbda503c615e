import type { HttpServer } from '../../lib/http-server.ts'
import type { Pool } from '../../lib/postgres.ts'
import { refusals } from '../http/problem-schema.ts'
import type { Query } from '../http/query.ts'
import { readListQuery } from './filter.ts'
import { listEvents } from './list.ts'
import { ListAnswerSchema, ListQuerySchema } from './list-schema.ts'

/** `GET /audit/events`: a page of the log, newest first. */
export function listRoute(server: HttpServer, { pool }: { pool: Pool }): void {
  server.route({
    method: 'GET',
    url: '/audit/events',
    config: { scope: 'read', forAuditReaders: true },
    schema: {
      summary: 'List events, newest first',
      tags: ['audit'],
      querystring: ListQuerySchema,
      response: { 200: ListAnswerSchema, ...refusals },
    },
    // filter.ts reads the query, so that repeated and comma-separated values are one thing and errors name the parameter.
    validatorCompiler: () => (value: unknown) => ({ value }),
    handler: async (request) => {
      const { filter, page } = readListQuery(request.query as Query)
      return await listEvents(pool, filter, page)
    },
  })
}
