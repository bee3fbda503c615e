import getPort from 'get-port'
import { startAlertmanager } from '../stack/alertmanager.ts'
import { findProgram } from '../stack/debian-packages.ts'
import { answers, type Restartable } from '../stack/process.ts'
import { startPrometheus } from '../stack/prometheus.ts'
import { writeAlertmanagerFiles, writePrometheusFiles } from './monitoring.ts'
import type { Platform } from './platform.ts'
import { startScript, startService } from './processes.ts'
import type { Progress } from './progress.ts'
import type { RunDirectory } from './run-directory.ts'
import { randomSecret, writeSecret } from './secrets.ts'
import type { Stack } from './stack.ts'

/** Barometer itself, and the receivers of its pages, by their addresses. */
export interface Barometer {
  exporterUrl: string
  auditApiUrl: string
  prometheusUrl: string
  alertmanagerUrl: string
  slackUrl: string
  pagerdutyUrl: string
  deadMansSwitchUrl: string
  auditToken: string
  services: Record<'exporter' | 'auditApi', Restartable>
}

export async function startBarometer(options: {
  directory: RunDirectory
  stack: Stack
  progress: Progress
  platform: Platform
}): Promise<Barometer> {
  const { directory, progress } = options
  // Known beforehand, since the audit API asks Prometheus, which scrapes it.
  const prometheusPort = await getPort({ host: '127.0.0.1' })
  const [services, receivers] = await Promise.all([startServices(options, prometheusPort), startReceivers(options)])
  progress.step('the exporter and the audit API, fake Slack, PagerDuty and dead man’s switch')
  const alertmanager = await options.stack.add(
    startAlertmanager({
      directory: directory.folder('alertmanager'),
      configFile: writeAlertmanagerFiles(directory.folder('alertmanager'), {
        slackUrlFile: writeSecret(directory.folder('secrets'), 'slack-url', `${receivers.slackUrl}/services/demo`),
        pagerdutyKeyFile: writeSecret(directory.folder('secrets'), 'pagerduty-key', randomSecret()),
        deadMansSwitchUrlFile: writeSecret(
          directory.folder('secrets'),
          'dead-mans-switch-url',
          `${receivers.deadMansSwitchUrl}/beat`,
        ),
        pagerdutyUrl: `${receivers.pagerdutyUrl}/v2/enqueue`,
      }),
    }),
  )
  const prometheus = await options.stack.add(
    startPrometheus({
      directory: directory.folder('prometheus'),
      port: prometheusPort,
      configFile: writePrometheusFiles(directory.folder('prometheus'), {
        exporter: services.exporterUrl,
        auditApi: services.auditApiUrl,
        platformApi: options.platform.apiUrl,
        alertmanager: alertmanager.url,
        prometheus: `http://127.0.0.1:${prometheusPort}`,
      }),
      // The 120 days before the demo, and what comes after them.
      flags: ['--storage.tsdb.retention.time=200d'],
    }),
  )
  progress.step('Prometheus and Alertmanager')
  return { ...services, ...receivers, prometheusUrl: prometheus.url, alertmanagerUrl: alertmanager.url }
}

/** What the exporter is told of the platform: the configuration an adopter would write. */
export function exporterEnvironment(platform: Platform): Record<string, string> {
  const { s3 } = platform
  return {
    DATABASE_URL: platform.exporterUrl,
    REDIS_URL: platform.redis.url,
    QUEUES: 'generation,thumbnail',
    S3_ENDPOINT: s3.url,
    S3_BUCKET: s3.bucket,
    S3_ACCESS_KEY_ID: s3.accessKeyId,
    S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
    API_PROBE_URLS: `platform-api=${platform.apiUrl}/healthz`,
    RUNPOD_API_KEY: platform.runpodKey,
    RUNPOD_ENDPOINT_IDS: 'images=demo-endpoint',
    RUNPOD_SERVERLESS_URL: `${platform.runpodUrl}/v2`,
    RUNPOD_API_URL: `${platform.runpodUrl}/v1`,
    COMFYUI_URLS: `gpu-1=${platform.comfyuiUrl}`,
  }
}

async function startServices(
  { directory, stack, platform }: Parameters<typeof startBarometer>[0],
  prometheusPort: number,
) {
  const logs = directory.folder('logs')
  const { url: auditApiUrl, tokensFile, token: auditToken } = platform.auditApi
  const exporterUrl = `http://127.0.0.1:${await getPort({ host: '127.0.0.1' })}`
  const [exporter, auditApi] = await Promise.all([
    stack.add(
      startService({
        ...{ name: 'exporter', script: 'cli/main.ts', words: ['exporter'], logs },
        environment: { ...exporterEnvironment(platform), EXPORTER_LISTEN: new URL(exporterUrl).host },
        ready: () => answers(`${exporterUrl}/readyz`),
        // It builds 120 days of history first: 10 s where nothing else runs.
        readyTimeoutMs: 240_000,
      }),
    ),
    stack.add(
      startService({
        ...{ name: 'audit API', script: 'cli/main.ts', words: ['audit-api'], logs },
        environment: {
          AUDIT_DATABASE_URL: platform.auditUrl,
          // The exporter lets the service's role call the analytics of its store.
          DATABASE_URL: platform.auditUrl,
          PROMETHEUS_URL: `http://127.0.0.1:${prometheusPort}`,
          AUDIT_TOKENS_FILE: tokensFile,
          AUDIT_LISTEN: new URL(auditApiUrl).host,
        },
        ready: () => answers(`${auditApiUrl}/readyz`),
      }),
    ),
  ])
  return { exporterUrl, auditApiUrl, auditToken, services: { exporter, auditApi } }
}

async function startReceivers({ directory, stack }: Parameters<typeof startBarometer>[0]) {
  const logs = directory.folder('logs')
  const start = async (name: string, script: string) => {
    const port = await getPort({ host: '127.0.0.1' })
    const url = `http://127.0.0.1:${port}`
    await stack.add(
      startScript({ name, script, logs, words: ['--port', String(port)], ready: () => answers(`${url}/requests`) }),
    )
    return url
  }
  const [slackUrl, pagerdutyUrl, deadMansSwitchUrl] = await Promise.all([
    start('Slack', 'demo/fakes/slack.ts'),
    start('PagerDuty', 'demo/fakes/pagerduty.ts'),
    start('dead mans switch', 'demo/fakes/dead-mans-switch.ts'),
  ])
  return { slackUrl, pagerdutyUrl, deadMansSwitchUrl }
}

/** Fetches what npm does not bring while the database is being filled. */
export async function preparePrograms(progress: Progress): Promise<void> {
  await Promise.all((['redis', 'prometheus', 'alertmanager'] as const).map((name) => findProgram(name, progress.step)))
}
