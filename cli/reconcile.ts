import { createLogger } from '../lib/log.ts'
import { readSettings } from '../lib/settings.ts'
import type { Register } from './context.ts'
import { environmentHelp, refreshVariables } from './environment-help.ts'
import { withDatabase } from './failure.ts'

interface Flags {
  full?: boolean
  json?: boolean
}

export const registerReconcile: Register = (program, context) => {
  program
    .command('reconcile')
    .summary('compare the store with the views, and put right what differs')
    .description(
      'Computes what the store holds once more from the views: all entities, and the facts of the last 35 days. Finds rows that came later than the overlap, hard deletes, changed owners and mending by hand. The exporter does this every night; exit 0 whether or not something differed.',
    )
    .option('--full', 'look at all facts, however old')
    .option('--json', 'print what differed as JSON')
    .addHelpText('after', environmentHelp(refreshVariables, ['DATABASE_URL']))
    .action(async ({ full, json }: Flags) => {
      const settings = readSettings(context.environment, ['DATABASE_URL'])
      const level = context.environment.LOG_LEVEL ? settings.LOG_LEVEL : 'silent'
      const log = createLogger({ name: 'barometer-reconcile', level })
      const { reconcileOnce } = await import('../exporter/main.ts')
      const found = await withDatabase('DATABASE_URL', settings.DATABASE_URL, () =>
        reconcileOnce({ settings, log, full: full === true }),
      )
      if (json === true) {
        context.print(`${JSON.stringify(Object.fromEntries(found))}\n`)
        return
      }
      const drifted = [...found].filter(([, drift]) => drift.rows > 0)
      for (const [part, { rows, examples }] of drifted)
        context.print(`${part}: ${rows} differed and ${rows === 1 ? 'is' : 'are'} put right (${examples.join(', ')})\n`)
      context.print(`${found.size} parts compared, ${drifted.length} differed\n`)
    })
}
