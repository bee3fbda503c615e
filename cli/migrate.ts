import { readSettings } from '../lib/settings.ts'
import { UserError } from '../lib/user-error.ts'
import type { Register } from './context.ts'
import { environmentHelp } from './environment-help.ts'
import { withDatabase } from './failure.ts'

export const registerMigrate: Register = (program, context) => {
  program
    .command('migrate')
    .summary('make or bring up to date the schemas of the store and of the audit log')
    .description(
      'Brings the store (DATABASE_URL, STORE_SCHEMA) and, where AUDIT_DATABASE_URL is set, the audit log to the schema of this version. Run it with a role that may create schemas; what is up to date is left alone.',
    )
    .addHelpText(
      'after',
      environmentHelp(['DATABASE_URL', 'STORE_SCHEMA', 'AUDIT_DATABASE_URL', 'AUDIT_RETENTION_MONTHS', 'LOG_LEVEL']),
    )
    .action(async () => {
      const settings = readSettings(context.environment)
      const { DATABASE_URL: store, AUDIT_DATABASE_URL: audit, AUDIT_RETENTION_MONTHS: months } = settings
      if (store === undefined && audit === undefined) {
        throw new UserError('neither DATABASE_URL nor AUDIT_DATABASE_URL is set; expected one of the two, or both')
      }
      if (store !== undefined) {
        const { migrateStore } = await import('../exporter/main.ts')
        await withDatabase('DATABASE_URL', store, () => migrateStore({ ...settings, DATABASE_URL: store }))
        context.print(`store: the schema ${settings.STORE_SCHEMA} is up to date\n`)
      }
      if (audit !== undefined) {
        const { migrateAudit } = await import('../audit-api/migrations/migrate.ts')
        await withDatabase('AUDIT_DATABASE_URL', audit, () =>
          migrateAudit(audit, months === undefined ? {} : { retentionMonths: months }),
        )
        context.print('audit log: the schema barometer_audit is up to date\n')
      }
    })
}
