import { type LabelQuery, type PrometheusQuery, readBoardQueries } from '../../../demo/boards/board-queries.ts'
import { type Summary, summarise } from '../statistics.ts'

/** A query of a board as it was answered. */
export interface MeasuredQuery {
  uid: string
  /** The panel, variable or annotation, and the query's letter. */
  place: string
  /** How it is asked: at one instant, or over a range with a step; of a variable, for the values of a label. */
  asked: string
  /** Series, or values of a label. */
  results: number
  /** Milliseconds until the last byte. */
  ms: Summary
}

export interface MeasuredBoard {
  uid: string
  queries: readonly MeasuredQuery[]
  /** Of all its queries, one after the other. */
  totalMs: Summary
  /** The first time that they were asked. */
  firstMs: number
}

interface Request {
  uid: string
  place: string
  asked: string
  path: string
  body: URLSearchParams
}

interface MeasureOptions {
  url: string
  now: Date
  rangeSeconds: number
  passes: number
  say: (line: string) => void
}

/** Asks everything that the boards ask when they are opened, one query at a time, again and again. */
export async function measureBoards({ url, now, rangeSeconds, passes, say }: MeasureOptions): Promise<MeasuredBoard[]> {
  const { prometheus, labels } = readBoardQueries({ now, rangeSeconds })
  const requests = [
    ...prometheus.map((query) => requestOf(query, now.getTime() / 1_000)),
    ...labels.map((query) => labelRequestOf(query, now.getTime() / 1_000)),
  ]
  const boards: MeasuredBoard[] = []
  for (const uid of new Set(requests.map((request) => request.uid))) {
    const ofBoard = requests.filter((request) => request.uid === uid)
    const rounds: Answered[][] = []
    for (let pass = 0; pass <= passes; pass++) {
      const answers: Answered[] = []
      for (const request of ofBoard) answers.push(await answer(url, request))
      rounds.push(answers)
    }
    const [first = [], ...warm] = rounds
    const totalMs = summarise(warm.map(total))
    const queries = ofBoard.map(({ place, asked }, index) => ({
      ...{ uid, place, asked, results: first[index]?.results ?? 0 },
      ms: summarise(warm.map((answers) => answers[index]?.ms ?? 0)),
    }))
    say(`${uid}: ${queries.length} queries, ${totalMs.median.toFixed(0)} ms`)
    boards.push({ uid, queries, totalMs, firstMs: total(first) })
  }
  return boards
}

/** Grafana asks for ranges from a multiple of the step to a multiple of it, and for instants at the end of the range. */
function requestOf({ uid, panel, refId, expression, range }: PrometheusQuery, now: number): Request {
  const named = { uid, place: `${panel} ${refId}` }
  if (range === undefined) {
    const body = new URLSearchParams({ query: expression, time: String(now) })
    return { ...named, asked: 'now', path: 'query', body }
  }
  const { seconds, stepSeconds } = range
  const [start, end] = [now - seconds, now].map((at) => String(Math.floor(at / stepSeconds) * stepSeconds))
  const body = new URLSearchParams({ query: expression, start: start ?? '', end: end ?? '', step: String(stepSeconds) })
  return { ...named, asked: `${span(seconds)} by ${span(stepSeconds)}`, path: 'query_range', body }
}

function labelRequestOf({ uid, panel, metric, label, seconds }: LabelQuery, now: number): Request {
  const body = new URLSearchParams({ 'match[]': metric, start: String(now - seconds), end: String(now) })
  return { uid, place: panel, asked: `values in ${span(seconds)}`, path: `label/${label}/values`, body }
}

/** As Grafana writes a stretch of time. */
function span(seconds: number): string {
  const units = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'm'],
    [1, 's'],
  ] as const
  const [unit, name] = units.find(([each]) => seconds % each === 0) ?? [1, 's']
  return `${seconds / unit}${name}`
}

interface Answered {
  ms: number
  results: number
}

const total = (answers: readonly Answered[]): number => answers.reduce((sum, { ms }) => sum + ms, 0)

/** @throws where Prometheus refuses: such a panel shows an error */
async function answer(url: string, { uid, place, path, body }: Request): Promise<Answered> {
  const started = performance.now()
  // Values of a label are asked for by GET alone in all versions.
  const isLabels = path.startsWith('label/')
  const response = await fetch(
    `${url}/api/v1/${path}${isLabels ? `?${body}` : ''}`,
    isLabels ? {} : { method: 'POST', body },
  )
  const text = await response.text()
  const ms = performance.now() - started
  const { status, error, data } = JSON.parse(text) as {
    status: string
    error?: string
    data?: unknown[] | { result: unknown[] }
  }
  if (status !== 'success') throw new Error(`${uid} > ${place}: Prometheus answers ${error}`)
  return { ms, results: (Array.isArray(data) ? data : (data?.result ?? [])).length }
}
