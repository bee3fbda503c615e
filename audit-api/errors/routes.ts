import type { HttpServer } from '../../lib/http-server.ts'
import type { Pool } from '../../lib/postgres.ts'
import { refusals, tooLarge } from '../http/problem-schema.ts'
import type { Query } from '../http/query.ts'
import { readErrors } from './content.ts'
import { type ErrorWriter, groupErrors, listErrors } from './error-queries.ts'
import {
  ErrorGroupsQuerySchema,
  ErrorGroupsSchema,
  ErrorListQuerySchema,
  ErrorListSchema,
  ErrorsBodySchema,
  type ErrorsStored,
  ErrorsStoredSchema,
} from './error-schema.ts'
import { readErrorGroupsQuery, readErrorListQuery } from './filter.ts'
import type { ErrorSeries } from './series.ts'

export interface ErrorsOptions {
  pool: Pool
  writer: ErrorWriter
  series: ErrorSeries
  now: () => Date
}

/** The checks are in the handlers, which can name the field; a union could only say "neither". */
const checkedByHandler = () => (value: unknown) => ({ value })

/** `/errors`: errors of the platform's services, reported, listed and grouped. */
export function errorsRoutes(server: HttpServer, options: ErrorsOptions): void {
  reportRoute(server, options)
  readRoutes(server, options)
}

function reportRoute(server: HttpServer, { writer, series, now }: ErrorsOptions): void {
  server.route({
    method: 'POST',
    url: '/errors',
    config: { scope: 'ingest' },
    schema: {
      summary: 'Report one error, or up to 1,000',
      description:
        'All are stored or none. 201 means committed. Tokens, passwords, e-mail addresses and card numbers are masked first. An error that is sent again with its id and time is stored once (200 where all were there); without an id it is another error.',
      tags: ['errors'],
      body: ErrorsBodySchema,
      response: { 200: ErrorsStoredSchema, 201: ErrorsStoredSchema, ...refusals, ...tooLarge },
    },
    validatorCompiler: checkedByHandler,
    handler: async (request, reply) => {
      const errors = readErrors(request.body, now())
      const counts = await writer.insert(errors)
      const stored = counts.reduce((sum, { count }) => sum + count, 0)
      await series.count(counts)
      const answer: ErrorsStored = { stored, duplicates: errors.length - stored }
      return reply.code(stored > 0 ? 201 : 200).send(answer)
    },
  })
}

function readRoutes(server: HttpServer, { pool }: ErrorsOptions): void {
  server.route({
    method: 'GET',
    url: '/errors',
    config: { scope: 'read', forAuditReaders: true },
    schema: {
      summary: 'List errors, newest first',
      description: 'The log keeps 30 days.',
      tags: ['errors'],
      querystring: ErrorListQuerySchema,
      response: { 200: ErrorListSchema, ...refusals },
    },
    validatorCompiler: checkedByHandler,
    handler: async (request) => {
      const { filter, ...page } = readErrorListQuery(request.query as Query)
      return await listErrors(pool, filter, page)
    },
  })
  server.route({
    method: 'GET',
    url: '/errors/groups',
    config: { scope: 'read', forAuditReaders: true },
    schema: {
      summary: 'Errors by type, or by fault, most frequent first',
      tags: ['errors'],
      querystring: ErrorGroupsQuerySchema,
      response: { 200: ErrorGroupsSchema, ...refusals },
    },
    validatorCompiler: checkedByHandler,
    handler: async (request) => {
      const { filter, ...how } = readErrorGroupsQuery(request.query as Query)
      return await groupErrors(pool, filter, how)
    },
  })
}
