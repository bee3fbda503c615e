import { randomInt } from 'node:crypto'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { createDatabase } from '../../testing/database.ts'
import { type SchemaName, schemas } from '../../testing/second-implementation/history.ts'
import { type Played, play } from '../../testing/store/play.ts'
import { Stages } from '../../testing/store/stages.ts'
import { type Sequence, sequencesOf } from '../../testing/store/steps.ts'

/**
 * PROPERTY_SEED and PROPERTY_RUNS choose another run; PROPERTY_PATH, which a failure prints, goes straight to the sequence
 * that failed.
 */
const seed = Number(process.env.PROPERTY_SEED ?? randomInt(2 ** 31))
const runsEach = Number(process.env.PROPERTY_RUNS ?? 100)
const path = process.env.PROPERTY_PATH
/** 150 of a second each: a failure is shown within minutes, as short as it has become by then. */
const shrinksMax = Number(process.env.PROPERTY_SHRINKS ?? 150)

const schemaNames = Object.keys(schemas) as SchemaName[]

beforeAll(() => console.log(`property seed ${seed}`))

/** At once, so that one sequence's work in Node goes on while another's is in Postgres. */
test.concurrent.for(schemaNames)(
  'whatever happens to a platform, each refresh of the store shows what plain SQL over the views shows: ids are %s',
  { timeout: 120_000 + runsEach * 5_000 + shrinksMax * 2_000 },
  async (schema, { onTestFinished }) => {
    const stages = new Stages(schema, createDatabase)
    onTestFinished(() => stages.drop())
    let refreshes = 0
    let failed: Played | undefined
    let shrinks = 0
    const holds = async (sequence: Sequence): Promise<boolean> => {
      if (failed !== undefined && ++shrinks > shrinksMax) return true
      const played = await play(stages, sequence)
      refreshes += played.refreshes
      if (played.problems.length === 0) return true
      failed = played
      return false
    }
    const family = schemaNames.indexOf(schema)
    const property = fc.asyncProperty(sequencesOf(family, schemaNames.length), holds)
    const parameters = { seed: seed + family, numRuns: runsEach }
    const found = await fc.check(property, path === undefined ? parameters : { ...parameters, path })
    const shown = [
      `seed ${seed}, ids ${schema}, path ${found.counterexamplePath}`,
      ...(failed?.story ?? []),
      ...(failed?.problems ?? []),
    ]
    expect(failed === undefined && !found.failed, shown.join('\n')).toBe(true)
    expect(refreshes).toBeGreaterThanOrEqual(found.numRuns)
  },
)
