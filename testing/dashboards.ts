import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { parser } from '@prometheus-io/lezer-promql'
import { dashboards } from '../dashboards/index.ts'

export interface Target {
  refId?: string
  datasource?: { type?: string; uid?: string }
  expr?: string
  interval?: string
  instant?: boolean
  range?: boolean
  /** Of the audit API. */
  url?: string
  root_selector?: string
  columns?: { selector: string; text: string; type: string }[]
  url_options?: { params: { key: string; value: string }[] }
}

export interface BuiltPanel extends Omit<Panel, 'targets'> {
  targets?: Target[]
  /** The title of the row it stands in. */
  row: string
}

/** Every board as built, its panels with the row they stand in, and its rows left out. */
export const boards = dashboards.map(({ uid, build }) => {
  const board = build()
  const all = (board.panels ?? []) as Panel[]
  let row = ''
  const panels = all.flatMap((panel): BuiltPanel[] => {
    if (panel.type === 'row') row = panel.title ?? ''
    return panel.type === 'row' ? [] : [{ ...panel, targets: (panel.targets ?? []) as Target[], row }]
  })
  return { uid, board, all, panels, variables: board.templating?.list ?? [] }
})

/** Every query of Prometheus on every board, with where it stands. */
export const queries = boards.flatMap(({ uid, board, panels }) => [
  ...panels.flatMap((panel) =>
    (panel.targets ?? []).flatMap((target) =>
      target.expr === undefined
        ? []
        : [{ where: `${uid} > ${panel.title} ${target.refId}`, expression: target.expr, target, panel, uid }],
    ),
  ),
  ...(board.annotations?.list ?? []).map(({ name, expr = '' }) => ({
    where: `${uid} > annotation ${name}`,
    expression: expr,
    target: { instant: false } as Target,
    panel: undefined,
    uid,
  })),
])

/** Grafana puts a value in the place of each variable before Prometheus sees it. */
export function withValues(expression: string): string {
  return expression
    .replace(/\$(?:__rate_interval|__interval|__range|period)/g, '1h')
    .replace(/\$\{?\w+(?::\w+)?\}?/g, '.*')
}

export interface Selector {
  metric: string
  /** Its matchers, as they were written. */
  matchers: { label: string; value: string }[]
  /** The functions and aggregations around it, the innermost first. */
  within: string[]
  /** With its range, its offset and the instant it is read at. */
  text: string
}

export interface ParsedQuery {
  error: string | undefined
  selectors: Selector[]
  /** Labels by which it aggregates. */
  grouping: string[]
}

/** What the parser of Prometheus's own editor finds in an expression. */
export function parse(expression: string): ParsedQuery {
  const text = withValues(expression)
  const found: ParsedQuery = { error: undefined, selectors: [], grouping: [] }
  parser.parse(text).iterate({
    enter: (node) => {
      const here = text.slice(node.from, node.to)
      if (node.type.isError) found.error ??= text.slice(node.from, node.from + 40)
      if (node.name === 'GroupingLabels' && !/\b(on|ignoring)\s*$/.test(text.slice(0, node.from))) {
        found.grouping.push(...[...here.matchAll(/[A-Za-z_]\w*/g)].map(([label]) => label))
      }
      if (node.name !== 'VectorSelector') return
      const within: string[] = []
      for (let parent = node.node.parent; parent !== null; parent = parent.parent) {
        if (parent.name === 'FunctionCall' || parent.name === 'AggregateExpr') {
          within.push(/^\w+/.exec(text.slice(parent.from))?.[0] ?? '')
        }
      }
      const matchers = [...here.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"/g)].map(
        ([, label = '', value = '']) => ({ label, value }),
      )
      const modified = /^(?:\[[^\]]*\])?(?:\s*@\s*(?:end|start)\(\))?(?:\s*offset\s+\S+)?/.exec(
        text.slice(node.to),
      )?.[0]
      found.selectors.push({ metric: /^[\w:]*/.exec(here)?.[0] ?? '', matchers, within, text: here + modified })
    },
  })
  return found
}

export interface Schema {
  type?: string
  properties?: Record<string, Schema>
  items?: Schema
  anyOf?: Schema[]
}

interface Operation {
  parameters?: { name: string; in: string }[]
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>
}

/** What the audit API says of itself, as far as boards ask. */
export interface OpenApi {
  paths: Record<string, { get?: Operation }>
}

/** What answers a GET of a path. */
export function operationOf({ paths }: OpenApi, path: string): Operation | undefined {
  return Object.entries(paths).find(([known]) =>
    new RegExp(`^${known.replace(/\{[^}]*\}/g, '[^/]+')}$`).test(path),
  )?.[1].get
}
