import CliTable from 'cli-table3'
import type { CheckReport, ServiceReport, ViewReport } from './report.ts'

/** The report as tables for a terminal, then what to do, a line each. */
export function renderCheck(report: CheckReport): string {
  const { database, views, services } = report
  const parts = [
    `${database.service} ${database.target}: ${database.detail}`,
    ...(views.length === 0 ? [] : [viewTable(views)]),
    ...(report.refreshCost === null
      ? []
      : [`Estimated cost of one refresh: ${shown(report.refreshCost)} (the planner's units)`]),
    ...toDo(views),
    serviceTable(services),
    report.good ? verdict(report) : 'Something is broken: see above.',
  ]
  // The tables fill their last column with blanks.
  return `${parts.join('\n').replaceAll(/ +$/gm, '')}\n`
}

function verdict({ database, views, services }: CheckReport): string {
  const warnings = [database, ...views, ...services].filter(({ status }) => status === 'warning').length
  return warnings === 0 ? 'All good.' : `Works, with ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}: see above.`
}

function viewTable(views: readonly ViewReport[]): string {
  const table = newTable(['view', 'status', 'rows (estimated)', 'newest row', 'indexed', 'cost of changes'])
  for (const view of views) {
    table.push([
      view.view,
      view.status,
      shown(view.rowsEstimated),
      view.newestRow?.slice(0, 19).replace('T', ' ') ?? '–',
      indexed(view),
      shown(view.changesCost),
    ])
  }
  return table.toString()
}

function indexed({ indexes }: ViewReport): string {
  if (indexes.length === 0) return '–'
  const missing = indexes.filter((finding) => !finding.indexed).map(({ columns }) => columns.join('+'))
  return missing.length === 0 ? 'all' : `not ${missing.join(', ')}`
}

function toDo(views: readonly ViewReport[]): string[] {
  const lines = views.flatMap(({ view, status, problems, stops, indexes }) => [
    ...problems.map((problem) => `${status}: ${problem}`),
    ...(stops.length === 0 ? [] : [`  ${view}: these collectors are off: ${stops.join(', ')}`]),
    ...indexes.flatMap(({ note }) => (note === undefined ? [] : [`warning: ${view}: ${note}`])),
  ])
  const statements = [...new Set(views.flatMap(({ indexes }) => indexes.flatMap(({ create }) => create)))]
  // An index on more columns serves for the first of them.
  const needed = statements.filter(
    (statement) => !statements.some((other) => other.startsWith(`${statement.slice(0, -2)}, `)),
  )
  if (needed.length === 0) return lines
  return [...lines, 'Indexes to add, or a refresh reads whole tables:', ...needed.map((statement) => `  ${statement}`)]
}

function serviceTable(services: readonly ServiceReport[]): string {
  const table = newTable(['service', 'target', 'status', 'detail'])
  for (const { service, target, status, detail } of services) table.push([service, target, status, detail])
  return table.toString()
}

/** Without colours and with few lines, so that it can be pasted into a ticket. */
function newTable(head: string[]): CliTable.Table {
  const bare = ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right']
  const inner = ['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid']
  const chars = Object.fromEntries([...bare, ...inner].map((name) => [name, '']))
  return new CliTable({
    head,
    chars: { ...chars, middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  })
}

const shown = (value: number | null): string => (value === null ? '–' : value.toLocaleString('en-US'))
