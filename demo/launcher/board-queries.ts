import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const generated = resolve(import.meta.dirname, '..', '..', 'dashboards', 'generated')

interface Target {
  refId: string
  expr?: string
  instant?: boolean
  interval?: string
  url?: string
  root_selector?: string
  columns?: { selector: string; text: string }[]
  url_options?: { params: { key: string; value: string }[] }
}

interface Variable {
  name: string
  type: string
  query?: string | { query?: string }
  allValue?: string
  current?: { value?: string | string[] }
}

interface Board {
  uid: string
  title: string
  time: { from: string }
  panels: { title: string; timeFrom?: string; targets?: Target[] }[]
  annotations: { list: { name: string; expr: string }[] }
  templating: { list: Variable[] }
}

interface Place {
  uid: string
  /** The panel, variable or annotation that asks. */
  panel: string
  refId: string
}

/** What a board asks Prometheus when it is opened, every variable at its default. */
export interface PrometheusQuery extends Place {
  expression: string
  /** Seconds back from now, and seconds between two points; an instant has neither. */
  range: { seconds: number; stepSeconds: number } | undefined
}

/** What a board asks the audit API. */
export interface ApiQuery extends Place {
  path: string
  root: string
  selectors: string[]
}

export interface BoardQueries {
  prometheus: PrometheusQuery[]
  labels: (Place & { metric: string; label: string })[]
  api: ApiQuery[]
}

const unitSeconds: Record<string, number> = { s: 1, m: 60, h: 3_600, d: 86_400 }

/** @param text a time such as 5m or 30d */
function secondsOf(text: string): number {
  const [, count = '0', unit = 's'] = /^(\d+)([smhd])$/.exec(text) ?? []
  return Number(count) * (unitSeconds[unit] ?? 1)
}

/** Grafana asks for about as many points as a panel has pixels. */
const pointsMax = 1_000

/** Values that somebody chose of variables, by their names. */
export type Chosen = Readonly<Record<string, readonly string[]>>

/**
 * Every query of the committed boards, as they are when a board is opened, but for what is chosen.
 * @param from the beginning of the time range, such as now-90d; each board's own unless given
 */
export function readBoardQueries(now: Date, chosen: Chosen = {}, from?: string): BoardQueries {
  const committed = readdirSync(generated).map((file): Board => JSON.parse(readFileSync(join(generated, file), 'utf8')))
  const boards = from === undefined ? committed : committed.map((board) => ({ ...board, time: { from } }))
  return {
    prometheus: boards.flatMap((board) => [...panelQueries(board, now, chosen), ...annotationQueries(board, now)]),
    labels: boards.flatMap(variableQueries),
    api: boards.flatMap((board) => apiQueries(board, now, chosen)),
  }
}

function panelQueries(board: Board, now: Date, chosen: Chosen): PrometheusQuery[] {
  const patterns = Object.fromEntries(Object.entries(chosen).map(([name, values]) => [name, patternOf(values)]))
  return board.panels.flatMap(({ title, timeFrom, targets = [] }) =>
    targets.flatMap((target) => {
      const seconds = secondsOf(timeFrom ?? board.time.from.replace('now-', ''))
      if (target.expr === undefined) return []
      const interval = secondsOf(
        withValues(target.interval ?? '', board, { seconds, stepSeconds: 0, now, chosen: patterns }),
      )
      const stepSeconds = Math.max(interval, Math.ceil(seconds / pointsMax))
      return [
        {
          ...{ uid: board.uid, panel: title, refId: target.refId },
          expression: withValues(target.expr, board, { seconds, stepSeconds, now, chosen: patterns }),
          range: target.instant ? undefined : { seconds, stepSeconds },
        },
      ]
    }),
  )
}

/** As Grafana writes several values into a pattern within a text of PromQL. */
function patternOf(values: readonly string[]): string {
  const escaped = values.map((value) => value.replaceAll('\\', '\\\\\\\\').replace(/[$^*{}[\]'+?.()|]/g, '\\\\$&'))
  return escaped.length === 1 ? (escaped[0] ?? '') : `(${escaped.join('|')})`
}

function annotationQueries(board: Board, now: Date): PrometheusQuery[] {
  const range = { seconds: 3_600, stepSeconds: 300 }
  return board.annotations.list.map(({ name, expr }) => ({
    ...{ uid: board.uid, panel: `annotation ${name}`, refId: 'A' },
    expression: withValues(expr, board, { ...range, now }),
    range,
  }))
}

function variableQueries(board: Board): BoardQueries['labels'] {
  return board.templating.list.flatMap(({ name, query }) => {
    const text = typeof query === 'object' ? query.query : undefined
    const [, metric, label] = /^label_values\((.+), (\w+)\)$/.exec(text ?? '') ?? []
    if (metric === undefined || label === undefined) return []
    return [{ uid: board.uid, panel: `variable ${name}`, refId: 'A', metric, label }]
  })
}

function apiQueries(board: Board, now: Date, chosen: Chosen): ApiQuery[] {
  const lists = Object.fromEntries(Object.entries(chosen).map(([name, values]) => [name, values.join(',')]))
  const seconds = secondsOf(board.time.from.replace('now-', ''))
  return board.panels.flatMap(({ title, targets = [] }) =>
    targets.flatMap(({ refId, url, url_options, root_selector = '', columns = [] }) => {
      if (url === undefined) return []
      const parameters = (url_options?.params ?? []).map(({ key, value }): [string, string] => [
        key,
        withValues(value, board, { seconds, stepSeconds: 0, now, chosen: lists }),
      ])
      return [
        {
          ...{ uid: board.uid, panel: title, refId, root: root_selector },
          path: `${url}?${new URLSearchParams(parameters)}`,
          selectors: columns.map(({ selector }) => selector),
        },
      ]
    }),
  )
}

interface Values {
  seconds: number
  stepSeconds: number
  now: Date
  /** What stands for a variable that is not as it is when the board is opened. */
  chosen?: Readonly<Record<string, string>>
}

/** Puts in what Grafana would. */
function withValues(text: string, board: Board, at: Values): string {
  const own: Record<string, string> = {
    // What is scraped every 30 s is rated over four scrapes at least.
    __rate_interval: '2m',
    __interval: `${at.stepSeconds}s`,
    __range: `${at.seconds}s`,
    __from: new Date(at.now.getTime() - at.seconds * 1_000).toISOString(),
    __to: at.now.toISOString(),
  }
  return text.replace(/\$(?:\{(\w+)(?::[^}]*)?\}|(\w+))/g, (whole, braced?: string, bare?: string) => {
    const name = braced ?? bare ?? ''
    return (
      own[name] ??
      at.chosen?.[name] ??
      defaultOf(board.templating.list.find((variable) => variable.name === name)) ??
      whole
    )
  })
}

function defaultOf(variable: Variable | undefined): string | undefined {
  if (variable === undefined) return undefined
  const value = variable.current?.value
  if (variable.type === 'query') return variable.allValue
  return typeof value === 'string' ? value : ''
}
