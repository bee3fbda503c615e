import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { findingsIn } from '../testing/promql-lint.ts'
import { runbookOf } from './define.ts'
import { ruleGroups } from './index.ts'

const root = resolve(import.meta.dirname, '..')
const directory = join(root, 'docs', 'runbooks')
const alerts = ruleGroups.flatMap((group) => group.alerts)
const pages = alerts.map((alert) => {
  const path = join(directory, `${runbookOf(alert.name)}.md`)
  return { alert, name: alert.name, text: existsSync(path) ? readFileSync(path, 'utf8') : '' }
})

/** What stands in the fenced blocks of a language. */
const blocks = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`^ *\`\`\`${language}\n([\\s\\S]*?)\n *\`\`\`$`, 'gm'))].map(([, content = '']) =>
    content.trim(),
  )

test('every page is of an alert', () => {
  expect(readdirSync(directory).toSorted()).toEqual(alerts.map(({ name }) => `${runbookOf(name)}.md`).toSorted())
})

test('docs/alerting.md tells of every alert once, at its severity', () => {
  const table = readFileSync(join(root, 'docs', 'alerting.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| '))
  for (const { alert, name } of pages) {
    const rows = table.filter((row) => new RegExp(`^\\| (critical|warning|none)\\b.*\\b${name}\\b`).test(row))
    expect(rows, name).toHaveLength(1)
    expect(rows[0]?.startsWith(`| ${alert.severity}`), name).toBe(true)
  }
})

test.each(pages)(
  '$name has its page, with what it means, where to look, why, how to fix it and how to silence it',
  ({ name, text }) => {
    expect(text.startsWith(`# ${name}\n`)).toBe(true)
    const parts = text.split(/^## /m).slice(1)
    const headings = parts.map((part) => part.split('\n', 1)[0])
    expect(headings).toEqual(['What it means', 'First look', 'Likely causes', 'How to fix', 'How to silence'])
    for (const part of parts) expect(part.split('\n').slice(1).join('').trim(), part).not.toBe('')
  },
)

test.each(pages)('$name begins with an exact query or command, and its silence is of this alert', ({ alert, text }) => {
  const look = text.split(/^## /m)[2] ?? ''
  expect([...blocks(look, 'promql'), ...blocks(look, 'sh')].length).toBeGreaterThan(0)
  const silences = [...text.matchAll(/amtool silence add .*/g)].map(([line]) => line)
  if (alert.severity === 'none') expect(silences).toEqual([])
  else {
    expect(silences).toHaveLength(1)
    expect(silences[0]).toMatch(new RegExp(` alertname=${alert.name} (\\w+=\\S+ )*environment=production$`))
  }
})

test.each(pages)('$name: every query is PromQL over metrics and labels that exist', ({ text }) => {
  for (const query of blocks(text, 'promql')) expect(findingsIn(query), query).toEqual([])
})

test.each(pages)('$name names only pages, files and alerts that exist', ({ text }) => {
  for (const [path] of text.matchAll(/\b(?:docs|catalogue|alerts)\/[\w./-]+\.(?:md|ts)\b/g))
    expect(existsSync(join(root, path)), path).toBe(true)
})
