import { afterAll, beforeAll, expect, test } from 'vitest'
import { views } from '../../catalogue/define.ts'
import type { PoolClient } from '../../lib/postgres.ts'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import type { Inputs, Sample } from '../collector.ts'
import { createSchema, inputsAt, insertHistory, type SchemaName, schemas } from '../collectors/brute-force/history.ts'
import { scenarioOf } from '../collectors/brute-force/random.ts'
import { instantOf, microseconds } from '../collectors/brute-force/rules.ts'
import { figureOf, inSchema } from '../collectors/testing.ts'
import { nothingKept, refreshKept } from '../kept.ts'
import { runFigure } from '../oracle.ts'
import { migrateStore } from '../store/migrate.ts'
import type { Past } from './figure.ts'
import { type Hours, hourMs } from './hours.ts'
import { pasts } from './parts/index.ts'
import { type HourlySeries, hourlySeries } from './series.ts'

const platformsEach = Number(process.env.PLATFORMS ?? 4)
const hoursEach = 8
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

async function compare(client: PoolClient, past: Past, at: { hours: Hours; inputs: Inputs; places: number[] }) {
  const all: HourlySeries[] = []
  for await (const series of hourlySeries(client, past, at)) all.push(series)
  for (const place of at.places) {
    const asOf = new Date(at.hours.firstMs + place * hourMs).toISOString()
    const { samples } = await runFigure(client, figureOf(past.metric), { ...at.inputs, asOf })
    expect(shownAt(all, place), `${past.metric.name} at ${asOf} in ${at.inputs.timezone}`).toEqual(shown(samples))
  }
}

/** Full hours around the scenario's instant, weeks before it and after it, at the edges of days more than elsewhere. */
function placesOf(seed: number, count: number): number[] {
  const some = Array.from({ length: hoursEach }, (_, index) => ((seed + 1) * 7_919 + index * 104_729) % count)
  return [...new Set([0, count - 1, ...some])]
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
        const kept = await refreshKept(client, { storeSchema: 'store', inputs: base, views: new Set(views) })
        const nowMs = Math.floor(Number(microseconds(asOf) / 1_000n) / hourMs) * hourMs
        const hours = { firstMs: nowMs - 900 * hourMs, count: 1_000 }
        const places = [...placesOf(seed, hours.count), 898, 899, 900, 901, 876, 732, 180]
        for (const past of pasts) {
          try {
            await compare(client, past, { hours, inputs: { ...base, kept }, places })
          } catch (error) {
            throw new Error(`seed ${seed}: ${past.metric.name}`, { cause: error })
          }
        }
      })
    }
  },
)
