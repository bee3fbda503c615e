import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import getPort from 'get-port'
import { installPlatform, roleUrl } from '../../database/platform/install.ts'
import { type AuditApiAccess, prepareAuditApi } from '../../demo/launcher/audit-api.ts'
import { writeAlertmanagerFiles, writePrometheusFiles } from '../../demo/launcher/monitoring.ts'
import { startScript } from '../../demo/launcher/processes.ts'
import type { RunDirectory } from '../../demo/launcher/run-directory.ts'
import { randomSecret, writeSecret } from '../../demo/launcher/secrets.ts'
import { seed } from '../../demo/simulator/seed.ts'
import { startAlertmanager } from '../../demo/stack/alertmanager.ts'
import { answers, type Program } from '../../demo/stack/process.ts'
import { startPrometheus } from '../../demo/stack/prometheus.ts'
import { type RunningRedis, startRedis } from '../../demo/stack/redis.ts'
import { type RunningS3, startS3 } from '../../demo/stack/s3.ts'
import { ask, type Cluster, startCluster } from './cluster.ts'
import { type Clock, openClock } from './faketime.ts'
import { openProxy, type Passage } from './proxy.ts'

/** A process that is killed and started again. */
export interface Service {
  name: string
  program(): Program
  signal(signal: NodeJS.Signals): Promise<void>
  /** After a kill. */
  start(): Promise<void>
  stop(): Promise<void>
}

export const ways = ['database', 'redis', 's3', 'runpod', 'comfyui', 'api', 'audit', 'scrape', 'alerts'] as const
export type Way = (typeof ways)[number]

/** The whole stack, each way between two programs through a proxy. */
export interface World {
  cluster: Cluster
  redis: RunningRedis
  s3: RunningS3
  proxies: Readonly<Record<Way, Passage>>
  services: {
    exporterA: Service
    exporterB: Service
    auditApi: Service
    platformApi: Service
    workers: Service
    simulator: Service
  }
  prometheus: Awaited<ReturnType<typeof startPrometheus>>
  alertmanager: Awaited<ReturnType<typeof startAlertmanager>>
  clock: Clock | undefined
  /** The file in which a service says its heap, see heap-hook.ts. */
  heapFile(service: string): string
  exporterUrls: readonly [string, string]
  /** Of the audit API, through the proxy. */
  auditUrl: string
  audit: AuditApiAccess
  /** Where pages arrive. */
  receiverUrls: readonly string[]
  /** The primary's database of the platform, as its superuser, without the proxy. */
  ownerUrl(): string
  stop(): Promise<void>
}

export interface WorldOptions {
  directory: RunDirectory
  users: number
  days: number
  actionsPerSecond: number
  refreshInterval: string
}

/** Postgres with its replica, Redis, S3. */
const storesCount = 3

/** Starts everything; what has been started is stopped where a part cannot be. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const stops: (() => Promise<void>)[] = []
  const stop = async () => {
    // The stores, which were begun first, outlive what writes to them; the others do not wait for one another.
    await Promise.allSettled(stops.splice(storesCount).map((one) => one()))
    await Promise.allSettled(stops.map((one) => one()))
  }
  try {
    return { ...(await build(options, (one) => void stops.push(one))), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function build(options: WorldOptions, onStop: (stop: () => Promise<void>) => void): Promise<Omit<World, 'stop'>> {
  const { directory } = options
  const keep = async <Started extends { stop(): Promise<void> }>(starting: Promise<Started>): Promise<Started> => {
    const started = await starting
    onStop(() => started.stop())
    return started
  }
  const [cluster, redis, s3] = await Promise.all([
    keep(startCluster(directory.folder('cluster'), true)),
    keep(startRedis({ directory: directory.folder('redis') })),
    keep(startS3({ directory: directory.folder('s3'), bucket: 'platform-images' })),
  ])
  const [gpus, audit] = await Promise.all([startGpus(directory, keep), prepareAuditApi(directory)])
  const ports = await freePorts(4)
  const [apiPort = 0, exporterAPort = 0, exporterBPort = 0, alertmanagerPort = 0] = ports
  const targets: Record<Way, number> = {
    database: cluster.primary().port,
    redis: redis.port,
    s3: portOf(s3.url),
    ...{ runpod: gpus.runpodPort, comfyui: gpus.comfyuiPort },
    api: apiPort,
    audit: portOf(audit.url),
    scrape: exporterAPort,
    alerts: alertmanagerPort,
  }
  const opened = await Promise.all(ways.map(async (way) => [way, await openProxy(way, targets[way])] as const))
  const proxies = Object.fromEntries(opened) as Record<Way, Passage>
  for (const proxy of Object.values(proxies)) onStop(() => proxy.close())
  const through = (way: Way) => `http://127.0.0.1:${proxies[way].port}`

  const urls = await prepareDatabase(cluster, proxies.database.port, options)
  const clock = openClock(directory.folder('clock'))
  const context = { directory, audit, through, urls, options, keep, clock, s3, runpodKey: gpus.runpodKey }
  const prometheusPort = await getPort({ host: '127.0.0.1' })
  const services = await startServices(context, { apiPort, exporterAPort, exporterBPort, prometheusPort }, proxies)
  const monitoring = await startMonitoring(context, { prometheusPort, exporterBPort, alertmanagerPort })
  return {
    ...{ cluster, redis, s3, proxies, services, clock, audit, ...monitoring },
    exporterUrls: [`http://127.0.0.1:${exporterAPort}`, `http://127.0.0.1:${exporterBPort}`],
    auditUrl: through('audit'),
    heapFile: (name) => heapFile(directory, name),
    ownerUrl: () => databaseOf(cluster.primary().url),
  }
}

type Keep = <Started extends { stop(): Promise<void> }>(starting: Promise<Started>) => Promise<Started>

interface Context {
  directory: RunDirectory
  audit: AuditApiAccess
  through: (way: Way) => string
  urls: { owner: string; exporter: string; audit: string }
  options: WorldOptions
  keep: Keep
  clock: Clock | undefined
  s3: RunningS3
  runpodKey: string
}

const portOf = (url: string): number => Number(new URL(url).port)
const freePorts = async (count: number): Promise<number[]> => {
  const ports: number[] = []
  while (ports.length < count) ports.push(await getPort({ host: '127.0.0.1', exclude: ports }))
  return ports
}

function databaseOf(url: string): string {
  const changed = new URL(url)
  changed.pathname = '/platform'
  return changed.href
}

async function prepareDatabase(cluster: Cluster, proxyPort: number, { users, days }: WorldOptions) {
  const direct = databaseOf(cluster.primary().url)
  await ask(cluster.primary().url, 'CREATE DATABASE platform')
  const password = randomSecret()
  await installPlatform({ ownerUrl: direct, exporterPassword: password })
  const { migrateAudit } = await import('../../audit-api/migrations/migrate.ts')
  await migrateAudit(direct)
  const auditPassword = randomSecret()
  await ask(direct, `ALTER ROLE barometer_audit LOGIN PASSWORD '${auditPassword}'`)
  await seed(direct, { now: new Date(), users, days })
  const proxied = new URL(direct)
  proxied.port = String(proxyPort)
  return {
    owner: proxied.href,
    exporter: roleUrl(proxied.href, 'barometer_exporter', password),
    audit: roleUrl(proxied.href, 'barometer_audit', auditPassword),
  }
}

async function startGpus(directory: RunDirectory, keep: Keep) {
  const logs = directory.folder('logs')
  const [comfyuiPort = 0, runpodPort = 0] = await freePorts(2)
  const runpodKey = randomSecret()
  const fake = (name: string, script: string, words: string[], url: string) =>
    keep(startScript({ name, script, words, logs, ready: async () => (await fetch(url)).status < 500 }))
  await Promise.all([
    fake('ComfyUI', 'demo/fakes/comfyui.ts', ['--port', String(comfyuiPort)], `http://127.0.0.1:${comfyuiPort}/queue`),
    fake(
      'RunPod',
      'demo/fakes/runpod.ts',
      ['--port', String(runpodPort), '--key-file', writeSecret(directory.folder('secrets'), 'runpod-key', runpodKey)],
      `http://127.0.0.1:${runpodPort}/v1/pods`,
    ),
  ])
  return { comfyuiPort, runpodPort, runpodKey }
}

type ScriptOptions = Parameters<typeof startScript>[0]

/** Runs a script that can be killed and started again with the same words. */
async function service(options: ScriptOptions): Promise<Service> {
  let program = await startScript(options)
  return {
    name: options.name,
    program: () => program,
    signal: (signal) => program.signal(signal),
    start: async () => {
      await program.stop()
      program = await startScript(options)
    },
    stop: () => program.stop(),
  }
}

interface Ports {
  apiPort: number
  exporterAPort: number
  exporterBPort: number
  prometheusPort: number
}

async function startServices(context: Context, ports: Ports, proxies: Readonly<Record<Way, Passage>>) {
  const { options, keep, through, urls } = context
  const redisUrl = `redis://127.0.0.1:${proxies.redis.port}`
  const platform = await startPlatform(context, ports, redisUrl)
  const [exporterA, exporterB, auditApi] = await Promise.all([
    startExporter(context, { name: 'exporter A', port: ports.exporterAPort, redisUrl }),
    startExporter(context, {
      name: 'exporter B',
      port: ports.exporterBPort,
      redisUrl,
      environment: context.clock?.environment ?? {},
    }),
    startAuditApi(context, ports),
  ])
  const simulator = await keep(
    service({
      ...{ name: 'simulator', script: 'demo/simulator/main.ts', logs: logsOf(context), ready: yes },
      environment: {
        ...{ DATABASE_URL: urls.owner, API_URL: through('api') },
        ACTIONS_PER_SECOND: String(options.actionsPerSecond),
      },
    }),
  )
  return { exporterA, exporterB, auditApi, ...platform, simulator }
}

const logsOf = ({ directory }: Context): string => directory.folder('logs')

async function startPlatform(context: Context, { apiPort }: Ports, redisUrl: string) {
  const { audit, through, urls, keep } = context
  const logs = logsOf(context)
  const environment = {
    DATABASE_URL: urls.owner,
    REDIS_URL: redisUrl,
    COMFYUI_URL: through('comfyui'),
    AUDIT_API_URL: through('audit'),
    AUDIT_API_TOKEN: audit.platformToken,
  }
  const [controlPort = 0, workersPort = 0] = await freePorts(2)
  const [platformApi, workers] = await Promise.all([
    keep(
      service({
        ...{ name: 'platform API', script: 'demo/platform/api.ts', logs, environment },
        words: ['--port', String(apiPort), '--control-port', String(controlPort)],
        ready: () => answers(`http://127.0.0.1:${apiPort}/metrics`),
      }),
    ),
    keep(
      service({
        ...{ name: 'workers', script: 'demo/platform/worker.ts', logs, words: ['--port', String(workersPort)] },
        environment,
        ready: yes,
      }),
    ),
  ])
  return { platformApi, workers }
}

const s3Of = ({ s3, through }: Context) => ({
  S3_ENDPOINT: through('s3'),
  S3_BUCKET: s3.bucket,
  S3_ACCESS_KEY_ID: s3.accessKeyId,
  S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
})

function startExporter(
  context: Context,
  of: { name: string; port: number; redisUrl: string; environment?: Readonly<Record<string, string>> },
): Promise<Service> {
  const { directory, through, urls, options, keep } = context
  return keep(
    service({
      ...{ name: of.name, script: 'cli/main.ts', words: ['exporter'], logs: logsOf(context), readyTimeoutMs: 90_000 },
      environment: {
        ...{ DATABASE_URL: urls.exporter, REDIS_URL: of.redisUrl, QUEUES: 'generation,thumbnail', ...s3Of(context) },
        ...{ API_PROBE_URLS: `platform-api=${through('api')}/healthz`, RUNPOD_API_KEY: context.runpodKey },
        ...{ RUNPOD_ENDPOINT_IDS: 'images=demo-endpoint', RUNPOD_SERVERLESS_URL: `${through('runpod')}/v2` },
        ...{ RUNPOD_API_URL: `${through('runpod')}/v1`, COMFYUI_URLS: `gpu-1=${through('comfyui')}` },
        ...{ EXPORTER_LISTEN: `127.0.0.1:${of.port}`, REFRESH_INTERVAL: options.refreshInterval },
        ...heapHook(directory, of.name),
        ...of.environment,
      },
      ready: () => answers(`http://127.0.0.1:${of.port}/livez`),
    }),
  )
}

function startAuditApi(context: Context, { prometheusPort }: Ports): Promise<Service> {
  const { directory, audit, urls, keep, clock } = context
  return keep(
    service({
      ...{ name: 'audit API', script: 'cli/main.ts', words: ['audit-api'], logs: logsOf(context) },
      readyTimeoutMs: 60_000,
      environment: {
        ...{ AUDIT_DATABASE_URL: urls.audit, DATABASE_URL: urls.audit, ...s3Of(context) },
        PROMETHEUS_URL: `http://127.0.0.1:${prometheusPort}`,
        ...{ AUDIT_TOKENS_FILE: audit.tokensFile, AUDIT_LISTEN: new URL(audit.url).host },
        ...heapHook(directory, 'audit API'),
        ...clock?.environment,
      },
      ready: () => answers(`${audit.url}/livez`),
    }),
  )
}

const heapFile = (directory: RunDirectory, name: string): string =>
  join(directory.folder('heap'), name.replaceAll(' ', '-'))

const heapHook = (directory: RunDirectory, name: string) => ({
  NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, 'heap-hook.ts')).href}`,
  HEAP_FILE: heapFile(directory, name),
})

const yes = async () => true

async function startMonitoring(
  { directory, through, keep }: Context,
  ports: { prometheusPort: number; exporterBPort: number; alertmanagerPort: number },
) {
  const logs = directory.folder('logs')
  const receiver = async (name: string) => {
    const [port = 0] = await freePorts(1)
    const url = `http://127.0.0.1:${port}`
    await keep(
      startScript({
        ...{ name, script: `demo/fakes/${name}.ts`, words: ['--port', String(port)], logs },
        ready: () => answers(`${url}/requests`),
      }),
    )
    return url
  }
  const [slack = '', pagerduty = '', deadMansSwitch = ''] = await Promise.all(
    ['slack', 'pagerduty', 'dead-mans-switch'].map(receiver),
  )
  const secrets = directory.folder('secrets')
  const alertmanager = await keep(
    startAlertmanager({
      directory: directory.folder('alertmanager'),
      port: ports.alertmanagerPort,
      configFile: writeAlertmanagerFiles(directory.folder('alertmanager'), {
        slackUrlFile: writeSecret(secrets, 'slack-url', `${slack}/services/chaos`),
        pagerdutyKeyFile: writeSecret(secrets, 'pagerduty-key', randomSecret()),
        deadMansSwitchUrlFile: writeSecret(secrets, 'dead-mans-switch-url', `${deadMansSwitch}/beat`),
        pagerdutyUrl: `${pagerduty}/v2/enqueue`,
      }),
    }),
  )
  const folder = directory.folder('prometheus')
  const configFile = writePrometheusFiles(folder, {
    exporter: through('scrape'),
    ...{ auditApi: through('audit'), platformApi: through('api'), alertmanager: through('alerts') },
    prometheus: `http://127.0.0.1:${ports.prometheusPort}`,
  })
  const exporters = [new URL(through('scrape')).host, `127.0.0.1:${ports.exporterBPort}`]
  writeFileSync(join(folder, 'targets', 'barometer-exporter.json'), JSON.stringify([{ targets: exporters }]))
  const prometheus = await keep(startPrometheus({ directory: folder, port: ports.prometheusPort, configFile }))
  return { alertmanager, prometheus, receiverUrls: [slack, pagerduty] }
}
