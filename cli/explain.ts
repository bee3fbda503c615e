import { distance } from 'fastest-levenshtein'
import type { Metric } from '../catalogue/define.ts'
import { catalogue } from '../catalogue/index.ts'
import { signups } from '../catalogue/users.ts'
import { readSettings } from '../lib/settings.ts'
import { UserError } from '../lib/user-error.ts'
import type { Context, Register } from './context.ts'
import { environmentHelp } from './environment-help.ts'
import { withDatabase } from './failure.ts'

export const registerExplain: Register = (program, context) => {
  program
    .command('explain')
    .summary('say what a metric counts and how it is computed')
    .description(
      'The definition of a metric, its plain SQL, and the statements that a refresh runs for it. With DATABASE_URL also how it stands in the store: whether it is built, up to when, and what the last comparison with the views found.',
    )
    .argument('<metric>', `such as ${signups.name}`)
    .addHelpText('after', environmentHelp(['DATABASE_URL', 'STORE_SCHEMA']))
    .action((name: string) => run(context, name))
}

async function run(context: Context, name: string): Promise<void> {
  const metric = metricNamed(name)
  const { explainFigure, explainStanding } = await import('../exporter/explain.ts')
  const lines = [...describe(metric), ...explainFigure(metric)]
  context.print(`${lines.join('\n')}\n`)
  if (!context.environment.DATABASE_URL && !context.environment.DATABASE_URL_FILE) return
  const settings = readSettings(context.environment, ['DATABASE_URL'])
  const standing = await withDatabase('DATABASE_URL', settings.DATABASE_URL, () => explainStanding(settings, metric))
  context.print(`\n${standing.join('\n')}\n`)
}

function metricNamed(name: string): Metric {
  const found = catalogue.find((metric) => metric.name === name)
  if (found !== undefined) return found
  const [nearest] = catalogue
    .map((metric) => metric.name)
    .toSorted((one, other) => distance(one, name) - distance(other, name))
  throw new UserError(`there is no metric ${name}; expected a name from docs/metrics.md. Did you mean ${nearest}?`)
}

function describe({ name, type, unit, help, definition, labels, sources, owner, replicas }: Metric): string[] {
  const shown = Object.entries(labels).map(
    ([label, { values, bound }]) => `  ${label}: ${values?.join(', ') ?? `at most ${bound} values`}`,
  )
  return [
    `${name} (${type}, ${unit})`,
    help,
    ...(definition === help ? [] : [definition]),
    ...(shown.length === 0 ? [] : ['Labels:', ...shown]),
    sources.length > 0 ? `Computed from the views ${sources.join(', ')} by ${owner}.` : `From ${owner}.`,
    replicas === 'same' ? 'Every replica shows the same.' : 'Each replica counts its share: add them up.',
  ]
}
