import { createPool, type Pool } from '../../lib/postgres.ts'
import type { ServiceRegistry } from '../../lib/service-metrics.ts'
import type { Settings } from '../../lib/settings.ts'
import type { Sources } from './report.ts'
import { calendar } from './sources/calendar.ts'
import { createPrometheus } from './sources/prometheus.ts'
import { createAnalyticsStore } from './sources/store.ts'
import { type AnalyticsEvents, createAnalyticsEvents } from './usage/usage-events.ts'

/** Where the analytics are read; what is left out is not configured. */
export interface AnalyticsSources {
  /** On the exporter's database. */
  store?: Pool
  storeSchema?: string
  staleAfterMs?: number
  timezone?: string
  prometheusUrl?: string
}

/** 4 connections: each may be busy for the 10 s of a statement, and what they read is the platform's database. */
const connectionsMax = 4
const defaults = { storeSchema: 'barometer', staleAfterMs: 900_000, timezone: 'UTC' }

export function openAnalytics(settings: Settings): AnalyticsSources {
  const { DATABASE_URL: url, PROMETHEUS_URL: prometheusUrl } = settings
  return {
    storeSchema: settings.STORE_SCHEMA,
    staleAfterMs: settings.STALE_AFTER,
    timezone: settings.REPORTING_TIMEZONE,
    ...(prometheusUrl === undefined ? {} : { prometheusUrl }),
    ...(url === undefined
      ? {}
      : { store: createPool({ connectionString: url, applicationName: 'barometer-audit-api', connectionsMax }) }),
  }
}

interface Options extends AnalyticsSources {
  /** Of the audit log. */
  pool: Pool
  registry: ServiceRegistry
  now: () => Date
}

export function createAnalytics(options: Options): { sources: Sources; events: AnalyticsEvents } {
  const { pool, registry, now, storeSchema, staleAfterMs, timezone } = { ...defaults, ...options }
  return {
    sources: {
      store: createAnalyticsStore({ pool: options.store, schema: storeSchema, staleAfterMs }),
      prometheus: createPrometheus(options.prometheusUrl),
      calendar: (asked) => calendar(pool, timezone, asked, now()),
    },
    events: createAnalyticsEvents({ pool, registry, now }),
  }
}
