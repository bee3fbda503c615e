import { fileURLToPath } from 'node:url'
import type { Client } from 'pg'
import { type Migrations, migrateSchema } from '../../lib/migrations.ts'
import { createClient } from '../../lib/postgres.ts'
import { messageOf, UserError } from '../../lib/user-error.ts'

/** The schema of the audit log; its name is fixed, since the platform calls `barometer_audit.record` by it. */
export const auditSchema = 'barometer_audit'
/** The role the service runs as. */
export const auditServiceRole = 'barometer_audit'
export const auditMigrations: Migrations = {
  schema: auditSchema,
  directory: fileURLToPath(new URL('.', import.meta.url)),
}

export interface MigrateAuditOptions {
  /** Roles of the platform that may call `barometer_audit.record`. */
  recorderRoles?: readonly string[]
  /** How many whole months must be kept before retention may take one out; undefined allows none. */
  retentionMonths?: number
}

/**
 * Brings the schema `barometer_audit` to the newest version, makes the partitions ahead and grants the service's role
 * what it needs. Run it as the role that is to own the log: not the service's, and best not the platform's either.
 * The role is made without a password or a right to log in; `ALTER ROLE barometer_audit LOGIN PASSWORD …` is the operator's.
 * @returns the names of the migrations that were run, none where all was in place.
 * @throws {UserError} where the log is of a newer version, or the role is neither there nor may be made; what the driver throws where nothing answers.
 */
export async function migrateAudit(databaseUrl: string, options: MigrateAuditOptions = {}): Promise<string[]> {
  const client = createClient({ connectionString: databaseUrl, applicationName: 'barometer-migrate' })
  await client.connect()
  try {
    await ensureServiceRole(client)
    // The grants are in its transaction: of two processes that grant the same at once Postgres refuses one.
    return await migrateSchema({ client, ...auditMigrations, after: (within) => grant(within, options) })
  } finally {
    await client.end()
  }
}

async function grant(client: Pick<Client, 'query'>, options: MigrateAuditOptions): Promise<void> {
  // By this the service sees whether its schema is there.
  await client.query(`GRANT SELECT ON ${auditSchema}.migration TO ${auditServiceRole}`)
  await client.query('SELECT barometer_audit.ensure_months_ahead(), barometer_audit.grant_service($1)', [
    auditServiceRole,
  ])
  await client.query('SELECT barometer_audit.ensure_error_days_ahead(), barometer_audit.grant_error_log($1)', [
    auditServiceRole,
  ])
  await client.query('SELECT barometer_audit.grant_analytics_events($1), barometer_audit.grant_erasure($1)', [
    auditServiceRole,
  ])
  await client.query('SELECT barometer_audit.grant_retention($1), barometer_audit.allow_retention($2)', [
    auditServiceRole,
    options.retentionMonths ?? null,
  ])
  for (const role of options.recorderRoles ?? []) {
    await client.query('SELECT barometer_audit.grant_recorder($1)', [role])
  }
}

/** Roles belong to the whole server, so another migration may make this one at the same moment: that is as good. */
async function ensureServiceRole(client: ReturnType<typeof createClient>): Promise<void> {
  const exists = async () =>
    (await client.query('SELECT FROM pg_roles WHERE rolname = $1', [auditServiceRole])).rowCount === 1
  if (await exists()) return
  try {
    await client.query(`CREATE ROLE ${auditServiceRole} NOLOGIN`)
  } catch (error) {
    if (await exists()) return
    throw new UserError(
      `the role ${auditServiceRole} is not there and could not be made (${messageOf(error)}); expected it, or the right to make roles`,
      { exitCode: 1, cause: error },
    )
  }
}
