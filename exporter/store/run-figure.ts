import { currencyDecimals } from '../../catalogue/currencies.ts'
import type { Labels, Metric } from '../../catalogue/define.ts'
import type { PoolClient } from '../../lib/postgres.ts'
import type { Family, Figure, Inputs, Sample } from './figure.ts'

/** What a `:name` in a figure's SQL stands for. */
function parameters(inputs: Inputs): Record<string, unknown> {
  const kept = Object.entries(inputs.kept).map(([set, values]) => [`kept_${set}`, values])
  return {
    as_of: inputs.asOf,
    timezone: inputs.timezone,
    ...inputs.thresholds,
    ...Object.fromEntries(kept),
    popular_items: JSON.stringify(inputs.popularItems),
    currency_decimals: JSON.stringify(currencyDecimals),
  }
}

const casts: Readonly<Record<string, string>> = {
  as_of: 'timestamptz',
  timezone: 'text',
  casual: 'bigint',
  regular: 'bigint',
  power: 'bigint',
  popular_items: 'jsonb',
  currency_decimals: 'jsonb',
}

/** What is quoted or a comment, which is left as it is, or a name; `::casts` are no names. */
const nameOrQuoted = /'(?:[^']|'')*'|"[^"]*"|--[^\n]*|\/\*[\s\S]*?\*\/|(?<![:\w]):(?<name>[a-z_]+)\b/g

/**
 * Puts something else for each `:name`, outside of what is quoted.
 * @throws where a name stands for nothing
 */
export function replaceNames(sql: string, known: readonly string[], put: (name: string) => string): string {
  return sql.replace(nameOrQuoted, (whole, name: string | undefined) => {
    if (name === undefined) return whole
    if (!known.includes(name)) throw new Error(`the statement asks for ${whole}; expected one of ${known.join(', ')}`)
    return put(name)
  })
}

/**
 * Puts `$1::type` for each `:name`.
 * @throws where a name stands for nothing
 */
export function bind(sql: string, inputs: Inputs): { text: string; values: unknown[] } {
  const given = parameters(inputs)
  const names: string[] = []
  const text = replaceNames(sql, Object.keys(given), (name) => {
    if (!names.includes(name)) names.push(name)
    return `$${names.indexOf(name) + 1}::${casts[name] ?? 'text[]'}`
  })
  return { text, values: names.map((name) => given[name]) }
}

/** Runs a figure's statement; the search path is the source schema, and the store where it is read from there. */
export async function runFigure(
  client: Pick<PoolClient, 'query'>,
  figure: Pick<Figure, 'metric' | 'sql' | 'sparse'>,
  inputs: Inputs,
): Promise<Family> {
  const { rows } = await client.query<Record<string, unknown>>(bind(figure.sql, inputs))
  const samples = rows.map((row) => toSample(figure.metric, row))
  return { metric: figure.metric, samples: figure.sparse ? samples : fillZeros(figure.metric, samples) }
}

/** @throws for a value that the catalogue does not know: the figure's SQL and the catalogue differ, not the data */
function toSample(metric: Metric, row: Record<string, unknown>): Sample {
  const labels = Object.fromEntries(Object.keys(metric.labels).map((label) => [label, String(row[label])]))
  for (const [label, { values }] of Object.entries(metric.labels)) {
    const value = labels[label] ?? ''
    if (values !== undefined && value !== 'other' && !values.includes(value))
      throw new Error(`label ${label} is ${value}; expected one of ${values.join(', ')}, as the catalogue has it`)
  }
  if (metric.type !== 'histogram') return { labels, value: Number(row.value) }
  return { labels, buckets: (row.buckets as unknown[]).map(Number), sum: Number(row.sum), count: Number(row.count) }
}

/**
 * A count that is zero is 0, not absent: every combination of our own enumerations is there, once with each combination
 * of the other labels that was seen (and at once where there are no others).
 */
function fillZeros(metric: Metric, samples: readonly Sample[]): Sample[] {
  const names = Object.keys(metric.labels)
  const key = (labels: Readonly<Record<string, string>>) => JSON.stringify(names.map((name) => labels[name]))
  const present = new Set(samples.map((sample) => key(sample.labels)))
  const open = names.filter((name) => metric.labels[name]?.values === undefined)
  // Without such labels there is one combination of them, the empty one, also where no row was found.
  const seen = new Map<string, Record<string, string>>(open.length === 0 ? [['{}', {}]] : [])
  for (const { labels } of samples) {
    const others = Object.fromEntries(open.map((name) => [name, labels[name] ?? '']))
    seen.set(JSON.stringify(others), others)
  }
  const missing = [...seen.values()]
    .flatMap((others) => combinations(metric.labels, others))
    .filter((labels) => !present.has(key(labels)))
  return [...samples, ...missing.map((labels) => zero(metric, labels))]
}

function zero(metric: Metric, labels: Record<string, string>): Sample {
  return metric.type === 'histogram'
    ? { labels, buckets: (metric.buckets ?? []).map(() => 0), sum: 0, count: 0 }
    : { labels, value: 0 }
}

function combinations(labels: Labels, fixed: Record<string, string>): Record<string, string>[] {
  let all: Record<string, string>[] = [{}]
  for (const [name, label] of Object.entries(labels)) {
    const values = label.values ?? [fixed[name] ?? '']
    all = all.flatMap((before) => values.map((value) => ({ ...before, [name]: value })))
  }
  return all
}
