import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import getPort from 'get-port'
import { findProgram } from './debian-packages.ts'
import { answers, type Program, type Restartable, startProgram, startRestartable } from './process.ts'

export interface RunningAlertmanager extends Restartable {
  url: string
}

/** What the containers start too: it wants every secret file to be there. */
const start = resolve(import.meta.dirname, '..', '..', 'provisioning', 'alertmanager', 'start.sh')

/**
 * Starts an Alertmanager, alone unless it is given a cluster, with a configuration file of the caller's, whose paths are
 * absolute.
 * @throws {UserError} with the name of a secret file that is missing
 */
export async function startAlertmanager(options: {
  directory: string
  configFile: string
  port?: number
  /** Where it listens for the others of its cluster, and where these do: host:port. */
  cluster?: { listen: string; peers: readonly string[] }
  /** Command line flags beside those for places and addresses. */
  flags?: readonly string[]
}): Promise<RunningAlertmanager> {
  const { path, ...place } = await findProgram('alertmanager')
  const port = options.port ?? (await getPort({ host: '127.0.0.1' }))
  const directory = resolve(options.directory)
  mkdirSync(directory, { recursive: true })
  const url = `http://127.0.0.1:${port}`
  const launch = (): Promise<Program> =>
    startProgram({
      name: 'Alertmanager',
      command: 'sh',
      arguments: [
        start,
        path,
        `--config.file=${resolve(options.configFile)}`,
        `--storage.path=${join(directory, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        `--cluster.listen-address=${options.cluster?.listen ?? ''}`,
        ...(options.cluster?.peers ?? []).map((peer) => `--cluster.peer=${peer}`),
        ...(options.flags ?? []),
      ],
      ...place,
      logFile: join(directory, 'alertmanager.log'),
      ready: () => answers(`${url}/-/ready`),
    })
  return { url, ...(await startRestartable(launch)) }
}
