import { createPool, type Pool } from '../../lib/postgres.ts'
import type { SettingsWith } from '../../lib/settings.ts'
import { messageOf } from '../../lib/user-error.ts'
import { hostAndPort } from '../../lib/variables.ts'
import { namingTheDatabase } from '../failure.ts'
import { estimateRefreshCost, inspectContract } from './contract.ts'
import { alertsOnPlatformApi } from './dead-alerts.ts'
import { checkQueues } from './queues.ts'
import type { CheckReport, ServiceReport, ViewReport } from './report.ts'
import { checkServices, off } from './services.ts'
import { inspectView } from './views.ts'

type CheckSettings = SettingsWith<'DATABASE_URL'>

/** Looks at everything; what fails is in the report and stops nothing else. */
export async function check(settings: CheckSettings, now: Date): Promise<CheckReport> {
  const [{ database, views, refreshCost }, probed, queues, others] = await Promise.all([
    checkDatabase(settings, now),
    checkProbes(settings),
    checkQueues(settings),
    checkServices(settings, alertsOnPlatformApi()),
  ])
  const services = [...probed, ...queues, ...others]
  const good = [database, ...views, ...services].every(({ status }) => status !== 'broken')
  return { good, database, views, refreshCost, services }
}

type DatabasePart = Pick<CheckReport, 'database' | 'views' | 'refreshCost'>

async function checkDatabase(settings: CheckSettings, now: Date): Promise<DatabasePart> {
  const { DATABASE_URL: connectionString, SOURCE_SCHEMA: schema } = settings
  const common = { service: 'Postgres', target: hostAndPort(connectionString) }
  const pool = createPool({ connectionString, applicationName: 'barometer-check', connectionsMax: 2 })
  try {
    const { rows } = await pool.query<{ version: string; now: Date; schema: boolean; role: string; usable: boolean }>(
      `SELECT current_setting('server_version') AS version, clock_timestamp() AS now, quote_ident(current_user) AS role,
         coalesce((SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = $1), false) AS usable, EXISTS (SELECT FROM pg_namespace WHERE nspname = $1) AS schema`,
      [schema],
    )
    const { version = 'unknown', schema: there = false, now: theirs = now, role = '', usable = false } = rows[0] ?? {}
    if (!there) {
      const detail = `there is no schema ${schema} (SOURCE_SCHEMA); expected the one with the source views (barometer init drafts them)`
      return { database: { ...common, status: 'broken', detail }, views: [], refreshCost: null }
    }
    if (!usable) {
      const detail = `the role ${role} may not use the schema ${schema}; expected GRANT USAGE ON SCHEMA ${schema} TO ${role}`
      return { database: { ...common, status: 'broken', detail }, views: [], refreshCost: null }
    }
    const skew = clockSkew(theirs.getTime() - now.getTime())
    const detail = `version ${version}, views in ${schema}${skew ?? ''}`
    const status = skew === undefined ? 'ok' : 'warning'
    return { database: { ...common, status, detail }, ...(await checkViews(pool, settings, now)) }
  } catch (error) {
    const detail = messageOf(namingTheDatabase(error, 'DATABASE_URL', connectionString))
    return { database: { ...common, status: 'broken', detail }, views: [], refreshCost: null }
  } finally {
    await pool.end()
  }
}

/** 30 s: half of a refresh, and more than any connection takes to be made. */
const skewMaxMs = 30_000

function clockSkew(aheadMs: number): string | undefined {
  if (Math.abs(aheadMs) < skewMaxMs) return undefined
  const way = aheadMs > 0 ? 'ahead of' : 'behind'
  const seconds = Math.round(Math.abs(aheadMs) / 1_000)
  return `; its clock is ${seconds} s ${way} this machine's, expected the same (NTP), or alerts on staleness are wrong`
}

async function checkViews(pool: Pool, settings: CheckSettings, now: Date): Promise<Omit<DatabasePart, 'database'>> {
  const contract = await inspectContract(pool, settings)
  const views: ViewReport[] = []
  const withUsers = contract.some(({ view, present, problems }) => view === 'users' && present && problems.length === 0)
  for (const view of contract) views.push(await inspectView(pool, settings.SOURCE_SCHEMA, view, { now, withUsers }))
  return { views, refreshCost: await estimateRefreshCost(pool, settings, contract, now) }
}

/** The dependencies as the exporter probes them, and what of them is not configured. */
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
    ...(settings.REDIS_URL === undefined ? [off('redis', 'REDIS_URL')] : []),
    ...(settings.S3_BUCKET === undefined ? [off('s3', 'S3_BUCKET')] : []),
    ...(settings.API_PROBE_URLS === undefined ? [off('api', 'API_PROBE_URLS')] : []),
    ...(settings.COMFYUI_URLS === undefined ? [off('comfyui', 'COMFYUI_URLS')] : []),
    ...(settings.RUNPOD_API_KEY === undefined ? [off('runpod', 'RUNPOD_API_KEY')] : []),
  ]
}
