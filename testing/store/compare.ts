import type { Collector, Family, Figure, Inputs, PopularItem, Sample } from '../../exporter/store/figure.ts'
import { readKept } from '../../exporter/store/labels.ts'
import { runFigure } from '../../exporter/store/run-figure.ts'
import type { CollectorState } from '../../exporter/store/snapshot.ts'
import { type Pool, transaction } from '../../lib/postgres.ts'

export interface Compared {
  store: string
  source: string
  asOf: string
  settings: { REPORTING_TIMEZONE: string; ACTIVITY_THRESHOLDS: Inputs['thresholds'] }
  /** The collectors whose figures should be right, as they stand in the snapshot. */
  states: readonly (readonly [Collector, CollectorState])[]
}

/** A line for each series that is not what plain SQL over the views says at the same instant. */
export async function differencesFromPlainSql(pool: Pool, compared: Compared): Promise<string[]> {
  const { store, source, asOf, states } = compared
  return await transaction(pool, 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', async (client) => {
    // The session's zone is nobody's business: 30 of its days are not 720 hours when it changes its clocks.
    await client.query(
      `SET LOCAL search_path = ${source}; SET LOCAL TimeZone = 'America/New_York'; SET LOCAL jit = off`,
    )
    const timezone = compared.settings.REPORTING_TIMEZONE
    const { rows: popularItems } = await client.query<PopularItem>(
      `SELECT category, time_window AS "window", item FROM ${store}.popular_item
       WHERE day = ($1::timestamptz AT TIME ZONE $2)::date`,
      [asOf, timezone],
    )
    const kept = await readKept(client, store)
    const inputs: Inputs = { asOf, timezone, thresholds: compared.settings.ACTIVITY_THRESHOLDS, kept, popularItems }
    const lines: string[] = []
    for (const [collector, state] of states) {
      for (const figure of collector.figures) {
        const found = state.families.find(({ metric }) => metric === figure.metric)
        lines.push(...differences(figure, found, await runFigure(client, figure, inputs)))
      }
    }
    return lines
  })
}

type Numbers = readonly number[]
const numbersOf = (sample: Sample): Numbers =>
  'value' in sample ? [sample.value] : [...sample.buckets, sample.count, sample.sum]

/** A line for each series of a family that is not what plain SQL found. */
export function differences(figure: Figure, found: Family | undefined, expected: Family): string[] {
  const { name } = figure.metric
  if (found === undefined) return [`${name} is not in the snapshot`]
  const [here, there] = [seriesOf(figure, found), seriesOf(figure, expected)]
  const twice = here.size < found.samples.length ? [`${name} has a series twice`] : []
  const keys = [...new Set([...here.keys(), ...there.keys()])].sort()
  const unlike = keys.filter((key) => {
    const [one, other] = [here.get(key), there.get(key)]
    if (figure.sparse === true && (one === undefined || other === undefined)) return true
    return !areAlike(one ?? [], other ?? [])
  })
  const text = (numbers: Numbers | undefined) => (numbers === undefined ? 'nothing' : numbers.join(' '))
  return [
    ...twice,
    ...unlike.map((key) => `${name}{${key}} is ${text(here.get(key))}; expected ${text(there.get(key))}`),
  ]
}

function seriesOf({ metric }: Figure, { samples }: Family): Map<string, Numbers> {
  const names = Object.keys(metric.labels)
  return new Map(samples.map((sample) => [names.map((name) => sample.labels[name]).join(', '), numbersOf(sample)]))
}

/** Nothing and 0 are the same; counts are exact, sums of money and seconds as far as floating point goes. */
function areAlike(one: Numbers, other: Numbers): boolean {
  return Array.from({ length: Math.max(one.length, other.length) }).every((_, index) => {
    const [a, b] = [one[index] ?? 0, other[index] ?? 0]
    if (a === b) return true
    if (Number.isInteger(a) && Number.isInteger(b)) return false
    return Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b))
  })
}
