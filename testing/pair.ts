import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import getPort from 'get-port'
import { expect, vi } from 'vitest'
import { parse, stringify } from 'yaml'
import { writeAlertmanagerFiles, writePrometheusFiles } from '../demo/launcher/monitoring.ts'
import { startScript } from '../demo/launcher/processes.ts'
import { type RunningAlertmanager, startAlertmanager } from '../demo/stack/alertmanager.ts'
import { answers } from '../demo/stack/process.ts'
import { type RunningPrometheus, startPrometheus } from '../demo/stack/prometheus.ts'
import { testDirectory } from './directory.ts'

/** What a fake receiver was sent, as far as tests look. */
export interface Received {
  body: {
    attachments?: { title: string }[]
    event_action?: string
    payload?: { summary: string }
  }
  problems: string[]
}

export interface PrometheusOfPair extends RunningPrometheus {
  directory: string
  /** What tells it from the other. */
  replica: string
}

/** Two Prometheis that scrape the same and send to all three Alertmanagers of a cluster, and fakes of who is paged. */
export interface Pair {
  prometheis: readonly PrometheusOfPair[]
  alertmanagers: readonly RunningAlertmanager[]
  /** The messages that Slack got, and the events that PagerDuty got, the oldest first. */
  slack(): Promise<Received[]>
  pagerduty(): Promise<Received[]>
  stop(): Promise<void>
}

export interface PairOptions {
  /** The exporters' addresses. */
  exporters: readonly string[]
  /** Changes to the configurations that everybody gets, such as their patience. */
  changePrometheus?: (configuration: { global: Record<string, unknown>; rule_files: string[] }) => void
  changeAlertmanager?: (configuration: { route: Record<string, unknown> }) => void
  alertmanagerFlags?: readonly string[]
  prometheusFlags?: readonly string[]
}

// Nobody listens there.
const nobody = 'http://127.0.0.1:1'
const freePort = () => getPort({ host: '127.0.0.1' })

/** Starts all of a pair, and waits until the cluster has settled. */
export async function startPair(options: PairOptions): Promise<Pair> {
  const stops: (() => Promise<void>)[] = []
  const stop = async (): Promise<void> => void (await Promise.all(stops.map((one) => one())))
  const kept = <Running extends { stop(): Promise<void> }>(running: Running): Running => {
    stops.push(() => running.stop())
    return running
  }
  try {
    const fakes = await Promise.all(
      ['slack', 'pagerduty', 'dead-mans-switch'].map(async (name) => {
        const port = await freePort()
        const words = ['--port', String(port)]
        const url = `http://127.0.0.1:${port}`
        const ready = () => answers(`${url}/requests`)
        kept(await startScript({ name, script: `demo/fakes/${name}.ts`, words, logs: testDirectory('fakes'), ready }))
        return url
      }),
    )
    const [slack = '', pagerduty = '', deadMansSwitch = ''] = fakes
    const listen = await Promise.all([1, 2, 3].map(async () => `127.0.0.1:${await freePort()}`))
    const alertmanagers = await Promise.all(
      listen.map(async (own) => {
        const directory = testDirectory('alertmanager')
        const configFile = alertmanagerFile(directory, { slack, pagerduty, deadMansSwitch }, options)
        const cluster = { listen: own, peers: listen.filter((other) => other !== own) }
        return kept(await startAlertmanager({ directory, configFile, cluster, flags: options.alertmanagerFlags ?? [] }))
      }),
    )
    await settled(alertmanagers)
    const urls = alertmanagers.map(({ url }) => url)
    const prometheis = await Promise.all(
      ['a', 'b'].map(async (replica) => kept(await startOne(replica, urls, options))),
    )
    const requests = async (url: string) => (await (await fetch(`${url}/requests`)).json()) as Received[]
    return { prometheis, alertmanagers, slack: () => requests(slack), pagerduty: () => requests(pagerduty), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function alertmanagerFile(
  directory: string,
  urls: { slack: string; pagerduty: string; deadMansSwitch: string },
  { changeAlertmanager = () => {} }: PairOptions,
): string {
  const secret = (name: string, content: string): string => {
    writeFileSync(join(directory, name), content)
    return join(directory, name)
  }
  const path = writeAlertmanagerFiles(directory, {
    slackUrlFile: secret('slack-url', `${urls.slack}/services/test`),
    pagerdutyKeyFile: secret('pagerduty-key', 'k'.repeat(32)),
    deadMansSwitchUrlFile: secret('switch-url', `${urls.deadMansSwitch}/beat`),
    pagerdutyUrl: `${urls.pagerduty}/v2/enqueue`,
  })
  return changed(path, changeAlertmanager)
}

function changed<Configuration>(path: string, change: (configuration: Configuration) => void): string {
  const configuration: Configuration = parse(readFileSync(path, 'utf8'))
  change(configuration)
  writeFileSync(path, stringify(configuration))
  return path
}

/** Each sees the other two. */
async function settled(alertmanagers: readonly RunningAlertmanager[]): Promise<void> {
  await vi.waitFor(
    async () => {
      for (const { url } of alertmanagers) {
        const status = (await (await fetch(`${url}/api/v2/status`)).json()) as {
          cluster: { status: string; peers: unknown[] }
        }
        expect(status.cluster.status).toBe('ready')
        expect(status.cluster.peers).toHaveLength(alertmanagers.length)
      }
    },
    { timeout: 60_000, interval: 200 },
  )
}

async function startOne(
  replica: string,
  alertmanagers: readonly string[],
  { exporters, changePrometheus = () => {}, prometheusFlags = [] }: PairOptions,
): Promise<PrometheusOfPair> {
  const directory = testDirectory(`prometheus-${replica}`)
  const port = await freePort()
  const targets = {
    ...{ exporter: exporters, auditApi: nobody, platformApi: nobody, alertmanager: alertmanagers },
    prometheus: `http://127.0.0.1:${port}`,
  }
  const configFile = changed(writePrometheusFiles(directory, targets, { replica }), changePrometheus)
  return { ...(await startPrometheus({ directory, configFile, port, flags: prometheusFlags })), directory, replica }
}

/** How many messages each Alertmanager has sent to a receiver of a kind, such as slack. */
export async function sentBy(alertmanagers: readonly RunningAlertmanager[], kind: string): Promise<number[]> {
  return Promise.all(
    alertmanagers.map(async ({ url }) => {
      const page = await (await fetch(`${url}/metrics`)).text()
      const counts = page.matchAll(
        new RegExp(`^alertmanager_notifications_total\\{.*integration="${kind}".*\\} (\\d+)$`, 'gm'),
      )
      return [...counts].reduce((sum, [, count]) => sum + Number(count), 0)
    }),
  )
}
