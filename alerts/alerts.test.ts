import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { findProgram, type ProgramName } from '../demo/stack/debian-packages.ts'
import { testDirectory } from '../testing/database.ts'
import { runbookOf } from './define.ts'
import { ruleGroups } from './index.ts'
import { renderReceivers } from './receivers.ts'

interface Case {
  /** Time between samples and between evaluations; 5 s where left out. */
  interval?: string
  /** The metrics, as promtool writes series: a value and how it goes on, a sample every `interval`. */
  series: Record<string, string>
  /** The last moment at which it is still silent, and the first at which it must fire. */
  silentAt: string
  firesAt: string
  /** Labels of the alert that fires, beside its own. */
  labels?: Record<string, string>
  /** The summary of the page. */
  summary: string
  /** The same metrics as they are when there is nothing to page. */
  quiet: Record<string, string>
}

const cases: Record<string, Case> = parse(readFileSync(resolve(import.meta.dirname, 'tests', 'cases.yml'), 'utf8'))
const generated = resolve(import.meta.dirname, 'generated')
const alerts = ruleGroups.flatMap((group) => group.alerts.map((alert) => ({ group, alert })))

async function run(program: ProgramName, words: readonly string[], cwd: string): Promise<string> {
  const { path, environment } = await findProgram(program)
  const { stdout } = await promisify(execFile)(path, words, { cwd, env: { ...process.env, ...environment } })
  return stdout
}

const inputSeries = (series: Record<string, string>) =>
  Object.entries(series).map(([name, values]) => ({ series: name, values }))

test.each(alerts)(
  '$alert.name fires when it should, not before, and not when all is well',
  async ({ group, alert }) => {
    const known = cases[alert.name]
    if (known === undefined) throw new Error(`${alert.name} has no case in alerts/tests/cases.yml`)
    const expected = {
      exp_labels: { severity: alert.severity, component: alert.component, ...known.labels },
      exp_annotations: {
        summary: known.summary,
        description: alert.description,
        dashboard_url: '/d/barometer-home',
        runbook_url: `docs/runbooks/${runbookOf(alert.name)}.md`,
      },
    }
    const at = (time: string, fires: boolean) => ({
      eval_time: time,
      alertname: alert.name,
      exp_alerts: fires ? [expected] : [],
    })
    const { interval = '5s' } = known
    const directory = testDirectory('promtool')
    writeFileSync(
      join(directory, 'test.yml'),
      stringify({
        rule_files: [join(generated, `${group.name}.yml`)],
        evaluation_interval: interval,
        tests: [
          {
            interval,
            input_series: inputSeries(known.series),
            alert_rule_test: [
              ...(known.silentAt === 'never' ? [] : [at(known.silentAt, false)]),
              at(known.firesAt, true),
            ],
          },
          ...(known.silentAt === 'never'
            ? []
            : [{ interval, input_series: inputSeries(known.quiet), alert_rule_test: [at(known.firesAt, false)] }]),
        ],
      }),
    )
    expect(await run('promtool', ['test', 'rules', 'test.yml'], directory)).toContain('SUCCESS')
  },
)

test('every alert has its page, with what it means, where to look, why, how to mend it and how to silence it', () => {
  for (const { alert } of alerts) {
    const page = readFileSync(
      resolve(import.meta.dirname, '..', 'docs', 'runbooks', `${runbookOf(alert.name)}.md`),
      'utf8',
    )
    const headings = [...page.matchAll(/^## (.+)$/gm)].map((match) => match[1])
    expect(headings, alert.name).toEqual([
      'What it means',
      'First look',
      'Likely causes',
      'How to fix',
      'How to silence',
    ])
    expect(page.startsWith(`# ${alert.name}\n`)).toBe(true)
  }
})

test('Alertmanager takes the receivers', async () => {
  const directory = testDirectory('amtool')
  mkdirSync(directory, { recursive: true })
  const template = resolve(import.meta.dirname, '..', 'provisioning', 'alertmanager', 'barometer.tmpl')
  const files = { slackUrlFile: 'slack', pagerdutyKeyFile: 'pagerduty', templateFile: template }
  writeFileSync(join(directory, 'alertmanager.yml'), renderReceivers(files))
  expect(await run('amtool', ['check-config', 'alertmanager.yml'], directory)).toContain('SUCCESS')
})

test('an outage is routed to both receivers, a warning to Slack alone, the watchdog to nobody', async () => {
  const configuration = resolve(import.meta.dirname, '..', 'provisioning', 'alertmanager', 'alertmanager.yml')
  const route = async (...labels: string[]) =>
    (await run('amtool', ['config', 'routes', 'test', `--config.file=${configuration}`, ...labels], generated)).trim()
  expect(await route('alertname=RedisDown', 'severity=critical')).toBe('slack-and-pagerduty')
  expect(await route('alertname=CollectorFailing', 'severity=warning')).toBe('slack')
  expect(await route('alertname=Watchdog', 'severity=none')).toBe('nobody')
})

test('every link of a page is absolute, since receivers take no other', async () => {
  const labels = { alertname: 'RedisDown', severity: 'critical', component: 'redis' }
  const annotations = { runbook_url: 'docs/runbooks/redis-down.md', dashboard_url: '/d/barometer-home' }
  const data = {
    status: 'firing',
    alerts: [{ status: 'firing', labels, annotations }],
    groupLabels: labels,
    commonLabels: labels,
    commonAnnotations: annotations,
    externalURL: 'http://alertmanager.test',
  }
  const directory = testDirectory('templates')
  writeFileSync(join(directory, 'data.json'), JSON.stringify(data))
  const templates = resolve(import.meta.dirname, '..', 'provisioning', 'alertmanager', 'barometer.tmpl')
  for (const link of ['runbook', 'dashboard', 'silence']) {
    const rendered = await run(
      'amtool',
      [
        'template',
        'render',
        `--template.glob=${templates}`,
        '--template.data=data.json',
        `--template.text={{ template "barometer.${link}" . }}`,
      ],
      directory,
    )
    expect(URL.canParse(rendered.trim()), `${link}: ${rendered}`).toBe(true)
  }
})
