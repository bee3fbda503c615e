import { afterAll, beforeAll, expect, test } from 'vitest'
import { keptSets } from '../../catalogue/define.ts'
import { views } from '../../catalogue/views.ts'
import type { PoolClient } from '../../lib/postgres.ts'
import { createDatabase, type TestDatabase } from '../../testing/database.ts'
import { inSchema } from '../../testing/figures/samples.ts'
import {
  createSchema,
  type History,
  inputsAt,
  insertHistory,
  type SchemaName,
  schemas,
} from '../../testing/second-implementation/history.ts'
import { expectedAll } from '../../testing/second-implementation/index.ts'
import { expectedKept, expectedPopular } from '../../testing/second-implementation/kept.ts'
import { scenarioOf } from '../../testing/second-implementation/random.ts'
import { dateOf, type ExpectedMetric, type World, worldOf } from '../../testing/second-implementation/rules.ts'
import type { Family, Figure, Inputs, PopularItem, Sample } from '../store/figure.ts'
import { nothingKept, plainCandidates, refreshKept, refreshPopular } from '../store/labels.ts'
import { migrateStore } from '../store/migrate.ts'
import { runFigure } from '../store/run-figure.ts'
import { collectors, layout } from './index.ts'

/** 25 platforms for each of the three schemas: some seconds. */
const platformsEach = 25
const schemaNames = Object.keys(schemas) as SchemaName[]

let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase()
  for (const name of schemaNames) await createSchema(database.pool, name)
  await migrateStore({ DATABASE_URL: database.url, STORE_SCHEMA: 'store' })
})
afterAll(() => database.drop())

const numbersOf = (sample: Sample): number | number[] =>
  'value' in sample ? sample.value : [...sample.buckets, sample.count, sample.sum]

const isZero = (value: number | readonly number[]): boolean =>
  typeof value === 'number' ? value === 0 : value.every((one) => one === 0)

/** The metric's series by their labels; each combination may be there once. */
function shown({ metric, samples }: Family): Map<string, number | number[]> {
  const names = Object.keys(metric.labels)
  const series = samples.map(
    (sample) => [JSON.stringify(names.map((name) => sample.labels[name])), numbersOf(sample)] as const,
  )
  expect(new Set(series.map(([key]) => key)).size).toBe(series.length)
  return new Map(series)
}

/** Zeros of our own enumerations: as many series as the labels from outside, times all enumerated ones. */
function fewestSeries(figure: Figure, keys: readonly string[]): number {
  const labels = Object.values(figure.metric.labels)
  const open = new Set(
    keys.map((key) => JSON.stringify((JSON.parse(key) as string[]).filter((_, place) => !labels[place]?.values))),
  )
  const enumerated = labels.reduce((product, label) => product * (label.values?.length ?? 1), 1)
  return enumerated * (labels.every((label) => label.values) ? 1 : open.size)
}

function compare(figure: Figure, family: Family, { expected }: ExpectedMetric): void {
  const found = shown(family)
  const nonzero = (entries: Iterable<readonly [string, number | readonly number[]]>) =>
    Object.fromEntries([...entries].filter(([, value]) => figure.sparse === true || !isZero(value)).sort())
  expect(nonzero(found)).toEqual(nonzero(expected))
  if (figure.sparse !== true)
    expect(found.size).toBeGreaterThanOrEqual(fewestSeries(figure, [...found.keys(), ...expected.keys()]))
}

async function compareAll(client: PoolClient, world: World): Promise<void> {
  const expected = expectedAll(world)
  for (const figure of collectors.flatMap((collector) => collector.figures)) {
    const other = expected.find(({ metric }) => metric === figure.metric)
    if (other === undefined) throw new Error(`nobody has worked out ${figure.metric.name} a second time`)
    const family = await runFigure(client, figure, world.inputs)
    try {
      compare(figure, family, other)
    } catch (error) {
      throw new Error(`${figure.metric.name} at ${world.inputs.asOf} in ${world.inputs.timezone}`, { cause: error })
    }
  }
}

interface Step {
  history: History
  asOf: string
  timezone: string
  before: Inputs
}

/** One refresh: kept values and popular items against what they should be, then every figure. */
async function refreshAndCompare(client: PoolClient, schema: SchemaName, step: Step): Promise<Inputs> {
  const { history, before } = step
  for (const view of views) await client.query(`DELETE FROM ${view}`)
  await insertHistory(client, schema, history)
  const at = inputsAt(step.asOf, { timezone: step.timezone, thresholds: { casual: 1, regular: 3, power: 8 } })
  const world = worldOf(history, at)

  const kept = await refreshKept(client, {
    storeSchema: 'store',
    inputs: at,
    sets: plainCandidates(layout.labelSets, new Set(views)),
  })
  for (const set of keptSets) expect(kept[set]).toEqual(expectedKept(world, set, before.kept[set]))

  const popularItems = await refreshPopular(client, {
    ...{ storeSchema: 'store', inputs: { ...at, kept } },
    counts: layout.dailyItems.plain,
  })
  const isSameDay = dateOf(world, world.now) === dateOf(world, worldOf(history, before).now)
  const sorted = (items: readonly PopularItem[]) =>
    items.map(({ category, window, item }) => [category, window, item].join()).sort()
  expect(sorted(popularItems)).toEqual(sorted(isSameDay ? before.popularItems : expectedPopular(world)))

  const inputs = { ...at, kept, popularItems }
  await compareAll(client, { ...world, inputs })
  return inputs
}

test.each(schemaNames)(
  'every figure of random platforms with ids as %s is what loops over their rows find',
  async (schema) => {
    for (let platform = 0; platform < platformsEach; platform++) {
      const seed = platform * schemaNames.length + schemaNames.indexOf(schema)
      const { timezone, asOf, laterAsOf, history, laterHistory } = scenarioOf(seed)
      try {
        await inSchema(database.pool, schema, async (client) => {
          const nothing = inputsAt('2000-01-01 00:00:00Z', { timezone, kept: nothingKept })
          const first = await refreshAndCompare(client, schema, { history, asOf, timezone, before: nothing })
          await refreshAndCompare(client, schema, { history: laterHistory, asOf: laterAsOf, timezone, before: first })
        })
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error })
      }
    }
  },
)
