import { readSettings } from '../lib/settings.ts'
import { renderCheck } from './check/render.ts'
import type { Register } from './context.ts'
import { allVariables, environmentHelp } from './environment-help.ts'

export const registerCheck: Register = (program, context) => {
  program
    .command('check')
    .summary('the doctor: views, indexes, Redis, S3, queues, GPUs, Prometheus')
    .description(
      'Connects as the exporter would and says what is there, what does not fit, which indexes are missing, and whether everything that is configured answers. Changes nothing but one small object that the S3 probe writes and deletes. Exit 0 all good, 1 something is broken, 2 bad configuration.',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', environmentHelp(allVariables, ['DATABASE_URL']))
    .action(async (flags: { json?: boolean }) => {
      const settings = readSettings(context.environment, ['DATABASE_URL'])
      // Loaded when asked for: the help of another command needs no client of Redis.
      const { check } = await import('./check/check.ts')
      const report = await check(settings, context.now())
      context.print(flags.json ? `${JSON.stringify(report, null, 2)}\n` : renderCheck(report))
      context.setExitCode(report.good ? 0 : 1)
    })
}
