import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { HttpServer } from '../../lib/http-server.ts'
import { Problem } from '../http/problem.ts'
import { refusals } from '../http/problem-schema.ts'
import type { Query } from '../http/query.ts'
import { toCsv } from './csv.ts'
import { readQuery } from './query.ts'
import type { Answer, Report, Sources } from './report.ts'
import { reports } from './reports/index.ts'
import { answerSchema, querySchema } from './schema.ts'
import type { AnalyticsEvents } from './usage/usage-events.ts'

export interface AnalyticsOptions {
  sources: Sources
  events: AnalyticsEvents
}

const csvFile = { 'text/csv': { schema: Type.String() } }

/** `GET /analytics/…`: the figures over any range, as JSON, or as CSV by `Accept: text/csv` or a path that ends in .csv. */
export function analyticsRoutes(server: HttpServer, { sources, events }: AnalyticsOptions): void {
  for (const report of reports) {
    const load = (request: FastifyRequest): Promise<Answer> =>
      report.load(readQuery(request.query as Query, report.parameters), sources)
    const common = {
      method: 'GET' as const,
      // query.ts reads the query, so that repeated and comma-separated values are one thing and errors name the parameter.
      validatorCompiler: () => (value: unknown) => ({ value }),
    }
    const described = {
      summary: report.summary,
      tags: ['analytics'],
      querystring: querySchema(report.parameters),
      ...(report.description === undefined ? {} : { description: report.description }),
    }
    server.route({
      ...common,
      url: `/analytics/${report.path}`,
      config: { scope: 'read' },
      schema: {
        ...described,
        response: {
          200: {
            description: 'The figures.',
            content: {
              'application/json': { schema: Type.Unsafe<Answer>(answerSchema(report.item, report.more)) },
              ...csvFile,
            },
          },
          ...refusals,
        },
      },
      handler: async (request, reply) => {
        if (!wantsCsv(request)) return await load(request)
        if (request.caller?.token.scopes.includes('export') !== true)
          throw new Problem(
            403,
            'the token may not do this; expected one with the scope export, or Accept: application/json',
          )
        const csv = csvOf(report, await load(request))
        await events.exported(request, report.dashboard, 'csv')
        return reply.type('text/csv; charset=utf-8; header=present').send(csv)
      },
    })
    server.route({
      ...common,
      url: `/analytics/${report.path}.csv`,
      // What is recorded as an export must be one.
      exposeHeadRoute: false,
      config: { scope: 'export' },
      schema: {
        ...{ ...described, summary: `${report.summary}, as CSV` },
        response: { 200: { description: 'The rows.', content: csvFile }, ...refusals },
      },
      handler: async (request, reply) => {
        const csv = csvOf(report, await load(request))
        await events.exported(request, report.dashboard, 'csv')
        return reply
          .type('text/csv; charset=utf-8; header=present')
          .header('content-disposition', `attachment; filename="${report.path.replace('/', '-')}.csv"`)
          .header('cache-control', 'no-store')
          .send(csv)
      },
    })
  }
}

const csvOf = (report: Report, answer: Answer): string => toCsv(Object.keys(report.item), answer.items)

/** A browser's long list of types has no text/csv in it. */
const wantsCsv = ({ headers }: FastifyRequest): boolean => /(^|[,\s])text\/csv\b/i.test(headers.accept ?? '')
