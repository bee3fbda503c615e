import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parser } from '@prometheus-io/lezer-promql'
import { expect, test } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { dependencyAlertNames } from '../catalogue/dependencies.ts'
import { panelAddress } from '../dashboards/panel-address.ts'
import { findingsIn } from '../testing/promql-lint.ts'
import { type Alert, runbookOf } from './define.ts'
import { ruleGroups } from './index.ts'
import { secondsOf } from './words.ts'

/** In the spirit of https://cloudflare.github.io/pint/: what loads can still be wrong. */
const root = resolve(import.meta.dirname, '..')
const alerts = ruleGroups.flatMap((group) => group.alerts.map((alert) => ({ ...alert, group })))
/** Those that alerts use; what boards read is recorded in groups without alerts, and held by their own tests. */
const recordings = ruleGroups
  .filter((group) => group.alerts.length > 0)
  .flatMap((group) => (group.recordings ?? []).map(({ name, recordedBy }) => ({ name, recordedBy, group })))

/** Whether the expression's nodes satisfy a condition somewhere, by Prometheus's own grammar. */
function has(expression: string, condition: (name: string, text: string) => boolean): boolean {
  let found = false
  parser.parse(expression).iterate({
    enter: (node) => {
      if (condition(node.name, expression.slice(node.from, node.to))) found = true
    },
  })
  return found
}

/** The sides of every `or` at the top: each can fire by itself. */
function branches(expression: string): string[] {
  const top = parser.parse(expression).topNode.firstChild
  const split = (node: typeof top): string[] => {
    if (node === null) return []
    const inner = node.name === 'ParenExpr' ? node.firstChild : undefined
    const child = inner?.name === '(' ? inner.nextSibling : inner
    if (child != null) return split(child)
    const isOr = node.name === 'BinaryExpr' && node.getChild('Or') !== null
    if (!isOr) return [expression.slice(node.from, node.to)]
    return [...split(node.firstChild), ...split(node.lastChild)]
  }
  return split(top)
}

test('the lint finds what it is there for', () => {
  expect(findingsIn('sum(platform_nothing)')).toEqual(['platform_nothing is in no catalogue and recorded by no rule'])
  expect(findingsIn('platform_queue_jobs{state="sleeping"}')).toEqual([
    'state of platform_queue_jobs is never sleeping',
  ])
  expect(findingsIn('platform_queue_jobs{tier="pro"}')).toEqual(['platform_queue_jobs has no label tier'])
  expect(findingsIn('sum by (tier) (platform_queue_jobs)')).toEqual(['groups by tier, which nothing has'])
  expect(findingsIn('rate(platform_queue_jobs[5m])')).toEqual(['rates platform_queue_jobs, which is no counter'])
  expect(findingsIn('platform_errors_total > 5')).toEqual(['reads the counter platform_errors_total without a rate'])
  expect(findingsIn('rate(platform_errors_total[15s])')).toHaveLength(1)
  expect(findingsIn('sum by (queue) (platform_queue_jobs')).toHaveLength(1)
})

test.each(alerts)('$name is PromQL over metrics, labels and values that exist', ({ expression }) => {
  expect(findingsIn(expression)).toEqual([])
})

test.each(recordings)('$name is recorded from metrics, labels and values that exist', ({ name, recordedBy }) => {
  expect(findingsIn(recordedBy)).toEqual([])
  expect(name).toMatch(/^[a-z]+(_[a-z]+)*:[a-z_]+:[a-z0-9_]+$/)
})

test('every recording is used, has a name of its own, and stands before what uses it', () => {
  const names = recordings.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  for (const { name, group } of recordings) {
    const texts = [
      ...(group.recordings ?? []).map(({ recordedBy }) => recordedBy),
      ...group.alerts.map(({ expression }) => expression),
    ]
    expect(texts.filter((text) => text.includes(name)).length, name).toBeGreaterThan(0)
    const place = (group.recordings ?? []).findIndex((each) => each.name === name)
    const first = (group.recordings ?? []).findIndex(({ recordedBy }) => recordedBy.includes(name))
    expect(first === -1 || first > place, name).toBe(true)
  }
})

/** What is there at all is the news: it has no limit to compare with. */
const withoutComparison = ['Watchdog', 'OutageEnding']

test.each(alerts)('$name compares, in each of its branches', ({ name, expression }) => {
  if (withoutComparison.includes(name)) return
  for (const branch of branches(expression)) {
    const compares = has(branch, (node) => /^(Gtr|Lss|Gte|Lte|Eql|EqlC|Neq)$/.test(node))
    const isAbsence = has(branch, (node, text) => node === 'Absent' || (node === 'Unless' && text === 'unless'))
    expect(compares || isAbsence, branch).toBe(true)
    // A limit that gives 0 or 1 instead of nothing would always fire.
    expect(
      has(branch, (node) => node === 'BoolModifier'),
      branch,
    ).toBe(false)
  }
})

test.each(alerts)('$name waits before it says that something is absent', ({ expression, for: wait }) => {
  if (has(expression, (node) => node === 'Absent' || node === 'AbsentOverTime')) expect(wait).toBeDefined()
})

test.each(alerts)('$name has no value in a label or where it would make a new alert of the same', (alert) => {
  const { labels } = ruleOf(alert)
  for (const value of Object.values(labels)) expect(value).not.toMatch(/\{\{/)
  // A value in the summary would make every message another one.
  expect(alert.summary).not.toMatch(/\$value|query/)
  expect(alert.description).not.toMatch(/\$value|query|\$labels/)
  expect(alert.summary).not.toMatch(/\.$/)
  expect(alert.description).toMatch(/\.$/)
})

test.each(alerts)('$name uses labels in its summary that its expression has', ({ summary, expression }) => {
  const used = [...summary.matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label)
  // A sum takes all labels but those it is by; what is no sum keeps them.
  const kept = [...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(', '))
  for (const label of used) {
    const selected = findingsIn(`sum by (${label}) (${expression})`)
    expect(selected.length === 0 || kept.includes(label) || ['job', 'instance'].includes(label), label).toBe(true)
  }
})

test.each(alerts)('$name leads to a page and a panel that exist', (alert) => {
  const { annotations } = ruleOf(alert)
  expect(existsSync(resolve(root, annotations.runbook_url ?? ''))).toBe(true)
  expect(annotations.runbook_url).toBe(`docs/runbooks/${runbookOf(alert.name)}.md`)
  expect(annotations.dashboard_url).toBe(panelAddress(alert.panel))
  // A panel that is drawn for each value of a variable has an address for each.
  expect(alert.panel.title).not.toContain('$')
})

test('what is hard down is looked at every 5 s, waits 30 s and is kept for a minute', () => {
  const hardDown = alerts.filter(
    ({ group, severity, for: wait }) => group.interval === '5s' && severity === 'critical' && wait === '30s',
  )
  const expected = [...dependencyAlertNames, 'AuditApiDown', 'ExporterDown', 'ProbeStale', 'QueueWorkersGone']
  expect(hardDown.map(({ name }) => name).toSorted()).toEqual(expected.toSorted())
  for (const { keepFiringFor } of hardDown) expect(keepFiringFor).toBe('1m')
})

test('no critical alert is kept longer than a minute, and none waits longer than its five minutes allow', () => {
  for (const { name, severity, keepFiringFor = '0s', for: wait = '0s', group } of alerts) {
    if (severity !== 'critical') continue
    // Beside it: Alertmanager's minute, an evaluation, a scrape, and the minute that must be good.
    expect(secondsOf(keepFiringFor), name).toBeLessThanOrEqual(60)
    // With the evaluation, a scrape and the group wait.
    expect(secondsOf(wait) + secondsOf(group.interval) + 35, name).toBeLessThan(300)
  }
})

interface Rule {
  alert?: string
  labels: Record<string, string>
  annotations: Record<string, string>
}

/** An alert as it was generated. */
function ruleOf(alert: Alert & { group: { name: string } }): Rule {
  const file = resolve(import.meta.dirname, 'generated', `${alert.group.name}.yml`)
  const { groups }: { groups: { rules: Rule[] }[] } = parseYaml(readFileSync(file, 'utf8'))
  const rule = groups.flatMap(({ rules }) => rules).find((each) => each.alert === alert.name)
  if (rule === undefined) throw new Error(`${alert.name} is not in ${file}`)
  return rule
}
