import type { FastifyRequest } from 'fastify'
import { Counter } from 'prom-client'
import { adminAnalyticsEventsTotal } from '../../../catalogue/audit.ts'
import { dashboardUids } from '../../../catalogue/dashboards.ts'
import type { Pool } from '../../../lib/postgres.ts'
import type { ServiceRegistry } from '../../../lib/service-metrics.ts'
import { messageOf } from '../../../lib/user-error.ts'
import type { Caller } from '../../http/authentication.ts'
import { type AnalyticsEvent, insertAnalyticsEvent, recordVisit, type Visitor } from './usage-queries.ts'

/** What admins do with the dashboards, stored and counted. */
export interface AnalyticsEvents {
  /** Somebody asks for a board; what that is, is decided in the database. */
  visit(caller: Caller, dashboard: string, variables: Readonly<Record<string, readonly string[]>>): Promise<void>
  /** A file was asked for. What cannot be recorded is logged, and the file goes out all the same. */
  exported(request: FastifyRequest, dashboard: string, format: string): Promise<void>
}

export interface AnalyticsEventsOptions {
  pool: Pool
  registry: ServiceRegistry
  now: () => Date
}

export function createAnalyticsEvents({ pool, registry, now }: AnalyticsEventsOptions): AnalyticsEvents {
  const counter = createCounter(registry)
  const count = ({ event, dashboard }: AnalyticsEvent) => counter.inc({ event, dashboard })
  return {
    visit: async (caller, dashboard, variables) => {
      const recorded = await recordVisit(pool, { dashboard, variables, who: visitorOf(caller), at: now() })
      for (const event of recorded) count(event)
    },
    exported: async (request, dashboard, format) => {
      const event = { event: 'admin_analytics_exported', dashboard, properties: { dashboard, format } } as const
      try {
        if (request.caller === undefined) return
        await insertAnalyticsEvent(pool, event, visitorOf(request.caller), now())
        count(event)
      } catch (error) {
        request.log.error({ error: messageOf(error) }, 'an export of analytics could not be recorded')
      }
    },
  }
}

/** 200: as long as a name in the log may be. */
const visitorOf = ({ token, person }: Caller): Visitor => ({ person: person?.slice(0, 200), tokenId: token.id })

/** Every board and event at 0 from the start; only the board of the log has views of the log. */
function createCounter(registry: ServiceRegistry): Counter<'event' | 'dashboard'> {
  const counter = new Counter({
    name: adminAnalyticsEventsTotal.name,
    help: adminAnalyticsEventsTotal.help,
    labelNames: ['event', 'dashboard'] as const,
    registers: [registry],
  })
  for (const dashboard of dashboardUids)
    for (const event of adminAnalyticsEventsTotal.labels.event.values ?? [])
      if (event !== 'admin_audit_log_viewed' || dashboard === 'barometer-audit') counter.inc({ event, dashboard }, 0)
  return counter
}
