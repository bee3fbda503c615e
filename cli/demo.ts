import { runBeside } from './beside.ts'
import type { Register } from './context.ts'

export const registerDemo: Register = (program, context) => {
  program
    .command('demo')
    .summary('a whole platform with Barometer over it, on this machine')
    .description(
      'Starts Postgres, Redis, S3, a simulated platform, the exporter, the audit API, Prometheus, Alertmanager and, if it is there, Grafana, all on 127.0.0.1; prints the overview and the addresses. Ctrl-C stops everything.',
    )
    .option('--keep', 'keep the data for the next time')
    .option('--check', 'once all is up, assert that every target is up and every query has data; stop; exit 0 or 1')
    .action(async (flags: { keep?: boolean; check?: boolean }) => {
      const passed = [...(flags.keep ? ['--keep'] : []), ...(flags.check ? ['--check'] : [])]
      await runBeside('launcher.ts', passed, context)
    })
}
