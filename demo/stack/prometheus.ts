import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import getPort from 'get-port'
import { findProgram } from './debian-packages.ts'
import { answers, type Program, type Restartable, startProgram, startRestartable } from './process.ts'

export interface RunningPrometheus extends Restartable {
  url: string
}

export interface PrometheusOptions {
  /** Where its data and log go. */
  directory: string
  configFile: string
  port?: number
  /** Command line flags beside those for places and the address. */
  flags?: readonly string[]
}

/** Starts a Prometheus with a configuration file of the caller's. */
export async function startPrometheus(options: PrometheusOptions): Promise<RunningPrometheus> {
  const { path, ...place } = await findProgram('prometheus')
  const port = options.port ?? (await getPort({ host: '127.0.0.1' }))
  const directory = resolve(options.directory)
  mkdirSync(directory, { recursive: true })
  const url = `http://127.0.0.1:${port}`
  const launch = (): Promise<Program> =>
    startProgram({
      name: 'Prometheus',
      command: path,
      arguments: [
        `--config.file=${resolve(options.configFile)}`,
        `--storage.tsdb.path=${join(directory, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--web.enable-lifecycle',
        ...(options.flags ?? []),
      ],
      ...place,
      logFile: join(directory, 'prometheus.log'),
      ready: () => answers(`${url}/-/ready`),
    })
  return { url, ...(await startRestartable(launch)) }
}
