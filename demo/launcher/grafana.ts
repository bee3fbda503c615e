import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import getPort from 'get-port'
import { answers, startProgram } from '../stack/process.ts'
import type { RunDirectory } from './run-directory.ts'
import { randomSecret } from './secrets.ts'
import type { Stack } from './stack.ts'

const root = resolve(import.meta.dirname, '..', '..')

/**
 * Starts Grafana with the boards, where `grafana` is on PATH (its home two folders above, or GRAFANA_HOME).
 * @returns its address, or what to do to have it
 */
export async function startGrafana(options: {
  directory: RunDirectory
  stack: Stack
  prometheusUrl: string
}): Promise<string> {
  const program = (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'grafana'))
    .find((path) => existsSync(path))
  if (program === undefined) return 'not on PATH; install Grafana 10.4 or later, or use docker compose up'
  const port = await getPort({ host: '127.0.0.1' })
  const url = `http://127.0.0.1:${port}`
  const data = options.directory.folder('grafana')
  const provisioning = join(root, 'provisioning', 'grafana')
  mkdirSync(join(data, 'plugins'), { recursive: true })
  const password = randomSecret()
  writeFileSync(join(data, 'admin-password'), password, { mode: 0o600 })
  await options.stack.add(
    startProgram({
      name: 'Grafana',
      command: program,
      arguments: ['server', '--homepath', process.env.GRAFANA_HOME ?? resolve(program, '..', '..')],
      environment: {
        GF_SERVER_HTTP_ADDR: '127.0.0.1',
        GF_SERVER_HTTP_PORT: String(port),
        GF_PATHS_DATA: data,
        GF_PATHS_LOGS: join(data, 'logs'),
        GF_PATHS_PLUGINS: join(data, 'plugins'),
        GF_PATHS_PROVISIONING: provisioning,
        GF_SECURITY_ADMIN_PASSWORD: password,
        GF_ANALYTICS_REPORTING_ENABLED: 'false',
        GF_ANALYTICS_CHECK_FOR_UPDATES: 'false',
        GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: join(root, 'dashboards', 'generated', 'barometer-home.json'),
        PROMETHEUS_URL: options.prometheusUrl,
        BAROMETER_DASHBOARDS: join(root, 'dashboards', 'generated'),
      },
      logFile: join(options.directory.folder('logs'), 'grafana.log'),
      ready: () => answers(`${url}/api/health`),
      readyTimeoutMs: 60_000,
    }),
  )
  return `${url} (admin, password in ${join(data, 'admin-password')})`
}
