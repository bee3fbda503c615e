import { afterAll, beforeAll, expect, test } from 'vitest'
import { generationsInProgress, popularGenerations } from '../../catalogue/content.ts'
import { bugReportsOpen, influencerRequestsPending } from '../../catalogue/quick-actions.ts'
import { views } from '../../catalogue/views.ts'
import type { PoolClient } from '../../lib/postgres.ts'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { inSchema } from '../../testing/figures/samples.ts'
import {
  createSchema,
  inputsAt,
  insertHistory,
  type SchemaName,
  schemas,
} from '../../testing/second-implementation/history.ts'
import { scenarioOf } from '../../testing/second-implementation/random.ts'
import { instantOf, microseconds } from '../../testing/second-implementation/rules.ts'
import { collectors } from '../figures/index.ts'
import { labelSets } from '../figures/labels.ts'
import { type Inputs, presentOnly, type Sample } from '../store/figure.ts'
import { nothingKept, plainCandidates, refreshKept } from '../store/labels.ts'
import { migrateStore } from '../store/migrate.ts'
import { runFigure } from '../store/run-figure.ts'
import { type Hours, hourMs } from './hours.ts'
import { type HourlySeries, hourlySeries } from './series.ts'
import { type FigureWithPast, withPast } from './steps.ts'

const figures = collectors.flatMap((collector) => collector.figures)
/** 3 platforms for each of the three schemas: some seconds. */
const platformsEach = 3
const schemaNames = Object.keys(schemas) as SchemaName[]

let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase()
  for (const name of schemaNames) await createSchema(database.pool, name)
  await migrateStore({ DATABASE_URL: database.url, STORE_SCHEMA: 'store' })
})
afterAll(() => database.drop())

const keyOf = (labels: Readonly<Record<string, string>>): string => JSON.stringify(Object.entries(labels).sort())

function shown(samples: readonly Sample[]): Record<string, readonly number[]> {
  return Object.fromEntries(
    samples.map((sample) => [
      keyOf(sample.labels),
      'value' in sample ? [sample.value] : [...sample.buckets, sample.sum, sample.count],
    ]),
  )
}

function shownAt(all: readonly HourlySeries[], place: number): Record<string, readonly number[]> {
  return Object.fromEntries(
    all
      .filter(({ there }) => there[place] === 1)
      .map(({ labels, values }) => [keyOf(labels), values.map((column) => column[place] ?? Number.NaN)]),
  )
}

async function compare(
  client: PoolClient,
  figure: FigureWithPast,
  at: { hours: Hours; inputs: Inputs; places: number[] },
) {
  const all: HourlySeries[] = []
  for await (const series of hourlySeries(client, figure, at)) all.push(series)
  for (const place of at.places) {
    const asOf = new Date(at.hours.firstMs + place * hourMs).toISOString()
    const { samples } = await runFigure(client, figure, { ...at.inputs, asOf })
    expect(shownAt(all, place), `${figure.metric.name} at ${asOf} in ${at.inputs.timezone}`).toEqual(shown(samples))
  }
}

/** A day around the instant near which the clocks change and most happens, the first and the last hour, and some others. */
function placesOf(seed: number, { count }: Hours, now: number): number[] {
  const day = Array.from({ length: 26 }, (_, index) => now - 13 + index)
  const others = Array.from({ length: 6 }, (_, index) => ((seed + 1) * 7_919 + index * 104_729) % count)
  return [...new Set([0, count - 1, ...day, ...others])]
}

test.each(schemaNames)(
  'the past of random platforms with ids as %s is what plain SQL finds at each hour',
  async (schema) => {
    for (let platform = 0; platform < platformsEach; platform++) {
      const seed = platform * schemaNames.length + schemaNames.indexOf(schema)
      const { timezone, asOf, history } = scenarioOf(seed)
      await inSchema(database.pool, schema, async (client) => {
        await insertHistory(client, schema, history)
        const base = inputsAt(instantOf(microseconds(asOf)), { timezone, kept: nothingKept })
        const kept = await refreshKept(client, {
          storeSchema: 'store',
          inputs: base,
          sets: plainCandidates(labelSets, new Set(views)),
        })
        const nowMs = Math.floor(Number(microseconds(asOf) / 1_000n) / hourMs) * hourMs
        const hours = { firstMs: nowMs - 900 * hourMs, count: 1_000 }
        const places = placesOf(seed, hours, 900)
        for (const figure of withPast(figures)) {
          try {
            await compare(client, figure, { hours, inputs: { ...base, kept }, places })
          } catch (error) {
            throw new Error(`seed ${seed}: ${figure.metric.name}`, { cause: error })
          }
        }
      })
    }
  },
)

test('every figure has a past but those of which only the present is kept', () => {
  const without = figures.filter(({ past }) => past === presentOnly)
  expect(without.map(({ metric }) => metric)).toEqual([
    generationsInProgress,
    popularGenerations,
    bugReportsOpen,
    influencerRequestsPending,
  ])
})
