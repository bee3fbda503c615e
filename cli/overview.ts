import { readSettings, variables } from '../lib/settings.ts'
import { UserError } from '../lib/user-error.ts'
import type { Register } from './context.ts'
import { environmentHelp } from './environment-help.ts'
import { addressOf } from './http-get.ts'
import { overviewFrom, overviewMetrics } from './overview/figures.ts'
import { readExporter, readPrometheus } from './overview/readings.ts'
import { renderOverview } from './overview/render.ts'

export const registerOverview: Register = (program, context) => {
  program
    .command('overview')
    .summary('the home dashboard in a terminal')
    .description(
      'Users, content, revenue, queues and health as they are now: from --from, else from PROMETHEUS_URL, else from the exporter at EXPORTER_LISTEN.',
    )
    .option('--from <url>', 'an exporter to ask instead (its base address; user:password@ for basic authentication)')
    .option('--json', 'print JSON')
    .addHelpText('after', environmentHelp(['PROMETHEUS_URL', 'EXPORTER_LISTEN']))
    .action(async (flags: { from?: string; json?: boolean }) => {
      const settings = readSettings(context.environment)
      const { PROMETHEUS_URL: prometheus, EXPORTER_LISTEN: listen } = settings
      const readings =
        flags.from !== undefined
          ? await readExporter(checkedAddress(flags.from), '--from')
          : prometheus !== undefined
            ? await readPrometheus(prometheus, 'PROMETHEUS_URL', overviewMetrics)
            : await readExporter(addressOf(listen), 'EXPORTER_LISTEN')
      const overview = overviewFrom(readings)
      context.print(flags.json ? `${JSON.stringify(overview, null, 2)}\n` : renderOverview(overview, context.now()))
    })
}

function checkedAddress(text: string): string {
  const { parse, expected } = variables.PROMETHEUS_URL
  const address = parse(text)
  if (address === undefined) throw new UserError(`--from is ${JSON.stringify(text)}; expected ${expected}`)
  return address
}
