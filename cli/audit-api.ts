import { createLogger } from '../lib/log.ts'
import { readSettings } from '../lib/settings.ts'
import { startTelemetry } from '../lib/telemetry.ts'
import packageFile from '../package.json' with { type: 'json' }
import type { Register } from './context.ts'
import { auditApiVariables, environmentHelp } from './environment-help.ts'
import { runUntilStopped } from './service.ts'
import { addServingFlags, servingFrom } from './serving-flags.ts'

export const registerAuditApi: Register = (program, context) => {
  const command = program
    .command('audit-api')
    .summary('serve the audit log: ingest, list, export')
    .description(
      'Takes admin actions and errors over HTTP, keeps them append-only in Postgres, and lists and exports them. Its interface is documented at /docs.',
    )
  addServingFlags(command, 'AUDIT_LISTEN')
    .addHelpText('after', environmentHelp(auditApiVariables, ['AUDIT_DATABASE_URL', 'AUDIT_TOKENS_FILE']))
    .action(async (flags) => {
      const settings = readSettings(context.environment, ['AUDIT_DATABASE_URL', 'AUDIT_TOKENS_FILE'])
      const serving = servingFrom(flags, settings.AUDIT_LISTEN)
      const log = createLogger({ name: 'barometer-audit-api', level: settings.LOG_LEVEL })
      const telemetry = await startTelemetry({
        ...{ settings, log, serviceName: 'barometer-audit-api', version: packageFile.version },
      })
      const { startAuditApi } = await import('../audit-api/server.ts')
      await runUntilStopped('audit API', context, serving, () => startAuditApi({ settings, serving, log }))
      await telemetry.stop()
    })
}
