import type { Label, Metric } from '../../catalogue/define.ts'
import type { PoolClient } from '../../lib/postgres.ts'
import type { Inputs } from '../store/figure.ts'
import { bind } from '../store/run-figure.ts'
import type { Hours } from './hours.ts'
import { type FigureWithPast, labelsOf, stepsOf } from './steps.ts'

/** One label combination over all hours. */
export interface HourlySeries {
  labels: Readonly<Record<string, string>>
  /** By hour; for a histogram one for each number of it, in the order of its columns. */
  values: readonly Float64Array[]
  /** By hour, whether the series is there. */
  there: Uint8Array
}

interface Step {
  labels: readonly string[]
  place: number
  values: readonly number[]
  rows: number
}

/** Rows that travel at a time. */
const fetchRows = 5_000
const fetchNext = { text: `FETCH ${fetchRows} FROM past`, rowMode: 'array' } as const

interface Fetched {
  rows: unknown[][]
}

/**
 * Computes a metric's past and gives its series one by one. In memory are the series that share their labels from the
 * source: a few dozen at most. The database begins at once; the client is free when all series are taken.
 */
export function hourlySeries(
  client: Pick<PoolClient, 'query'>,
  figure: FigureWithPast,
  { hours, inputs }: { hours: Hours; inputs: Inputs },
): AsyncGenerator<HourlySeries> {
  const { text, values } = bind(stepsOf(figure, hours), inputs)
  const first = client
    .query(`DECLARE past NO SCROLL CURSOR FOR ${text}`, values)
    .then(() => client.query<unknown[]>(fetchNext))
  // Whoever takes the series hears of it; until then it is nobody's rejection.
  first.catch(() => {})
  return takeSeries(client, figure, hours, first)
}

async function* takeSeries(
  client: Pick<PoolClient, 'query'>,
  figure: FigureWithPast,
  hours: Hours,
  first: Promise<Fetched>,
): AsyncGenerator<HourlySeries> {
  const openLabels = labelsOf(figure.metric).open.length
  let group: Step[] = []
  let isAny = false
  for await (const steps of stepsIn(client, figure, first)) {
    for (const step of steps) {
      isAny = true
      const before = group[0]
      if (before !== undefined && !sharesLabels(before, step, openLabels)) {
        yield* seriesOfGroup(figure, group, hours)
        group = []
      }
      group.push(step)
    }
  }
  // Without labels from the source there is one group, which is there also where no row was found.
  if (isAny || openLabels === 0) yield* seriesOfGroup(figure, group, hours)
}

async function* stepsIn(
  client: Pick<PoolClient, 'query'>,
  figure: FigureWithPast,
  first: Promise<Fetched>,
): AsyncGenerator<Step[]> {
  const { open, enumerated } = labelsOf(figure.metric)
  const labelCount = open.length + enumerated.length
  for (let fetching = first; ; fetching = client.query<unknown[]>(fetchNext)) {
    const { rows } = await fetching
    yield rows.map((row) => ({
      labels: row.slice(0, labelCount).map(String),
      place: Number(row[labelCount]),
      values: row.slice(labelCount + 1, -1).map(Number),
      rows: Number(row.at(-1)),
    }))
    if (rows.length < fetchRows) break
  }
  await client.query('CLOSE past')
}

const sharesLabels = (one: Step, other: Step, count: number): boolean =>
  one.labels.every((label, index) => index >= count || label === other.labels[index])

/** The series of one combination of open labels, with zeros for what is not found of our own enumerations. */
function* seriesOfGroup(figure: FigureWithPast, steps: readonly Step[], hours: Hours): Generator<HourlySeries> {
  const { open, enumerated } = labelsOf(figure.metric)
  const names = [...open, ...enumerated]
  const found = new Map<string, Step[]>()
  for (const step of steps) {
    const key = JSON.stringify(step.labels)
    const known = found.get(key)
    if (known === undefined) found.set(key, [step])
    else known.push(step)
  }
  const groupThere = open.length === 0 ? new Uint8Array(hours.count).fill(1) : thereInGroup(found.values(), hours)
  const nothing = figure.past.columns?.map(() => new Float64Array(hours.count)) ?? [new Float64Array(hours.count)]
  const expected = figure.sparse
    ? []
    : combinations(figure.metric, enumerated, steps[0]?.labels.slice(0, open.length) ?? [])
  const isExpected = new Set(expected.map((labels) => JSON.stringify(labels)))
  for (const key of new Set([...isExpected, ...found.keys()])) {
    const own = found.get(key)
    yield {
      labels: Object.fromEntries((JSON.parse(key) as string[]).map((value, index) => [names[index], value])),
      values:
        own === undefined ? nothing : nothing.map((_, column) => carried(own, hours, (step) => step.values[column])),
      there: isExpected.has(key) ? groupThere : thereInGroup([own ?? []], hours),
    }
  }
}

/** What was last known, at every hour. */
function carried(steps: readonly Step[], { count }: Hours, of: (step: Step) => number | undefined): Float64Array {
  const values = new Float64Array(count)
  for (const [index, step] of steps.entries()) values.fill(of(step) ?? 0, step.place, steps[index + 1]?.place ?? count)
  return values
}

function thereInGroup(series: Iterable<readonly Step[]>, hours: Hours): Uint8Array {
  const there = new Uint8Array(hours.count)
  for (const steps of series) {
    const rows = carried(steps, hours, (step) => step.rows)
    rows.forEach((value, place) => {
      if (value > 0) there[place] = 1
    })
  }
  return there
}

function combinations(metric: Metric, enumerated: readonly string[], open: readonly string[]): string[][] {
  const labels = enumerated.map((name) => metric.labels[name]).filter((label): label is Label => label !== undefined)
  return labels.reduce<string[][]>(
    (all, label) => all.flatMap((before) => (label.values ?? []).map((value) => [...before, value])),
    [[...open]],
  )
}
