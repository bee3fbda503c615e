import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import Table from 'cli-table3'
import { type Fault, faults, pageSecondsMax, resolveSecondsMax } from './faults.ts'
import type { Outcome } from './measure.ts'

/** What is not as promised; nothing where all is well. */
export function findingsOf(outcome: Outcome): string[] {
  const { fault, pageSeconds, resolveSeconds, pages, resolves, others, error } = outcome
  const findings = others.map((line) => `sent what it should not: ${line}`)
  if (error !== undefined) findings.push(error)
  if (fault.kind === 'none') return findings
  const budget = pageSecondsMax[fault.kind]
  if (pageSeconds === undefined) findings.push('no page')
  else if (pageSeconds > budget) findings.push(`paged after ${pageSeconds.toFixed(0)} s; expected ${budget} s`)
  if (pages > 1) findings.push(`paged ${pages} times`)
  if (pageSeconds === undefined) return findings
  if (resolveSeconds === undefined) findings.push('never resolved')
  else if (resolveSeconds > resolveSecondsMax)
    findings.push(`resolved after ${resolveSeconds.toFixed(0)} s; expected ${resolveSecondsMax} s`)
  if (resolves > 1) findings.push(`resolved ${resolves} times`)
  return findings
}

const tenths = (seconds: number | undefined): string => (seconds === undefined ? '' : seconds.toFixed(1))

/** The table that is printed. */
export function asTable(outcomes: readonly Outcome[]): string {
  const table = new Table({
    head: ['Fault', 'Pages', 'Page s', 'Within s', 'Resolved s', 'Held back', 'Found'],
    style: { head: [], border: [] },
    wordWrap: true,
    colWidths: [36, 20, 8, 10, 12, 34, 44],
  })
  for (const outcome of outcomes) {
    const { fault, pageSeconds, resolveSeconds, heldBack } = outcome
    table.push([
      fault.title,
      fault.alert ?? 'nobody',
      tenths(pageSeconds),
      fault.kind === 'none' ? '' : String(pageSecondsMax[fault.kind]),
      tenths(resolveSeconds),
      heldBack.join(' '),
      findingsOf(outcome).join('; ') || 'good',
    ])
  }
  return table.toString()
}

/** A file of figures by their keys; what other runs wrote of other faults stays. */
export function writeFigures(file: string, outcomes: readonly Outcome[]): void {
  const before: Record<string, number> = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
  const figures = outcomes.flatMap(({ fault, pageSeconds, resolveSeconds, pages, others }) => {
    const key = `drill.${fault.key}`
    return [
      ...(pageSeconds === undefined ? [] : [[`${key}.pageSeconds`, pageSeconds]]),
      ...(resolveSeconds === undefined ? [] : [[`${key}.resolveSeconds`, resolveSeconds]]),
      [`${key}.pages`, pages],
      [`${key}.others`, others.length],
    ] as [string, number][]
  })
  for (const { fault } of outcomes)
    for (const name of Object.keys(before)) if (name.startsWith(`drill.${fault.key}.`)) delete before[name]
  writeFileSync(file, `${JSON.stringify({ ...before, ...Object.fromEntries(figures) }, null, 2)}\n`)
}

const begin = '<!-- drill: written by npm run drill -- --write-table -->'
const end = '<!-- /drill -->'

/** Puts what a file of figures has into the page's table. */
export function writePageTable(page: string, figuresFile: string, now: Date): void {
  const figures: Record<string, number> = JSON.parse(readFileSync(figuresFile, 'utf8'))
  const text = readFileSync(page, 'utf8')
  const [before, rest = ''] = text.split(begin)
  const after = rest.split(end)[1]
  if (after === undefined) throw new Error(`${page} has no place for the table; expected ${begin} and ${end}`)
  const memoryGb = Math.round(totalmem() / 1_073_741_824)
  const conditions = `Measured on ${now.toISOString().slice(0, 10)}: ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), ${memoryGb} GB of memory, Node ${process.versions.node}.`
  const rows = faults.flatMap((fault) => rowOf(fault, figures))
  const head = [
    '| Fault | Pages | Page s | Within s | Resolved s | Pages sent | Others sent |',
    '|---|---|--:|--:|--:|--:|--:|',
  ]
  writeFileSync(page, [before?.trimEnd(), '', begin, '', conditions, '', ...head, ...rows, '', end].join('\n') + after)
}

function rowOf(fault: Fault, figures: Readonly<Record<string, number>>): string[] {
  const of = (name: string) => figures[`drill.${fault.key}.${name}`]
  if (of('pages') === undefined) return []
  const cells = [
    fault.title,
    fault.alert ?? 'nobody',
    tenths(of('pageSeconds')),
    fault.kind === 'none' ? '' : String(pageSecondsMax[fault.kind]),
    tenths(of('resolveSeconds')),
    String(of('pages')),
    String(of('others')),
  ]
  return [`| ${cells.join(' | ')} |`]
}
