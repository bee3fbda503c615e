import { createLogger } from '../lib/log.ts'
import { readSettings } from '../lib/settings.ts'
import { UserError } from '../lib/user-error.ts'
import type { Register } from './context.ts'
import { environmentHelp, refreshVariables } from './environment-help.ts'
import { withDatabase } from './failure.ts'

export const registerMetrics: Register = (program, context) => {
  program
    .command('metrics')
    .summary('compute the figures once and print them')
    .description(
      'One refresh of the business figures, printed as Prometheus reads them. Exit 1 where a collector failed; the figures of the others are printed all the same.',
    )
    .addHelpText('after', environmentHelp(refreshVariables, ['DATABASE_URL']))
    .action(async () => {
      const settings = readSettings(context.environment, ['DATABASE_URL'])
      const log = createLogger({ name: 'barometer-metrics', level: settings.LOG_LEVEL })
      const { refreshOnce } = await import('../exporter/main.ts')
      const { text, failures } = await withDatabase('DATABASE_URL', settings.DATABASE_URL, () =>
        refreshOnce({ settings, log }),
      )
      context.print(text)
      if (failures.size > 0) {
        const lines = [...failures].map(([collector, reason]) => `${collector} (${reason})`)
        throw new UserError(`${failures.size} collectors failed: ${lines.join('; ')}`, { exitCode: 1 })
      }
    })
}
