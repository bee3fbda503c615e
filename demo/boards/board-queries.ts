import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { rateIntervalOf, stepOf } from './grafana-steps.ts'

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
  panels: { title: string; timeFrom?: string; gridPos: { w: number }; targets?: Target[] }[]
  annotations: { list: { name: string; expr: string; step?: string }[] }
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

/** The values of a label that are to be chosen from. */
export interface LabelQuery extends Place {
  metric: string
  label: string
  /** Back from now. */
  seconds: number
}

/** What a board asks the audit API. */
export interface ApiQuery extends Place {
  path: string
  root: string
  selectors: string[]
}

export interface BoardQueries {
  prometheus: PrometheusQuery[]
  labels: LabelQuery[]
  api: ApiQuery[]
}

export interface OpenedBoards {
  now: Date
  /** The time range that is chosen; each board's own unless given. */
  rangeSeconds?: number
  chosen?: Chosen
}

/** Values that somebody chose of variables, by their names. */
export type Chosen = Readonly<Record<string, readonly string[]>>

/** A board that is opened. */
interface Opened {
  board: Board
  now: Date
  seconds: number
  chosen: Chosen
}

const unitSeconds: Record<string, number> = { s: 1, m: 60, h: 3_600, d: 86_400 }

/** @param text a time such as 5m or 30d */
function secondsOf(text: string): number {
  const [, count = '0', unit = 's'] = /^(\d+)([smhd])$/.exec(text) ?? []
  return Number(count) * (unitSeconds[unit] ?? 1)
}

/** Of the screen; Grafana asks for as many points as a panel has pixels. */
const screenPixels = 1_600
const gridColumns = 24
/** Annotations are asked for with as many points at most, however wide the screen is. */
const annotationPoints = 100
/** As provisioning/grafana/ has it. */
const scrapeInterval = 30

/** Every query of the committed boards as Grafana asks it, as they are when a board is opened but for what is chosen. */
export function readBoardQueries({ now, rangeSeconds, chosen = {} }: OpenedBoards): BoardQueries {
  const opened = readdirSync(generated).map((file): Opened => {
    const board: Board = JSON.parse(readFileSync(join(generated, file), 'utf8'))
    return { board, now, chosen, seconds: rangeSeconds ?? secondsOf(board.time.from.replace('now-', '')) }
  })
  return {
    prometheus: opened.flatMap((each) => [...panelQueries(each), ...annotationQueries(each)]),
    labels: opened.flatMap(variableQueries),
    api: opened.flatMap(apiQueries),
  }
}

function panelQueries(opened: Opened): PrometheusQuery[] {
  const { board } = opened
  const chosen = textsOf(opened.chosen, patternOf)
  return board.panels.flatMap(({ title, timeFrom, gridPos, targets = [] }) =>
    targets.flatMap((target) => {
      const seconds = timeFrom === undefined ? opened.seconds : secondsOf(timeFrom)
      if (target.expr === undefined) return []
      const least = secondsOf(withValues(target.interval ?? '', opened, { seconds, chosen }))
      const points = Math.floor((screenPixels * gridPos.w) / gridColumns)
      const steps = { seconds, points, leastStep: least === 0 ? undefined : least, scrapeInterval }
      const stepSeconds = stepOf(steps)
      return [
        {
          ...{ uid: board.uid, panel: title, refId: target.refId },
          expression: withValues(target.expr, opened, {
            ...{ seconds, stepSeconds, chosen },
            rateSeconds: rateIntervalOf(steps),
          }),
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

const textsOf = (chosen: Chosen, write: (values: readonly string[]) => string): Record<string, string> =>
  Object.fromEntries(Object.entries(chosen).map(([name, values]) => [name, write(values)]))

function annotationQueries(opened: Opened): PrometheusQuery[] {
  const { board, seconds } = opened
  return board.annotations.list.map(({ name, expr, step }) => {
    const leastStep = step === undefined ? undefined : secondsOf(step)
    const range = { seconds, stepSeconds: stepOf({ seconds, points: annotationPoints, leastStep, scrapeInterval }) }
    return {
      ...{ uid: board.uid, panel: `annotation ${name}`, refId: 'A' },
      expression: withValues(expr, opened, range),
      range,
    }
  })
}

function variableQueries({ board, seconds }: Opened): LabelQuery[] {
  return board.templating.list.flatMap(({ name, query }) => {
    const text = typeof query === 'object' ? query.query : undefined
    const [, metric, label] = /^label_values\((.+), (\w+)\)$/.exec(text ?? '') ?? []
    if (metric === undefined || label === undefined) return []
    return [{ uid: board.uid, panel: `variable ${name}`, refId: 'A', metric, label, seconds }]
  })
}

function apiQueries(opened: Opened): ApiQuery[] {
  const { board, seconds } = opened
  const chosen = textsOf(opened.chosen, (values) => values.join(','))
  return board.panels.flatMap(({ title, targets = [] }) =>
    targets.flatMap(({ refId, url, url_options, root_selector = '', columns = [] }) => {
      if (url === undefined) return []
      const parameters = (url_options?.params ?? []).map(({ key, value }): [string, string] => [
        key,
        withValues(value, opened, { seconds, chosen }),
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
  stepSeconds?: number
  rateSeconds?: number
  /** What stands for a variable that is not as it is when the board is opened. */
  chosen?: Readonly<Record<string, string>>
}

/** Puts in what Grafana would. */
function withValues(text: string, { board, now }: Opened, at: Values): string {
  const own: Record<string, string> = {
    __rate_interval: `${at.rateSeconds ?? 0}s`,
    __interval: `${at.stepSeconds ?? 0}s`,
    __range: `${at.seconds}s`,
    __from: new Date(now.getTime() - at.seconds * 1_000).toISOString(),
    __to: now.toISOString(),
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
