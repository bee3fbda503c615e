import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Register } from './context.ts'

/** A process of its own: the demo stands beside the product, which does not import it. */
const launcher = fileURLToPath(new URL('../demo/launcher.ts', import.meta.url))

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
      const child = spawn(process.execPath, [launcher, ...passed], {
        stdio: 'inherit',
        env: { ...context.environment },
      })
      // The terminal sends Ctrl-C to the child as well; a SIGTERM for this process alone has to be passed on.
      void context.untilAskedToStop().then(() => child.kill('SIGTERM'))
      const exitCode = await new Promise<number>((resolve, reject) => {
        child.once('error', reject)
        child.once('exit', (code) => resolve(code ?? 1))
      })
      context.setExitCode(exitCode)
    })
}
