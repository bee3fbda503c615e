import { Type } from 'typebox'
import { dashboardUids } from '../../../catalogue/dashboards.ts'
import type { HttpServer } from '../../../lib/http-server.ts'
import type { Pool } from '../../../lib/postgres.ts'
import { badField } from '../../http/problem.ts'
import { problem, refusals } from '../../http/problem-schema.ts'
import type { Query } from '../../http/query.ts'
import { readQuery } from '../query.ts'
import type { Sources } from '../report.ts'
import { dataAsOf, readDashboard, readVariables } from './freshness.ts'
import type { AnalyticsEvents } from './usage-events.ts'
import { listAnalyticsEvents } from './usage-queries.ts'
import { AnalyticsEventsAnswerSchema, AnalyticsEventsQuerySchema, FreshnessAnswerSchema } from './usage-schema.ts'

export interface AnalyticsEventsRouteOptions {
  pool: Pool
  events: AnalyticsEvents
  sources: Sources
  now: () => Date
}

const unread = () => (value: unknown) => ({ value })

/** What admins do with the dashboards: the list of it, and the panel by which it is seen. */
export function analyticsEventsRoutes(server: HttpServer, options: AnalyticsEventsRouteOptions): void {
  listRoute(server, options)
  freshnessRoute(server, options)
  recordLogExports(server, options)
}

function listRoute(server: HttpServer, { pool }: AnalyticsEventsRouteOptions): void {
  server.route({
    method: 'GET',
    url: '/analytics-events',
    config: { scope: 'read', forAuditReaders: true },
    schema: {
      summary: 'List what admins did with the dashboards, newest first',
      tags: ['analytics events'],
      querystring: AnalyticsEventsQuerySchema,
      response: { 200: AnalyticsEventsAnswerSchema, ...refusals },
    },
    validatorCompiler: unread,
    handler: async (request) => {
      const { cursor, ...query } = request.query as Query
      const read = readQuery(query, {
        ...{ range: true, filters: ['event', 'dashboard', 'person'], limit: { default: 50, max: 500 } },
      })
      const before = Array.isArray(cursor) ? undefined : (cursor as string | undefined)
      if (cursor !== undefined && !/^\d{1,18}$/.test(before ?? ''))
        throw badField('cursor', 'is not one of ours; expected next_cursor of the page before')
      const of = (name: string) => [read.filters[name] ?? []].flat()
      const found = await listAnalyticsEvents(pool, {
        ...{ from: read.asked.from, to: read.asked.to, before, limit: read.limit + 1 },
        ...{ event: of('event'), dashboard: of('dashboard'), person: of('person') },
      })
      const items = found.slice(0, read.limit)
      return { items, next_cursor: found.length > read.limit ? (items.at(-1)?.id ?? null) : null }
    },
  })
}

function freshnessRoute(server: HttpServer, { events, sources, now }: AnalyticsEventsRouteOptions): void {
  server.route({
    method: 'GET',
    url: '/dashboards/:uid/freshness',
    // A look at the headers is no view of the board.
    exposeHeadRoute: false,
    config: { scope: 'read' },
    schema: {
      summary: 'How old the data of a dashboard are; records that it was viewed',
      description:
        "For the panel that every board carries: the board's variables are the parameters, any name. A view is recorded when that person has not asked for the board in the 15 minutes before, a filter when a variable has another value than then and is away from its default: empty, All, or what the parameter <name>.default says. from and to are no variables.",
      tags: ['analytics events'],
      params: Type.Object({ uid: Type.Enum(dashboardUids) }),
      querystring: Type.Object({}, { additionalProperties: true }),
      response: { 200: FreshnessAnswerSchema, 404: problem('There is no such board.'), ...refusals },
    },
    validatorCompiler: unread,
    handler: async (request) => {
      const variables = readVariables(request.query as Query)
      const dashboard = readDashboard((request.params as { uid: string }).uid)
      if (request.caller !== undefined) await events.visit(request.caller, dashboard, variables)
      const at = now()
      const found = await dataAsOf(dashboard, sources, at)
      const item = {
        dashboard,
        data_as_of: found?.toISOString() ?? null,
        age_seconds: found === undefined ? null : Math.max(0, (at.getTime() - found.getTime()) / 1_000),
      }
      return { items: [item] }
    },
  })
}

/** The audit log's own exports are exports of a board too. */
function recordLogExports(server: HttpServer, { events }: AnalyticsEventsRouteOptions): void {
  server.addHook('onResponse', async (request, reply) => {
    const { url } = request.routeOptions
    if (url === undefined || !url.endsWith('/audit/events.csv') || reply.statusCode !== 200) return
    const { format } = request.query as Query
    await events.exported(request, 'barometer-audit', format === 'ndjson' ? 'ndjson' : 'csv')
  })
}
