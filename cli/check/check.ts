import { dependencies } from '../../catalogue/dependencies.ts'
import { createPool, type Pool } from '../../lib/postgres.ts'
import type { SettingsWith } from '../../lib/settings.ts'
import { messageOf } from '../../lib/user-error.ts'
import { hostAndPort } from '../../lib/variables.ts'
import { namingTheDatabase } from '../failure.ts'
import { checkAuditLog } from './audit-log.ts'
import { estimateRefreshCost, inspectContract } from './contract.ts'
import { alertsOnPlatformApi } from './dead-alerts.ts'
import { checkQueues } from './queues.ts'
import type { CheckReport, ServiceReport, ViewReport } from './report.ts'
import { checkServices, off } from './services.ts'
import { checkStore } from './store.ts'
import { inspectView } from './views.ts'

type CheckSettings = SettingsWith<'DATABASE_URL'>

/** Looks at everything; what fails is in the report and stops nothing else. */
export async function check(settings: CheckSettings, now: Date): Promise<CheckReport> {
  const began = performance.now()
  const nowMs = () => now.getTime() + performance.now() - began
  const [{ database, views, refreshCost, store }, auditLog, probed, queues, others] = await Promise.all([
    checkDatabase(settings, nowMs),
    checkAuditLog(settings),
    checkProbes(settings),
    checkQueues(settings),
    checkServices(settings, alertsOnPlatformApi()),
  ])
  const services = [...store, ...auditLog, ...probed, ...queues, ...others]
  const good = [database, ...views, ...services].every(({ status }) => status !== 'broken')
  return { good, database, views, refreshCost, services }
}

type DatabasePart = Pick<CheckReport, 'database' | 'views' | 'refreshCost'> & { store: ServiceReport[] }

async function checkDatabase(settings: CheckSettings, nowMs: () => number): Promise<DatabasePart> {
  const { DATABASE_URL: connectionString, SOURCE_SCHEMA: schema } = settings
  const common = { service: 'Postgres', target: hostAndPort(connectionString) }
  const pool = createPool({ connectionString, applicationName: 'barometer-check', connectionsMax: 2 })
  try {
    const { rows } = await pool.query<{ version: string; schema: boolean; role: string; usable: boolean }>(
      `SELECT current_setting('server_version') AS version, quote_ident(current_user) AS role, n.oid IS NOT NULL AS schema,
         coalesce(has_schema_privilege(n.oid, 'USAGE'), false) AS usable
       FROM (SELECT) AS one LEFT JOIN pg_namespace AS n ON n.nspname = $1`,
      [schema],
    )
    const { version = 'unknown', schema: there = false, role = '', usable = false } = rows[0] ?? {}
    if (!there) {
      const detail = `there is no schema ${schema} (SOURCE_SCHEMA); expected the one with the source views (barometer init drafts them)`
      return { database: { ...common, status: 'broken', detail }, views: [], refreshCost: null, store: [] }
    }
    if (!usable) {
      const detail = `the role ${role} may not use the schema ${schema}; expected GRANT USAGE ON SCHEMA ${schema} TO ${role}`
      return { database: { ...common, status: 'broken', detail }, views: [], refreshCost: null, store: [] }
    }
    const detail = `version ${version}, views in ${schema}`
    const found = await checkViews(pool, settings, new Date(nowMs()))
    return {
      database: { ...common, status: 'ok', detail },
      ...found,
      store: await checkStore(pool, settings, nowMs),
    }
  } catch (error) {
    const detail = messageOf(namingTheDatabase(error, 'DATABASE_URL', connectionString))
    return { database: { ...common, status: 'broken', detail }, views: [], refreshCost: null, store: [] }
  } finally {
    await pool.end()
  }
}

async function checkViews(
  pool: Pool,
  settings: CheckSettings,
  now: Date,
): Promise<Omit<DatabasePart, 'database' | 'store'>> {
  const contract = await inspectContract(pool, settings)
  const views: ViewReport[] = []
  const withUsers = contract.some(({ view, present, problems }) => view === 'users' && present && problems.length === 0)
  for (const view of contract) views.push(await inspectView(pool, settings.SOURCE_SCHEMA, view, { now, withUsers }))
  return { views, refreshCost: await estimateRefreshCost(pool, settings, contract, now) }
}

/** The dependencies as the exporter probes them, and those that are not configured. */
async function checkProbes(settings: CheckSettings): Promise<ServiceReport[]> {
  const { checkDependencies } = await import('../../exporter/probes/index.ts')
  const checks = await checkDependencies(settings, { replicaId: 'check' })
  return [
    ...checks.map(
      ({ dependency, target, up, latencyMs, reason = 'no answer' }): ServiceReport => ({
        service: dependency,
        target,
        status: up ? 'ok' : 'broken',
        detail: up ? `${latencyMs} ms` : reason,
      }),
    ),
    ...dependencies.flatMap(({ name, setting }) => (settings[setting] === undefined ? [off(name, setting)] : [])),
  ]
}
