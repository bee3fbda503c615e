import { cpSync, existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import getPort from 'get-port'
import { runCommand } from '../run-command.ts'
import { findOnPath } from '../stack/debian-packages.ts'
import { answers, startProgram } from '../stack/process.ts'
import type { RunDirectory } from './run-directory.ts'
import { randomSecret, writeSecret } from './secrets.ts'
import type { Stack } from './stack.ts'

const root = resolve(import.meta.dirname, '..', '..')

/** Grafana's own settings, as whoever starts the demo has them: GF_PATHS_PLUGINS says where Infinity is. */
const ownSettings = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      name.startsWith('GF_') && value !== undefined ? [[name, value]] : [],
    ),
  )

/** Where its configuration's defaults are: beside the program, or where the distributions' packages lay it. */
function homeOf(program: string): string | undefined {
  const homes = [process.env.GRAFANA_HOME, resolve(realpathSync(program), '..', '..'), '/usr/share/grafana']
  return homes.find((home) => home !== undefined && existsSync(join(home, 'conf', 'defaults.ini')))
}

export interface RunningGrafana {
  url: string
  /** Of admin. */
  password: string
  passwordFile: string
}

/**
 * Starts Grafana with the boards, where `grafana` is on PATH and its home is found (GRAFANA_HOME says where else).
 * @returns undefined where it is not
 */
export async function startGrafana(options: {
  directory: RunDirectory
  stack: Stack
  prometheusUrl: string
  auditApiUrl: string
}): Promise<RunningGrafana | undefined> {
  const program = findOnPath(['grafana'])
  const home = program === undefined ? undefined : homeOf(program)
  if (program === undefined || home === undefined) return undefined
  const port = await getPort({ host: '127.0.0.1' })
  const url = `http://127.0.0.1:${port}`
  const data = options.directory.folder('grafana')
  const provisioning = await writeProvisioning(options.directory)
  mkdirSync(join(data, 'plugins'), { recursive: true })
  const password = randomSecret()
  const passwordFile = join(data, 'admin-password')
  writeFileSync(passwordFile, password, { mode: 0o600 })
  await options.stack.add(
    startProgram({
      name: 'Grafana',
      command: program,
      arguments: ['server', '--homepath', home],
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
        GF_DATAPROXY_SEND_USER_HEADER: 'true',
        GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: join(root, 'dashboards', 'generated', 'barometer-home.json'),
        PROMETHEUS_URL: options.prometheusUrl,
        AUDIT_API_URL: options.auditApiUrl,
        BAROMETER_DASHBOARDS: join(root, 'dashboards', 'generated'),
        ...ownSettings(),
      },
      logFile: join(options.directory.folder('logs'), 'grafana.log'),
      ready: () => answers(`${url}/api/health`),
      readyTimeoutMs: 60_000,
    }),
  )
  return { url, password, passwordFile }
}

/**
 * Lays out what Grafana is provisioned with: the files that everybody gets, with this demo's token.
 * @returns the directory
 */
async function writeProvisioning(directory: RunDirectory): Promise<string> {
  const secrets = directory.folder('secrets')
  const token = await runCommand(
    // Whoever signs in to the demo may read its audit log.
    ['audit', 'tokens', 'add', '--name', 'grafana', '--grafana', '--scope', 'read', 'export', '--audit-reader', '*'],
    { AUDIT_TOKENS_FILE: join(secrets, 'tokens.json') },
    directory.folder('logs'),
  )
  const tokenFile = writeSecret(secrets, 'grafana-token', token.trim())
  const provisioning = join(directory.folder('grafana'), 'provisioning')
  cpSync(join(root, 'provisioning', 'grafana'), provisioning, { recursive: true })
  const sources = join(provisioning, 'datasources', 'barometer.yml')
  writeFileSync(sources, readFileSync(sources, 'utf8').replace('/run/secrets/grafana_token', tokenFile))
  return provisioning
}
