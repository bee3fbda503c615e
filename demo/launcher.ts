import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { messageOf, UserError } from '../lib/user-error.ts'
import { type Barometer, preparePrograms, startBarometer } from './launcher/barometer.ts'
import { checkDemo } from './launcher/check.ts'
import { checkGrafana, findChromium } from './launcher/check-grafana.ts'
import { type RunningGrafana, startGrafana } from './launcher/grafana.ts'
import { loadHistory } from './launcher/history.ts'
import { startPlatform } from './launcher/platform.ts'
import { startScript } from './launcher/processes.ts'
import { createProgress, type Progress } from './launcher/progress.ts'
import { type RunDirectory, takeRunDirectory } from './launcher/run-directory.ts'
import { createStack, type Stack } from './launcher/stack.ts'
import { runCommand } from './run-command.ts'

const help = `Usage: npm run demo -- [--keep] [--check] [--check-grafana [--screenshots PATH]] [--directory PATH]

Starts a platform and Barometer over it on 127.0.0.1, and prints the overview and the addresses.
  --keep   keep the data for the next time
  --check  once all is up, assert that every target is up and every query has data; stop; exit 0 or 1
  --check-grafana  once all is up, open every board in a browser and assert that it is whole; stop; exit 0 or 1
  --screenshots PATH  where pictures of the boards go meanwhile
  --directory PATH  where its data goes; .barometer/demo unless given, one demo at a time in each
Ctrl-C stops everything.`

interface Flags {
  keep: boolean
  check: boolean
  checkGrafana: boolean
  screenshots: string | undefined
  directory: string | undefined
}

function readFlags(): Flags | undefined {
  try {
    const options = {
      keep: { type: 'boolean' },
      check: { type: 'boolean' },
      'check-grafana': { type: 'boolean' },
      screenshots: { type: 'string' },
      directory: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    } as const
    const { values } = parseArgs({ options })
    if (values.help) return undefined
    return {
      keep: values.keep ?? false,
      check: values.check ?? false,
      checkGrafana: values['check-grafana'] ?? false,
      screenshots: values.screenshots,
      directory: values.directory,
    }
  } catch (error) {
    throw new UserError(
      `${messageOf(error)}; expected --keep, --check, --check-grafana, --screenshots PATH, --directory PATH or nothing`,
    )
  }
}

async function start(flags: Flags, directory: RunDirectory, stack: Stack, progress: Progress): Promise<boolean> {
  progress.step(`starting in ${directory.path}`)
  const [platform] = await Promise.all([startPlatform(directory, stack, progress), preparePrograms(progress)])
  const logs = directory.folder('logs')
  await stack.add(
    startScript({
      ...{ name: 'simulator', script: 'demo/simulator/main.ts', logs },
      environment: { DATABASE_URL: platform.ownerUrl, API_URL: platform.apiUrl },
      ready: async () => true,
    }),
  )
  const barometer = await startBarometer({ directory, stack, progress, platform })
  const { prometheusUrl, auditApiUrl } = barometer
  const [grafana] = await Promise.all([
    startGrafana({ directory, stack, prometheusUrl, auditApiUrl }),
    untilScraped(barometer),
  ])
  const environment = { PROMETHEUS_URL: barometer.prometheusUrl }
  process.stdout.write(`\n${await runCommand(['overview'], environment, logs)}\n`)
  printAddresses(barometer, platform.apiUrl, grafana)
  process.stdout.write(
    `to see a page: kill -9 ${platform.redis.program().pid} ends Redis; Slack and PagerDuty hear of it within a minute\n`,
  )
  process.stdout.write(`ready in ${progress.seconds().toFixed(0)} s\n`)
  const history = loadHistory({ directory, stack, progress, platform, barometer })
  if (flags.checkGrafana) return (await history) && (await checkBoards(grafana, flags.screenshots))
  return flags.check ? (await history) && (await checkDemo(barometer)) : true
}

/** Until Prometheus has seen the exporter's figures and probes; a first scrape can be 30 s away. */
async function untilScraped({ prometheusUrl }: Barometer): Promise<void> {
  const deadlineMs = performance.now() + 45_000
  while (performance.now() < deadlineMs) {
    const response = await fetch(`${prometheusUrl}/api/v1/targets?state=active`)
    const { data } = (await response.json()) as { data: { activeTargets: { health: string }[] } }
    if (data.activeTargets.length >= 6 && data.activeTargets.every((target) => target.health === 'up')) return
    await sleep(250)
  }
}

function printAddresses(barometer: Barometer, apiUrl: string, grafana: RunningGrafana | undefined): void {
  const rows = [
    ['Grafana', grafanaLine(grafana)],
    ['Prometheus', barometer.prometheusUrl],
    ['Alertmanager', barometer.alertmanagerUrl],
    ['exporter', `${barometer.exporterUrl}/metrics`],
    ['audit API', `${barometer.auditApiUrl}/docs`],
    ['platform API', apiUrl],
    ['fake Slack', barometer.slackUrl],
    ['fake PagerDuty', barometer.pagerdutyUrl],
    ['fake switch', barometer.deadMansSwitchUrl],
  ]
  for (const [name = '', address] of rows) process.stdout.write(`${name.padEnd(15)} ${address}\n`)
}

const grafanaLine = (grafana: RunningGrafana | undefined): string =>
  grafana === undefined
    ? 'not on PATH; install Grafana 10.4 or later, or use docker compose up'
    : `${grafana.url} (admin, password in ${grafana.passwordFile})`

/** With a browser, where there are both. */
async function checkBoards(grafana: RunningGrafana | undefined, screenshots: string | undefined): Promise<boolean> {
  const browser = findChromium()
  if (grafana !== undefined && browser !== undefined) return await checkGrafana(grafana, browser, screenshots)
  const missing = grafana === undefined ? 'grafana' : 'chromium'
  process.stdout.write(`Grafana check: skipped, since there is no ${missing} on PATH\n`)
  return true
}

async function main(): Promise<number> {
  const flags = readFlags()
  if (flags === undefined) {
    process.stdout.write(`${help}\n`)
    return 0
  }
  const progress = createProgress(() => performance.now())
  const directory = takeRunDirectory({ keep: flags.keep, path: flags.directory })
  const stack = createStack()
  const asked = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM'), once(process, 'SIGHUP')])
  try {
    const good = await Promise.race([start(flags, directory, stack, progress), asked.then(() => true)])
    if (flags.check || flags.checkGrafana) return good ? 0 : 1
    if (good) process.stdout.write('Ctrl-C stops everything.\n')
    await asked
    return 0
  } finally {
    progress.step('stopping')
    await stack.stop()
    directory.release({ keep: flags.keep })
    progress.step('stopped')
  }
}

try {
  process.exit(await main())
} catch (error) {
  process.stderr.write(`demo: ${messageOf(error)}\n`)
  process.exit(error instanceof UserError ? error.exitCode : 1)
}
