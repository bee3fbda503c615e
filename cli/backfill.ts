import { readSettings } from '../lib/settings.ts'
import { UserError } from '../lib/user-error.ts'
import type { Context, Register } from './context.ts'
import { environmentHelp, refreshVariables } from './environment-help.ts'
import { withDatabase } from './failure.ts'

interface Flags {
  from: string
  to?: string
  output?: string
  blocks?: string
  label: Readonly<Record<string, string>>
}

const notes = `
A sample for every full hour (UTC) from --from, that hour included, to before --to, so that runs for neighbouring
stretches do not overlap. A date is its midnight in UTC. Hours that have not come are left out.

Prometheus keeps a series together only if all its labels are the same, also those that it adds when it scrapes. Give
these with --label as your Prometheus has them, at least the job:
  --label job=barometer-exporter --label instance=exporter.example.com:9464
The job must match; another instance only shows as another replica. External labels are not given: they are not stored.

Blocks are moved into Prometheus' data directory and seen within a minute. Its retention must reach back as far, and from
2.39 on they may overlap with what it has.`

export const registerBackfill: Register = (program, context) => {
  program
    .command('backfill')
    .summary('write the past of the figures, for Prometheus')
    .description(
      'The past of the business figures, exactly as they would be computed from the rows of today, hour by hour, as OpenMetrics text or as blocks of Prometheus.',
    )
    .requiredOption('--from <date>', 'the first day or instant, such as 2026-07-01 or 2026-07-01T06:00:00Z')
    .option('--to <date>', 'the end, itself not included; now unless given')
    .option('--output <file>', 'where the text goes; standard output unless this or --blocks is given')
    .option('--blocks <directory>', 'make blocks there, with promtool, which must be on PATH')
    .option('--label <name=value>', 'a label that every series gets; can be given again', label, {})
    .addHelpText('after', notes + environmentHelp(refreshVariables, ['DATABASE_URL']))
    .action((flags: Flags) => run(context, flags))
}

function label(text: string, before: Readonly<Record<string, string>>): Record<string, string> {
  const [, name, value] = /^((?!__)[a-zA-Z_][a-zA-Z0-9_]*)=(.+)$/.exec(text) ?? []
  if (name === undefined || value === undefined)
    throw new UserError(`--label: ${text}; expected a name and a value such as job=barometer-exporter`)
  return { ...before, [name]: value }
}

async function run(context: Context, { from, to, output, blocks, label: labels }: Flags): Promise<void> {
  const { backfill } = await import('../exporter/backfill/backfill.ts')
  const { hoursBetween } = await import('../exporter/backfill/hours.ts')
  const hours = hoursBetween(from, to, context.now().getTime())
  const settings = readSettings(context.environment, ['DATABASE_URL'])
  const print = async (text: string): Promise<void> => {
    context.print(text)
    await context.printed()
  }
  const stop = new AbortController()
  void context.untilAskedToStop().then(() => stop.abort())
  const failures = await withDatabase('DATABASE_URL', settings.DATABASE_URL, () =>
    backfill({
      ...{ settings, hours, labels, print, say: context.warn },
      ...(output === undefined ? {} : { output }),
      ...(blocks === undefined ? {} : { blocks }),
      signal: stop.signal,
      monotonicSeconds: () => performance.now() / 1_000,
    }),
  )
  for (const line of failures) context.warn(`barometer: ${line}`)
  if (failures.length > 0) context.setExitCode(1)
}
