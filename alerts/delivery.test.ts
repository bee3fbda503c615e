import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import getPort from 'get-port'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { parse, stringify } from 'yaml'
import { writeAlertmanagerFiles } from '../demo/launcher/monitoring.ts'
import { startScript } from '../demo/launcher/processes.ts'
import { type RunningAlertmanager, startAlertmanager } from '../demo/stack/alertmanager.ts'
import { answers } from '../demo/stack/process.ts'
import { testDirectory } from '../testing/directory.ts'
import type { Alert } from './define.ts'
import { ruleGroups } from './index.ts'
import { inhibitions } from './inhibitions.ts'

/** What a real Alertmanager, with the configuration that everybody gets, sends to receivers that refuse what the real ones would. */
const alerts = new Map(ruleGroups.flatMap((group) => group.alerts.map((alert): [string, Alert] => [alert.name, alert])))
const golden = resolve(import.meta.dirname, 'tests', 'golden')
const stops: (() => Promise<void>)[] = []
let alertmanager: RunningAlertmanager
let urls: Record<'slack' | 'pagerduty' | 'deadMansSwitch', string>

async function startFake(name: string): Promise<string> {
  const port = await getPort({ host: '127.0.0.1' })
  const url = `http://127.0.0.1:${port}`
  const fake = await startScript({
    ...{ name, script: `demo/fakes/${name}.ts`, logs: testDirectory('fakes'), words: ['--port', String(port)] },
    ready: () => answers(`${url}/requests`),
  })
  stops.push(() => fake.stop())
  return url
}

/** The configuration with the fakes' addresses, and secrets in files but those that are left out. */
function configure(leftOut: readonly string[] = []): { directory: string; configFile: string } {
  const directory = testDirectory('alertmanager')
  const secret = (name: string, content: string): string => {
    const path = join(directory, name)
    if (!leftOut.includes(name)) writeFileSync(path, content)
    return path
  }
  const configFile = writeAlertmanagerFiles(directory, {
    slackUrlFile: secret('slack-url', `${urls.slack}/services/test`),
    pagerdutyKeyFile: secret('pagerduty-key', 'k'.repeat(32)),
    // What a shell or a pattern would take for its own.
    deadMansSwitchUrlFile: secret('switch-url', `${urls.deadMansSwitch}/a&b|c$d?e=%20`),
    pagerdutyUrl: `${urls.pagerduty}/v2/enqueue`,
  })
  return { directory, configFile }
}

beforeAll(async () => {
  const [slack, pagerduty, deadMansSwitch] = await Promise.all(
    ['slack', 'pagerduty', 'dead-mans-switch'].map(startFake),
  )
  urls = { slack: slack ?? '', pagerduty: pagerduty ?? '', deadMansSwitch: deadMansSwitch ?? '' }
  const { directory, configFile } = configure()
  // The same but for its patience, which is a minute between the messages of a group.
  const configuration = parse(readFileSync(configFile, 'utf8'))
  Object.assign(configuration.route, { group_wait: '1s', group_interval: '1s' })
  writeFileSync(configFile, stringify(configuration))
  alertmanager = await startAlertmanager({ directory, configFile })
  stops.push(() => alertmanager.stop())
})
afterAll(async () => {
  await Promise.all(stops.map((stop) => stop()))
})

interface Posted {
  name: string
  environment: string
  labels?: Record<string, string>
  summary?: string
  endsAt?: string
}

/** Alerts as Prometheus sends them, with the labels and annotations of their rules. */
async function post(posted: readonly Posted[]): Promise<void> {
  const body = posted.map(({ name, environment, labels = {}, summary, endsAt }) => {
    const alert = alerts.get(name)
    if (alert === undefined) throw new Error(`there is no alert ${name}`)
    return {
      labels: { alertname: name, environment, severity: alert.severity, component: alert.component, ...labels },
      annotations: {
        summary: summary ?? alert.summary,
        description: alert.description,
        runbook_url: 'docs/runbooks/a-page.md',
        dashboard_url: '/d/barometer-health?viewPanel=1',
      },
      // Now: what is older than the group's patience is sent at once, before what silences it may be seen.
      // What is over began before it ended.
      startsAt: new Date(Date.now() - (endsAt === undefined ? 0 : 1_000)).toISOString(),
      ...(endsAt === undefined ? {} : { endsAt }),
    }
  })
  const response = await fetch(`${alertmanager.url}/api/v2/alerts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(response.status, await response.text()).toBe(200)
}

interface Received {
  body: {
    attachments?: { title: string; fields: { title: string; value: string }[] }[]
    payload?: { group: string }
    event_action?: string
    links?: unknown
  }
  problems: string[]
}

async function received(from: string): Promise<Received[]> {
  return (await (await fetch(`${from}/requests`)).json()) as Received[]
}

const environmentOf = ({ body }: Received): string | undefined =>
  body.payload?.group ?? body.attachments?.[0]?.fields.find(({ title }) => title === 'Environment')?.value

/** What arrived of one environment, once there is as much. */
async function arrived(from: string, environment: string, count: number): Promise<Received[]> {
  return vi.waitFor(
    async () => {
      const found = (await received(from)).filter((request) => environmentOf(request) === environment)
      expect(found.length).toBeGreaterThanOrEqual(count)
      return found
    },
    { timeout: 20_000, interval: 200 },
  )
}

/**
 * As it was sent, but for the address that this Alertmanager happens to have, and the time. Newer Alertmanagers write a
 * detail that is a number as a number, older ones as text.
 */
const asGolden = (request: Received | undefined): string =>
  `${JSON.stringify(request?.body, null, 2)
    .replaceAll(/http:\/\/[^/"]+\/#\//g, 'http://alertmanager.example.com/#/')
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/g, '2026-01-02 03:04:05 UTC')
    .replaceAll(/("(?:num_)?(?:firing|resolved)": )(\d+)/g, '$1"$2"')}\n`

test('an outage reaches Slack and PagerDuty, and both hear that it is over', async () => {
  const environment = 'golden'
  const targets = ['db-1:5432', 'db-2:5432'].map((target) => ({
    ...{ name: 'DatabaseDown', environment, labels: { dependency: 'postgres', target } },
    summary: `Postgres ${target} does not answer`,
  }))
  await post(targets)
  const [page] = await arrived(urls.slack, environment, 1)
  const [event] = await arrived(urls.pagerduty, environment, 1)
  await expect(asGolden(page)).toMatchFileSnapshot(join(golden, 'slack-critical.json'))
  await expect(asGolden(event)).toMatchFileSnapshot(join(golden, 'pagerduty-trigger.json'))
  await post(targets.map((target) => ({ ...target, endsAt: new Date().toISOString() })))
  const resolved = (await arrived(urls.slack, environment, 2)).at(-1)
  const end = (await arrived(urls.pagerduty, environment, 2)).at(-1)
  await expect(asGolden(resolved)).toMatchFileSnapshot(join(golden, 'slack-resolved.json'))
  await expect(asGolden(end)).toMatchFileSnapshot(join(golden, 'pagerduty-resolve.json'))
})

test('a warning reaches Slack alone, and the Watchdog its switch', async () => {
  const environment = 'golden-warning'
  await post([
    { name: 'CollectorFailing', environment, labels: { collector: 'users' }, summary: 'The collector users fails' },
    { name: 'Watchdog', environment },
  ])
  const [message] = await arrived(urls.slack, environment, 1)
  await expect(asGolden(message)).toMatchFileSnapshot(join(golden, 'slack-warning.json'))
  await vi.waitFor(async () => expect(await received(urls.deadMansSwitch)).not.toEqual([]), { timeout: 20_000 })
  const events = await received(urls.pagerduty)
  expect(events.filter((event) => environmentOf(event) === environment)).toEqual([])
})

/** Each cause with all that follows from it, in an environment of its own. */
const rows = inhibitions.map(({ cause, silences, silencesTargetsOf = [] }) => {
  const targets = silencesTargetsOf.map((job) => ({ name: 'TargetMissing', labels: { job } }))
  return { cause, consequences: [...silences.map((name) => ({ name })), ...targets] }
})
const titlesIn = (requests: readonly Received[], environment: string): string[] =>
  requests
    .filter((request) => environmentOf(request) === environment)
    .map(({ body }) => /^\w+ (\w+):/.exec(body.attachments?.[0]?.title ?? '')?.[1] ?? '')
    .toSorted()

test('what follows from an outage is silent while it lasts and a while after, and is heard where there is none', async () => {
  for (const { cause, consequences } of rows) {
    const there = (environment: string) => consequences.map((consequence) => ({ ...consequence, environment }))
    await post([{ name: cause, environment: `during ${cause}` }, ...there(`during ${cause}`)])
    await post([{ name: 'OutageEnding', environment: `after ${cause}`, labels: { cause } }, ...there(`after ${cause}`)])
  }
  // Posted after the others, and as patient: when these are there, the others would be.
  const alone = rows.flatMap(({ consequences }) => consequences)
  const environments = alone.map(({ name }, index) => `alone ${name} ${index}`)
  await post(alone.map((consequence, index) => ({ ...consequence, environment: environments[index] ?? '' })))
  const requests = await vi.waitFor(
    async () => {
      const found = await received(urls.slack)
      const heard = new Set(found.map(environmentOf))
      expect(environments.filter((environment) => !heard.has(environment))).toEqual([])
      return found
    },
    { timeout: 30_000, interval: 500 },
  )
  for (const { cause } of rows) {
    expect(titlesIn(requests, `during ${cause}`), cause).toEqual([cause])
    expect(titlesIn(requests, `after ${cause}`), cause).toEqual([])
  }
})

test('a critical alert silences the warnings of its component in its environment, and no others', async () => {
  await post([
    { name: 'SnapshotStale', environment: 'same' },
    { name: 'RollupDrift', environment: 'same' },
    { name: 'GpuMemoryLow', environment: 'same' },
  ])
  await post([{ name: 'RollupDrift', environment: 'another' }])
  await arrived(urls.slack, 'another', 1)
  expect(titlesIn(await arrived(urls.slack, 'same', 2), 'same')).toEqual(['GpuMemoryLow', 'SnapshotStale'])
})

test('the receivers refused nothing, and show what arrived on a page', async () => {
  for (const url of Object.values(urls)) {
    const requests = await received(url)
    expect(requests.length).toBeGreaterThan(0)
    for (const { problems, body } of requests) expect(problems, JSON.stringify(body)).toEqual([])
    expect(await (await fetch(url)).text()).toContain('the newest first')
  }
  const page = await (await fetch(urls.slack)).text()
  expect(page).toContain('CRITICAL DatabaseDown: Postgres db-1:5432 does not answer (and 1 more)')
})

test('the fakes refuse what the real receivers refuse', async () => {
  const send = async (url: string, body: unknown) =>
    (await fetch(url, { method: 'POST', body: JSON.stringify(body) })).status
  const attachment = { fallback: 'a', title: 'a', actions: [{ type: 'button', text: 'Runbook', url: '/relative' }] }
  expect(await send(urls.slack, { attachments: [attachment] })).toBe(400)
  const payload = { summary: 'a', source: 'b', severity: 'fatal' }
  const event = { routing_key: 'k'.repeat(32), event_action: 'trigger', payload }
  expect(await send(urls.pagerduty, event)).toBe(400)
  expect(await send(urls.pagerduty, { ...event, payload: { ...payload, severity: 'error' } })).toBe(202)
  expect(await send(urls.pagerduty, { ...event, event_action: 'resolve', payload: undefined })).toBe(400)
})

test.each(['slack-url', 'pagerduty-key', 'switch-url'])(
  'without %s Alertmanager does not start, and says so',
  async (name) => {
    const { directory, configFile } = configure([name])
    await expect(startAlertmanager({ directory, configFile })).rejects.toThrow(new RegExp(`/${name} is missing`))
  },
)
