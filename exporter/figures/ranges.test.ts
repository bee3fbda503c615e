import { expect, test } from 'vitest'
import { transaction } from '../../lib/postgres.ts'
import { plain } from '../../testing/figures/plain-ranges.ts'
import { openRandomPlatform, type RandomPlatform } from '../../testing/random-platform.ts'
import { type SchemaName, schemas } from '../../testing/second-implementation/history.ts'
import { instantOf, microseconds } from '../../testing/second-implementation/rules.ts'
import type { Inputs } from '../store/figure.ts'
import { readKept } from '../store/labels.ts'
import { bind } from '../store/run-figure.ts'

/** Every zone of the scenarios twice, by ids of each type: some seconds. */
const seeds = Array.from({ length: 24 }, (_, index) => index)
const schemaNames = Object.keys(schemas) as SchemaName[]

const day = 24n * 3_600_000_000n

/** Ranges about the instant: edges within a day, at midnights, of no length a day, and beyond what is. */
function rangesOf(seed: number, asOf: string): [since: string, until: string][] {
  const now = microseconds(asOf)
  const spread = BigInt(seed * 7_919_000_003)
  return [
    [now - 40n * day, now + 1n],
    [now - 30n * day + 1n, now + 1n],
    [now - day + 1n, now + 1n],
    [now - (spread % (35n * day)) - day, now - (spread % (9n * day))],
    [now - (spread % day), now + 20n * day],
    [now - 3n * day, now - 3n * day + (spread % (2n * day)) + 1n],
    [now - 20n * day - (spread % day), now - (spread % (3n * day))],
  ].map(([since = 0n, until = 0n]) => [instantOf(since), instantOf(until)])
}

async function rowsOf(platform: RandomPlatform, text: string, values: unknown[] = []): Promise<string[]> {
  return await transaction(platform.database.pool, 'BEGIN READ ONLY', async (client) => {
    await client.query(`SET LOCAL search_path = ${platform.source}; SET LOCAL TimeZone = 'America/New_York'`)
    const { rows } = await client.query({ text, values, rowMode: 'array', types: { getTypeParser: () => String } })
    return rows.map((row) => JSON.stringify(row.map(shown))).sort()
  })
}

/** Numbers by their value: one side says 1.50, the other 1.5. */
const shown = (cell: string | null): string | null =>
  cell !== null && /^-?\d+\.\d+(e-?\d+)?$/.test(cell) ? Number(cell).toPrecision(12) : cell

test.each(seeds)('every function over any range is what plain SQL over the views says (platform %i)', async (seed) => {
  const platform = await openRandomPlatform(seed, schemaNames[seed % schemaNames.length] ?? 'numbers')
  try {
    const { asOf, timezone, store } = platform
    const kept = await readKept(platform.database.pool, store)
    const inputs: Inputs = { asOf, timezone, thresholds: { casual: 1, regular: 3, power: 8 }, kept, popularItems: [] }
    const periods = ['day', 'week', 'month', 'all'] as const
    for (const [place, [since, until]] of rangesOf(seed, asOf).entries()) {
      const period = periods[(place + seed) % periods.length] ?? 'day'
      for (const { name, filters, columns, sql } of plain(seed + place)) {
        if (name === 'retention' && period === 'all') continue
        const { text, values } = bind(sql({ period, since, until }), inputs)
        const wanted = await rowsOf(platform, text, values)
        const found = await rowsOf(platform, `SELECT ${columns} FROM ${store}.analytics_${name}($1, $2, $3, $4)`, [
          period,
          since,
          until,
          JSON.stringify(filters),
        ])
        expect(
          found,
          `${name} ${JSON.stringify(filters)} by ${period} from ${since} to ${until} at ${asOf} in ${timezone}`,
        ).toEqual(wanted)
      }
    }
  } finally {
    await platform.drop()
  }
})
