import { createLogger } from '../lib/log.ts'
import { readSettings } from '../lib/settings.ts'
import { showBuild } from './build-progress.ts'
import type { Register } from './context.ts'
import { environmentHelp, refreshVariables } from './environment-help.ts'
import { withDatabase } from './failure.ts'

export const registerMetrics: Register = (program, context) => {
  program
    .command('metrics')
    .summary('compute the figures once and print them')
    .description(
      'One refresh of the business figures, after building whatever history is missing, printed as Prometheus reads them. Exit 1 where a collector failed; the figures of the others are printed all the same.',
    )
    .addHelpText('after', environmentHelp(refreshVariables, ['DATABASE_URL']))
    .action(async () => {
      const settings = readSettings(context.environment, ['DATABASE_URL'])
      // What failed is said below, a line each; the log is for those who ask for it.
      const level = context.environment.LOG_LEVEL ? settings.LOG_LEVEL : 'silent'
      const log = createLogger({ name: 'barometer-metrics', level })
      const { refreshOnce } = await import('../exporter/main.ts')
      const build = showBuild({
        isTerminal: process.stderr.isTTY === true,
        write: (part) => process.stderr.write(part),
        nowMs: () => context.now().getTime(),
      })
      const { text, failures } = await withDatabase('DATABASE_URL', settings.DATABASE_URL, () =>
        refreshOnce({ settings, log, onProgress: build.show }),
      ).finally(build.end)
      context.print(text)
      for (const [collector, reason] of failures) context.warn(`barometer: collector ${collector}: ${reason}`)
      if (failures.size > 0) context.setExitCode(1)
    })
}
