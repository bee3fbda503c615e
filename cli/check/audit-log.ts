import { setTimeout as sleep } from 'node:timers/promises'
import { auditMigrations } from '../../audit-api/migrations/migrate.ts'
import { newerLine, schemaVersion } from '../../lib/migrations.ts'
import { createPool, type Pool } from '../../lib/postgres.ts'
import type { Settings } from '../../lib/settings.ts'
import { messageOf } from '../../lib/user-error.ts'
import { hostAndPort } from '../../lib/variables.ts'
import { namingTheDatabase } from '../failure.ts'
import type { ServiceReport, Status } from './report.ts'

/** 4 s: a sealer works each second. */
const sealMs = 4_000

type Found = [status: Status, detail: string]

/** The audit log in its database, as the service would find it: version, rights, sealer, the last verification. */
export async function checkAuditLog(settings: Settings): Promise<ServiceReport[]> {
  const { AUDIT_DATABASE_URL: connectionString } = settings
  if (connectionString === undefined) return []
  const pool = createPool({
    connectionString,
    applicationName: 'barometer-check',
    connectionsMax: 1,
    queryTimeoutMs: 10_000,
  })
  const look = async (): Promise<Found> => {
    const [status, detail] = await version(pool)
    return status === 'ok' ? await chain(pool) : [status, detail]
  }
  try {
    const [status, detail] = await look().catch((error: unknown): Found => {
      if (error instanceof Error && 'code' in error && error.code === '42501')
        return [
          'broken',
          `${messageOf(error)}; expected the role barometer_audit, and barometer migrate to have been run by the owner`,
        ]
      return ['broken', messageOf(namingTheDatabase(error, 'AUDIT_DATABASE_URL', connectionString))]
    })
    return [{ service: 'audit log', target: hostAndPort(connectionString), status, detail }]
  } finally {
    await pool.end()
  }
}

async function version(pool: Pool): Promise<Found> {
  const { isThere, missing, unknown, newest } = await schemaVersion(pool, auditMigrations)
  if (!isThere) return ['broken', 'there is no audit log; expected barometer migrate to be run']
  if (missing.length > 0)
    return ['broken', `the migration ${missing[0]} was not run; expected barometer migrate to be run`]
  const last = unknown.at(-1)
  if (last !== undefined) return ['warning', newerLine(auditMigrations.schema, last, newest)]
  return ['ok', newest]
}

async function chain(pool: Pool): Promise<Found> {
  const { rows: verified } = await pool.query<{ valid: boolean; finding: { detail?: string } | null }>(
    'SELECT valid, finding FROM barometer_audit.verification ORDER BY number DESC LIMIT 1',
  )
  if (verified[0]?.valid === false)
    return ['broken', `the chain did not hold when it was last verified: ${verified[0].finding?.detail ?? ''}`]
  const waiting = async () => {
    const { rows } = await pool.query<{ unsealed: string; last_sequence: string }>(
      'SELECT unsealed, last_sequence FROM barometer_audit.chain_state()',
    )
    return { unsealed: Number(rows[0]?.unsealed), sequence: Number(rows[0]?.last_sequence) }
  }
  const first = await waiting()
  if (first.unsealed === 0) return ['ok', `all sealed, head at sequence ${first.sequence}`]
  await sleep(sealMs)
  const then = await waiting()
  if (then.sequence > first.sequence) return ['ok', `the sealer is at work, head at sequence ${then.sequence}`]
  return [
    'broken',
    `${then.unsealed} events have no place in the chain, and nothing was sealed for ${sealMs / 1_000} s; expected an audit API to run`,
  ]
}
