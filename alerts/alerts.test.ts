import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { panelAddress } from '../dashboards/panel-address.ts'
import { testDirectory } from '../testing/directory.ts'
import { run } from '../testing/programs.ts'
import { runbookOf } from './define.ts'
import { ruleGroups } from './index.ts'

/**
 * Metrics with which an alert fires, and metrics of a good day. A sample every `interval`; `1x12 0x60` is 13 samples of 1,
 * then 61 of 0. A lone 0 is written `0+0x60`, since YAML reads `0x60` as a number.
 */
interface Case {
  /** Time between samples and between evaluations; 5 s where left out. */
  interval?: string
  /** Groups whose rules are there too, beside the alert's own. */
  groups?: string[]
  /** The metrics, as promtool writes series: a value and how it goes on. */
  series: Record<string, string>
  /** The last moment at which it is still silent, and the first at which it must fire; `never` and why. */
  silentAt: string
  firesAt: string
  /** The last moment at which it must still fire, and the first at which it must not. */
  stillAt?: string
  endsAt?: string
  /** Labels of the alert that fires, beside its own. */
  labels?: Record<string, string>
  /** The summary of the page. */
  summary: string
  /** The same metrics as they are when there is nothing to page; or `never` and why. */
  quiet: Record<string, string> | string
}

const generated = resolve(import.meta.dirname, 'generated')
const casesDirectory = resolve(import.meta.dirname, 'tests')
const alerts = ruleGroups.flatMap((group) => group.alerts.map((alert) => ({ group, alert, name: alert.name })))
const cases = new Map<string, Case[]>(
  readdirSync(casesDirectory)
    .filter((file) => file.endsWith('.yml'))
    .flatMap((file) => {
      const known: Record<string, Case | Case[]> = parse(readFileSync(join(casesDirectory, file), 'utf8'))
      return Object.entries(known).map(([name, one]): [string, Case[]] => [name, [one].flat()])
    }),
)

const inputSeries = (series: Record<string, string>) =>
  Object.entries(series).map(([name, values]) => ({ series: name, values }))

interface Rule {
  record?: string
  alert?: string
  expr: string
}

/** An alert as it was generated, with the recordings that it uses and no other rule: days are evaluated by the minute. */
function rulesOf(group: string, alert: string): string {
  const file: { groups: { rules: Rule[] }[] } = parse(readFileSync(join(generated, `${group}.yml`), 'utf8'))
  for (const each of file.groups) {
    const used = each.rules.filter((rule) => rule.alert === alert)
    // What is recorded stands before what uses it.
    for (const rule of each.rules.filter(({ record }) => record !== undefined).toReversed())
      if (used.some(({ expr }) => expr.includes(rule.record ?? ''))) used.unshift(rule)
    each.rules = used
  }
  return stringify(file)
}

test('every alert has a case in which it fires and one in which it is silent, or why not, and no case is left over', () => {
  expect([...cases.keys()].toSorted()).toEqual(alerts.map(({ name }) => name).toSorted())
  for (const [name, list] of cases) {
    expect(list.length, name).toBeGreaterThan(0)
    for (const { series, quiet } of list) {
      expect(Object.keys(series).length, name).toBeGreaterThan(0)
      if (typeof quiet === 'string') expect(quiet, name).toMatch(/^never, .+/)
    }
  }
})

test.each(alerts)('$name fires when it should, not before, and not when all is well', async ({ group, alert }) => {
  const expected = (known: Case) => ({
    exp_labels: { severity: alert.severity, component: alert.component, ...known.labels },
    exp_annotations: {
      summary: known.summary,
      description: alert.description,
      dashboard_url: panelAddress(alert.panel),
      runbook_url: `docs/runbooks/${runbookOf(alert.name)}.md`,
    },
  })
  for (const known of cases.get(alert.name) ?? []) {
    const at = (time: string | undefined, fires: boolean) =>
      time === undefined || time.startsWith('never')
        ? []
        : [{ eval_time: time, alertname: alert.name, exp_alerts: fires ? [expected(known)] : [] }]
    const { interval = '5s', groups = [], series, quiet } = known
    const fires = [
      ...at(known.silentAt, false),
      ...at(known.firesAt, true),
      ...at(known.stillAt, true),
      ...at(known.endsAt, false),
    ]
    const silent = typeof quiet === 'string' ? [] : [{ series: quiet, alert_rule_test: at(known.firesAt, false) }]
    const directory = testDirectory('promtool')
    writeFileSync(join(directory, 'rules.yml'), rulesOf(group.name, alert.name))
    writeFileSync(
      join(directory, 'test.yml'),
      stringify({
        rule_files: ['rules.yml', ...groups.map((name) => join(generated, `${name}.yml`))],
        evaluation_interval: interval,
        tests: [{ series, alert_rule_test: fires }, ...silent].map((one) => ({
          interval,
          input_series: inputSeries(one.series),
          alert_rule_test: one.alert_rule_test,
        })),
      }),
    )
    expect(await run('promtool', ['test', 'rules', 'test.yml'], directory)).toContain('SUCCESS')
  }
})

test('Prometheus takes every file of rules', async () => {
  const files = ruleGroups.map(({ name }) => `${name}.yml`)
  expect(readdirSync(generated).toSorted()).toEqual(files.toSorted())
  const said = await run('promtool', ['check', 'rules', ...files], generated)
  expect(said.match(/SUCCESS/g)).toHaveLength(files.length)
})
