import { createLogger } from '../lib/log.ts'
import { readSettings } from '../lib/settings.ts'
import { startTelemetry } from '../lib/telemetry.ts'
import packageFile from '../package.json' with { type: 'json' }
import type { Register } from './context.ts'
import { environmentHelp, exporterVariables } from './environment-help.ts'
import { runUntilStopped } from './service.ts'
import { addServingFlags, servingFrom } from './serving-flags.ts'

export const registerExporter: Register = (program, context) => {
  const command = program
    .command('exporter')
    .summary('serve the metrics: /metrics and /metrics/probes')
    .description(
      'Computes the business figures from the views in the background, probes what the platform depends on, and serves both to Prometheus from memory. It starts, and says what is down, even where the database is.',
    )
  addServingFlags(command, 'EXPORTER_LISTEN')
    .addHelpText('after', environmentHelp(exporterVariables, ['DATABASE_URL']))
    .action(async (flags) => {
      const settings = readSettings(context.environment, ['DATABASE_URL'])
      const serving = servingFrom(flags, settings.EXPORTER_LISTEN)
      const log = createLogger({ name: 'barometer-exporter', level: settings.LOG_LEVEL })
      const telemetry = await startTelemetry({
        ...{ settings, log, serviceName: 'barometer-exporter', version: packageFile.version },
      })
      const { startExporter } = await import('../exporter/main.ts')
      await runUntilStopped('exporter', context, serving, () => startExporter({ settings, serving, log }))
      await telemetry.stop()
    })
}
