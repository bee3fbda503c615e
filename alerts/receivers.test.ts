import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { testDirectory } from '../testing/directory.ts'
import { run } from '../testing/programs.ts'
import { ruleGroups } from './index.ts'
import { inhibitions } from './inhibitions.ts'

const directory = resolve(import.meta.dirname, '..', 'provisioning', 'alertmanager')
const configuration = join(directory, 'alertmanager.yml')
const alerts = ruleGroups.flatMap((group) => group.alerts)
const names = alerts.map(({ name }) => name)

test('Alertmanager takes the receivers', async () => {
  const text = readFileSync(configuration, 'utf8').replace('/etc/alertmanager', directory)
  const copy = join(testDirectory('amtool'), 'alertmanager.yml')
  writeFileSync(copy, text)
  expect(await run('amtool', ['check-config', copy], directory)).toContain('SUCCESS')
})

test('no secret stands in the configuration, only the file that holds it', () => {
  const text = readFileSync(configuration, 'utf8')
  const files = [...text.matchAll(/^[- ]*(?:\w+_file|url): (?:http:\/\/read-from-file\.invalid)?(\S+)$/gm)]
  expect([...new Set(files.map(([, file]) => file))].filter((file) => !file?.startsWith("'{{"))).toEqual([
    '/run/secrets/dead_mans_switch_url',
    '/run/secrets/slack_url',
    '/run/secrets/pagerduty_key',
  ])
  expect(text).not.toMatch(/(?:api_url|routing_key|service_key|password|token): /)
})

/** Who hears of an alert. */
const receiverOf: Readonly<Record<string, string>> = {
  critical: 'slack-and-pagerduty',
  warning: 'slack',
  none: 'nobody',
}

test.each(alerts)('$name is routed by its severity', async ({ name, severity, component }) => {
  const labels = [`alertname=${name}`, `severity=${severity}`, `component=${component}`, 'environment=production']
  const words = ['config', 'routes', 'test', `--config.file=${configuration}`, ...labels]
  const receiver = (await run('amtool', words, directory)).trim()
  expect(receiver).toBe(name === 'Watchdog' ? 'dead-mans-switch' : receiverOf[severity])
})

test('the table of what follows from what names alerts that exist, and nothing follows from itself', () => {
  for (const { cause, silences } of inhibitions) {
    expect(names).toContain(cause)
    expect(names).toEqual(expect.arrayContaining([...silences]))
    expect(silences).not.toContain(cause)
    expect(new Set(silences).size, cause).toBe(silences.length)
  }
})

test('no two alerts silence each other', () => {
  const silencedBy = new Map(inhibitions.map(({ cause, silences }) => [cause, silences]))
  for (const { cause, silences } of inhibitions)
    for (const name of silences) expect(silencedBy.get(name) ?? [], `${name} and ${cause}`).not.toContain(cause)
})

interface Sent {
  status?: string
  labels?: Record<string, string>
  summaries?: string[]
  resolved?: number
}

/** One template on a notification, by amtool. */
async function rendered(name: string, { status = 'firing', labels = {}, summaries = ['it is bad'] }: Sent = {}) {
  const common = { alertname: 'RedisDown', severity: 'critical', component: 'redis', ...labels }
  const annotations = {
    description: 'A PING has failed.',
    runbook_url: 'docs/runbooks/redis-down.md',
    dashboard_url: '/d/barometer-health?viewPanel=10',
  }
  const data = {
    status,
    alerts: summaries.map((summary) => ({
      status,
      labels: common,
      annotations: { ...annotations, summary },
      startsAt: '2026-01-02T03:04:05+01:00',
    })),
    groupLabels: common,
    commonLabels: common,
    commonAnnotations: annotations,
    externalURL: 'http://alertmanager.test',
  }
  const place = testDirectory('templates')
  writeFileSync(join(place, 'data.json'), JSON.stringify(data))
  const words = [
    ...['template', 'render', `--template.glob=${join(directory, 'barometer.tmpl')}`, '--template.data=data.json'],
    `--template.text={{ template "barometer.${name}" . }}`,
  ]
  return (await run('amtool', words, place)).trim()
}

test('a title says how bad it is, what it is, and of how many', async () => {
  expect(await rendered('title')).toBe('CRITICAL RedisDown: it is bad')
  expect(await rendered('title', { labels: { severity: 'warning' } })).toBe('WARNING RedisDown: it is bad')
  expect(await rendered('title', { status: 'resolved' })).toBe('RESOLVED RedisDown: it is bad')
  expect(await rendered('title', { summaries: ['one', 'two', 'three'] })).toBe('CRITICAL RedisDown: one (and 2 more)')
})

test('a text says what it means, and lists what is more than one', async () => {
  expect(await rendered('text')).toBe('A PING has failed.')
  expect(await rendered('text', { summaries: ['one', 'two'] })).toBe('A PING has failed.\n- one\n- two')
})

test('the colour is the severity, and green when it is over', async () => {
  expect(await rendered('color')).toBe('#ef4444')
  expect(await rendered('color', { labels: { severity: 'warning' } })).toBe('#f59e0b')
  expect(await rendered('color', { status: 'resolved' })).toBe('#22c55e')
})

test('since when is in UTC, and what has no environment says so', async () => {
  expect(await rendered('since')).toBe('2026-01-02 02:04:05 UTC')
  expect(await rendered('environment')).toBe('none')
  expect(await rendered('environment', { labels: { environment: 'production' } })).toBe('production')
  expect(await rendered('pagerduty_severity')).toBe('critical')
})

test('every link is absolute, since receivers take no other, and a silence is of this alert in this environment', async () => {
  for (const link of ['runbook', 'dashboard', 'silence']) {
    const address = await rendered(link)
    expect(URL.canParse(address), `${link}: ${address}`).toBe(true)
  }
  expect(await rendered('dashboard')).toBe('http://localhost:3000/d/barometer-health?viewPanel=10')
  const silence = await rendered('silence', { labels: { environment: 'pro & test' } })
  expect(decodeURIComponent(silence.replaceAll('+', ' '))).toBe(
    'http://alertmanager.test/#/silences/new?filter={alertname="RedisDown",environment="pro & test"}',
  )
})
