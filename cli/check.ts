import type { Register } from './context.ts'
import { allVariables, environmentHelp } from './environment-help.ts'

export const registerCheck: Register = (program, context) => {
  program
    .command('check')
    .summary('the doctor: views, indexes, Redis, S3, queues, GPUs, Prometheus')
    .description('')
    .option('--json', 'print JSON')
    .addHelpText('after', environmentHelp(allVariables, ['DATABASE_URL']))
    .action(async (flags: { json?: boolean }) => {
      context.setExitCode(flags.json ? 0 : 0)
    })
}
