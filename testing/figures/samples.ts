import type { Metric } from '../../catalogue/define.ts'
import { collectors } from '../../exporter/figures/index.ts'
import type { Collector, Figure, Inputs, Sample } from '../../exporter/store/figure.ts'
import { runFigure } from '../../exporter/store/run-figure.ts'
import { type Pool, type PoolClient, transaction } from '../../lib/postgres.ts'
import {
  complete,
  type Instant,
  inputsAt,
  insertHistory,
  type PartialHistory,
  type SchemaName,
} from '../second-implementation/history.ts'
import { differences } from '../store/compare.ts'
import { throughStore } from './through-store.ts'

class RolledBack extends Error {}

/** Gives a client whose search path is the schema; nothing stays. */
export async function inSchema(
  pool: Pool,
  schema: SchemaName,
  work: (client: PoolClient) => Promise<void>,
): Promise<void> {
  const done = transaction(pool, 'BEGIN', async (client) => {
    await client.query(`SET LOCAL search_path = ${schema}`)
    // The session's zone is nobody's business: 30 of its days are not 720 hours when it changes its clocks.
    await client.query(`SET LOCAL TimeZone = 'America/New_York'`)
    await work(client)
    throw new RolledBack()
  })
  await done.catch((error) => {
    if (!(error instanceof RolledBack)) throw error
  })
}

export function figureOf(metric: Metric): Figure {
  const figure = collectors.flatMap((collector) => collector.figures).find((one) => one.metric === metric)
  if (figure === undefined) throw new Error(`no collector fills ${metric.name}`)
  return figure
}

function collectorOf(metric: Metric): Collector {
  const collector = collectors.find(({ figures }) => figures.some((one) => one.metric === metric))
  if (collector === undefined) throw new Error(`no collector fills ${metric.name}`)
  return collector
}

/** All samples of a metric over the rows, at an instant: by its plain SQL, and the same from a store over these rows. */
export async function samplesOf(
  pool: Pool,
  metric: Metric,
  history: PartialHistory,
  at: Partial<Inputs> & { asOf: Instant; schema?: SchemaName },
): Promise<readonly Sample[]> {
  const { schema = 'numbers', asOf, ...others } = at
  let samples: readonly Sample[] = []
  await inSchema(pool, schema, async (client) => {
    await insertHistory(client, schema, complete(history))
    const inputs = inputsAt(asOf, others)
    const figure = figureOf(metric)
    const family = await runFigure(client, figure, inputs)
    const stored = await throughStore(client, { schema, collector: collectorOf(metric), figure, inputs })
    const unlike = differences(figure, stored, family)
    if (unlike.length > 0) throw new Error(`the store differs from plain SQL: ${unlike.join('; ')}`)
    samples = family.samples
  })
  return samples
}

/** A metric over the rows: its values by the values of its labels. Zeros are left out where zero is the same as nothing. */
export async function figure(
  pool: Pool,
  metric: Metric,
  history: PartialHistory,
  at: Partial<Inputs> & { asOf: Instant; schema?: SchemaName },
): Promise<Record<string, number>> {
  const samples = await samplesOf(pool, metric, history, at)
  const names = Object.keys(metric.labels)
  const entries = samples.flatMap((sample) =>
    'value' in sample ? [[names.map((name) => sample.labels[name]).join(' '), sample.value] as const] : [],
  )
  return Object.fromEntries(entries.filter(([, value]) => figureOf(metric).sparse || value !== 0).sort())
}
